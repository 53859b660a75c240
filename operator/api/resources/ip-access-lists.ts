// IP access lists of a workspace or of the account (R101-R111): the same six calls for both.
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { IP_ACCESS_LISTS } from '../../model/cluster-resources.ts';
import { ACCOUNT_LABEL, LIST_MODES, LIST_TYPES } from '../../model/ip-access-list.ts';
import { API_VERSION } from '../../model/kubernetes-object.ts';
import { addressRangeSchema } from '../../model/private-endpoint.ts';
import { isOfAccount, type ReadList, readList, readLists, refuseLockout } from '../access-objects.ts';
import { ApiError, invalid } from '../api-error.ts';
import { type Authorship, authorshipOf, createdBy, updatedBy } from '../authorship.ts';
import { type Call, type Place, type Route, route } from '../route.ts';
import type { StoredObject, Write } from '../store/object-store.ts';
import { checkLists } from './list-checks.ts';
import { marked } from './marked.ts';

/** R108: the page's example has the text "false". */
const enabledSchema = z
  .union([z.boolean(), z.enum(['true', 'false'])])
  .transform((value) => value === true || value === 'true');

const label = z.string().min(1).max(253).describe('Name of the list for people.');
const listType = z.enum(LIST_TYPES).describe('ALLOW, or BLOCK, which takes precedence.');
const addresses = z
  .array(addressRangeSchema)
  .describe(
    'Addresses and CIDR ranges, kept as written. All lists together have at most 1000, also disabled ones.',
  );

/** Databricks has no such field: an answer has it only where it is DRY_RUN, so those of an enforced list are Databricks'. */
const DRY_RUN = 'DRY_RUN';
const mode = z
  .enum(LIST_MODES)
  .describe('DRY_RUN denies nobody and logs whom the list would deny. Left out of a change it stays.');

/** Of an answer that somebody sends back with a change. */
const ignored = z.unknown().optional().describe('Ignored.');
const ANSWERED_ONLY = {
  list_id: ignored,
  address_count: ignored,
  created_at: ignored,
  created_by: ignored,
  updated_at: ignored,
  updated_by: ignored,
} as const;

const newListSchema = z.strictObject({
  label,
  list_type: listType,
  ip_addresses: addresses,
  enabled: enabledSchema.optional(),
  mode: mode.optional(),
  ...ANSWERED_ONLY,
});
const wholeListSchema = newListSchema.extend({ enabled: enabledSchema });
const someOfListSchema = newListSchema.partial();

const millis = z.int().min(0).describe('Milliseconds since 1970.');
const userId = z.int().min(0).describe('Number of a user; 0 where another program than this API wrote it.');
const answeredListSchema = z.strictObject({
  list_id: z.string(),
  label: z.string(),
  ip_addresses: z.array(z.string()),
  address_count: z.int().min(0),
  list_type: z.enum(LIST_TYPES),
  created_at: millis,
  created_by: userId,
  updated_at: millis,
  updated_by: userId,
  enabled: z.boolean(),
  mode: z.literal(DRY_RUN).optional().describe('Of a list that denies nobody and logs whom it would deny.'),
});
const idSchema = z.looseObject({ id: z.string().min(1) });
const oneSchema = z.strictObject({ ip_access_list: answeredListSchema });
const allSchema = z.strictObject({ ip_access_lists: z.array(answeredListSchema) });

type NewList = z.infer<typeof newListSchema>;
type SomeOfList = z.infer<typeof someOfListSchema>;
/** `enabled` as it is after parsing. */
type ListFields = Pick<NewList, 'label' | 'list_type' | 'ip_addresses' | 'mode'> & {
  readonly enabled: boolean;
};

export function ipAccessListRoutes(level: Place['level'], root: string): readonly Route[] {
  const all = { level, path: `${root}/ip-access-lists` };
  const one = { level, path: `${root}/ip-access-lists/:id`, params: idSchema, errors: [404] };
  const name = (verb: string): string => `${verb}_${level.toLowerCase()}_ip_access_list`;
  return [
    route({
      ...all,
      method: 'GET',
      operationId: name('list'),
      summary: 'All IP access lists',
      answer: allSchema,
      handle: listLists,
    }),
    route({
      ...all,
      method: 'POST',
      operationId: name('create'),
      summary: 'Add an IP access list',
      body: newListSchema,
      answer: oneSchema,
      handle: createList,
    }),
    route({
      ...one,
      method: 'GET',
      operationId: name('get'),
      summary: 'One IP access list',
      answer: oneSchema,
      handle: getList,
    }),
    route({
      ...one,
      method: 'PUT',
      operationId: name('replace'),
      summary: 'Replace an IP access list',
      body: wholeListSchema,
      answer: oneSchema,
      handle: (call) => changeList(call),
    }),
    route({
      ...one,
      method: 'PATCH',
      operationId: name('update'),
      summary: 'Change some fields of an IP access list',
      body: someOfListSchema,
      answer: oneSchema,
      handle: patchList,
    }),
    route({
      ...one,
      method: 'DELETE',
      operationId: name('delete'),
      summary: 'Delete an IP access list; a body is ignored',
      answer: z.strictObject({}),
      handle: deleteList,
    }),
  ];
}

async function listLists({ session, place }: Call<unknown, unknown, unknown>) {
  const stored = await session.list(IP_ACCESS_LISTS, place.namespace);
  return { ip_access_lists: readLists(stored, place).toSorted(byAge).map(answerOf) };
}

async function getList({ session, place, params: { id } }: Change<unknown>) {
  const name = knownName(id);
  const stored = await session.get(IP_ACCESS_LISTS, { namespace: place.namespace, name });
  return envelope(knownList(stored === undefined ? [] : [stored], place, id));
}

function patchList(call: Change<SomeOfList>) {
  if (Object.keys(call.body).some((key) => !(key in ANSWERED_ONLY))) return changeList(call);
  throw invalid(
    'Cannot find anything to change: send "label", "list_type", "ip_addresses", "enabled" or "mode"',
  );
}

async function createList({ session, place, address, nowMs, body }: Call<unknown, unknown, NewList>) {
  const user = await session.user();
  const name = randomUUID();
  const labels = place.level === 'ACCOUNT' ? { labels: { [ACCOUNT_LABEL]: 'true' } } : {};
  const object = marked({
    apiVersion: API_VERSION,
    kind: 'IpAccessList',
    metadata: {
      name,
      namespace: place.namespace,
      ...labels,
      annotations: createdBy({ user, nowMs }),
    },
    spec: specOf({ ...body, enabled: body.enabled ?? true }),
  });
  const stored = await session.changeAccess(place.namespace, (before) => {
    const after = [...before.lists, object];
    checkLists({ place, address, before, after, changed: object });
    return { verb: 'create', object };
  });
  return envelope(knownList([stored], place, name));
}

type Change<Body> = Call<{ readonly id: string }, unknown, Body>;

async function changeList({ session, place, address, nowMs, params: { id }, body }: Change<SomeOfList>) {
  const user = await session.user();
  const name = knownName(id);
  const stored = await session.changeAccess(place.namespace, (before) => {
    const found = knownList(before.lists, place, name);
    const object = changed(found, body, updatedBy({ user, nowMs }));
    const after = before.lists.map((one) => (one === found.stored ? object : one));
    checkLists({ place, address, before, after, changed: object });
    return { verb: 'replace', object };
  });
  return envelope(knownList([stored], place, name));
}

async function deleteList({ session, place, address, params: { id } }: Change<unknown>) {
  const name = knownName(id);
  await session.changeAccess(place.namespace, (before): Write => {
    const { stored } = knownList(before.lists, place, name);
    const after = before.lists.filter((one) => one !== stored);
    refuseLockout(place, address, before, { ...before, lists: after });
    return { verb: 'remove', object: stored };
  });
  return {};
}

/** What is left out stays as it is. */
function changed({ stored, list: { spec } }: ReadList, body: SomeOfList, author: object): StoredObject {
  const fields = {
    label: body.label ?? spec.label,
    list_type: body.list_type ?? spec.listType,
    ip_addresses: body.ip_addresses ?? spec.ipAddresses,
    enabled: body.enabled ?? spec.enabled,
    mode: body.mode,
  };
  const { metadata } = stored;
  return marked({
    ...stored,
    metadata: { ...metadata, annotations: { ...metadata.annotations, ...author } },
    spec: { ...(stored['spec'] as object), ...specOf(fields) },
  });
}

function specOf({ label, list_type, ip_addresses, enabled, mode }: ListFields) {
  const fields = { label, listType: list_type, ipAddresses: [...ip_addresses], enabled };
  return mode === undefined ? fields : { ...fields, mode };
}

const NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;

/** An id that no object can have is unknown, too. */
function knownName(id: string): string {
  if (NAME.test(id)) return id;
  throw unknownId(id);
}

function knownList(stored: readonly StoredObject[], place: Place, id: string): ReadList {
  const found = stored.find(({ metadata }) => metadata.name === id);
  const list = found === undefined ? undefined : readList(found);
  if (found !== undefined && list !== undefined && (place.level === 'WORKSPACE' || isOfAccount(found)))
    return { stored: found, list };
  throw unknownId(id);
}

function unknownId(id: string): ApiError {
  return new ApiError('RESOURCE_DOES_NOT_EXIST', `Can't find an IP access list with id: ${id}.`);
}

function byAge(a: ReadList, b: ReadList): number {
  const difference = authorOf(a).created_at - authorOf(b).created_at;
  return difference !== 0 ? difference : a.list.metadata.name < b.list.metadata.name ? -1 : 1;
}

function authorOf({ stored }: ReadList): Authorship {
  return authorshipOf(stored.metadata);
}

function envelope(found: ReadList) {
  return { ip_access_list: answerOf(found) };
}

function answerOf(found: ReadList): z.infer<typeof answeredListSchema> {
  const { label, listType, ipAddresses, enabled, mode } = found.list.spec;
  const { created_at, created_by, updated_at, updated_by } = authorOf(found);
  return {
    list_id: found.list.metadata.name,
    label,
    ip_addresses: [...ipAddresses],
    address_count: ipAddresses.length,
    list_type: listType,
    created_at,
    created_by,
    updated_at,
    updated_by,
    enabled,
    ...(mode === DRY_RUN ? { mode } : {}),
  };
}
