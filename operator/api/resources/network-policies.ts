// Network policies of the account: the object of Databricks' API is the spec of a NetworkPolicy under other names.
// Answers hold what was set, and nothing more.
import { z } from 'zod';
import { NETWORK_POLICIES, POLICY_ASSIGNMENTS } from '../../model/cluster-resources.ts';
import { API_VERSION, DEFAULT_POLICY } from '../../model/kubernetes-object.ts';
import { MAX_POLICY_ID_LENGTH, type NetworkPolicy, networkPolicyKind } from '../../model/network-policy.ts';
import { parseObject } from '../../model/parse-object.ts';
import { faultOfZone } from '../../model/shared-zone.ts';
import { compareText } from '../../model/snapshot.ts';
import { ApiError, invalid } from '../api-error.ts';
import { createdBy, updatedBy } from '../authorship.ts';
import { type Call, type Route, route } from '../route.ts';
import type { StoredObject, Write } from '../store/object-store.ts';
import { keepExtensions } from './kept-extensions.ts';
import { noteLeftOut, specAsSet } from './left-out.ts';
import { fromRest, snakeCase, toRest } from './rest-names.ts';

const PATH = '/api/2.0/accounts/:accountId/network-policies';
const PAGE_SIZE = 100;
/** Databricks' own; of it Kubernetes takes only lower case, "." and "-". */
const POLICY_ID = /^[a-zA-Z0-9_.-]{1,32}$/;
const RESERVED = 'account-policy';

const policySchema = z
  .looseObject({ network_policy_id: z.string().optional(), account_id: z.string().optional() })
  .meta({ spec: networkPolicyKind.kind });
type Policy = z.infer<typeof policySchema>;
const listSchema = z.strictObject({ items: z.array(policySchema), next_page_token: z.string() });
const params = z.looseObject({
  id: z
    .string()
    .min(1)
    .max(MAX_POLICY_ID_LENGTH * 4),
});

type OnePolicy<Body> = Call<{ readonly id: string }, unknown, Body>;

export const networkPolicyRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: PATH,
    level: 'ACCOUNT',
    operationId: 'list_network_policies',
    summary: 'Network policies, in pages',
    query: z.strictObject({ page_token: z.string().max(100).optional() }),
    answer: listSchema,
    handle: listPolicies,
  }),
  route({
    method: 'POST',
    path: PATH,
    level: 'ACCOUNT',
    operationId: 'create_network_policy',
    summary: 'Add a network policy',
    errors: [409],
    body: policySchema,
    answer: policySchema,
    handle: createPolicy,
  }),
  route({
    method: 'GET',
    path: `${PATH}/:id`,
    level: 'ACCOUNT',
    operationId: 'get_network_policy',
    summary: 'One network policy',
    errors: [404],
    params,
    answer: policySchema,
    handle: async ({ session, accountId, params: { id } }) =>
      answerOf(known(await session.get(NETWORK_POLICIES, { name: knownId(id) }), id), accountId),
  }),
  route({
    method: 'PUT',
    path: `${PATH}/:id`,
    level: 'ACCOUNT',
    operationId: 'replace_network_policy',
    summary: 'Replace a network policy; what only this product has of it stays where it is left out',
    errors: [404],
    params,
    body: policySchema,
    answer: policySchema,
    handle: replacePolicy,
  }),
  route({
    method: 'DELETE',
    path: `${PATH}/:id`,
    level: 'ACCOUNT',
    operationId: 'delete_network_policy',
    summary: 'Delete a network policy that no workspace has',
    errors: [404],
    params,
    answer: z.strictObject({}),
    handle: deletePolicy,
  }),
];

type ListCall = Call<unknown, { readonly page_token?: string | undefined }, unknown>;

async function listPolicies({ session, accountId, query: { page_token = '' } }: ListCall) {
  const after = Buffer.from(page_token, 'base64url').toString();
  if (Buffer.from(after).toString('base64url') !== page_token) {
    throw invalid(`Cannot accept page_token "${page_token}": send that of the page before`);
  }
  const stored = (await session.list(NETWORK_POLICIES))
    .filter(({ metadata }) => compareText(metadata.name, after) > 0)
    .toSorted((a, b) => compareText(a.metadata.name, b.metadata.name));
  const page = stored.slice(0, PAGE_SIZE);
  const last = stored.length > PAGE_SIZE ? page.at(-1)?.metadata.name : undefined;
  return {
    items: page.map((one) => answerOf(one, accountId)),
    next_page_token: last === undefined ? '' : Buffer.from(last).toString('base64url'),
  };
}

async function createPolicy({ session, accountId, nowMs, body }: Call<unknown, unknown, Policy>) {
  const { network_policy_id: name } = body;
  if (name === undefined)
    throw invalid('network_policy_id: Cannot leave this field out: it names the new policy');
  if (!POLICY_ID.test(name) || name === RESERVED) {
    throw invalid(
      `network_policy_id: Cannot accept "${name}": use 1 to ${MAX_POLICY_ID_LENGTH} lower-case letters, digits, "." and "-", but not "${RESERVED}"`,
    );
  }
  const user = await session.user();
  const spec = specOf(body, accountId);
  const object = checked(
    {
      apiVersion: API_VERSION,
      kind: 'NetworkPolicy',
      metadata: { name, annotations: createdBy({ user, nowMs }) },
      spec,
    },
    session.addsDefaults,
  );
  const stored = await session.change(NETWORK_POLICIES, { name }, (current): Write => {
    if (current === undefined) return { verb: 'create', object };
    throw new ApiError(
      'ALREADY_EXISTS',
      `Network policy "${name}" already exists: change it with PUT, or choose another network_policy_id`,
    );
  });
  return answerOf(stored, accountId);
}

async function replacePolicy({ session, accountId, nowMs, params: { id }, body }: OnePolicy<Policy>) {
  const name = knownId(id);
  if (body.network_policy_id !== undefined && body.network_policy_id !== id) {
    throw invalid(`network_policy_id: Cannot accept "${body.network_policy_id}": the path says "${id}"`);
  }
  const user = await session.user();
  const wanted = specOf(body, accountId);
  const stored = await session.change(NETWORK_POLICIES, { name }, (current): Write => {
    const { metadata, ...rest } = known(current, id);
    const spec = keepExtensions(specAsSet(known(current, id)), wanted);
    const annotations = { ...metadata.annotations, ...updatedBy({ user, nowMs }) };
    const object = { ...rest, metadata: { ...metadata, annotations }, spec };
    return { verb: 'replace', object: checked(object, session.addsDefaults) };
  });
  return answerOf(stored, accountId);
}

async function deletePolicy({ session, params: { id } }: OnePolicy<unknown>) {
  const name = knownId(id);
  if (name === DEFAULT_POLICY) {
    throw invalid(
      `Cannot delete network policy "${DEFAULT_POLICY}": workspaces without another have it; change it with PUT`,
    );
  }
  await session.change(NETWORK_POLICIES, { name }, async (current): Promise<Write> => {
    const object = known(current, id);
    const assignments = await session.list(POLICY_ASSIGNMENTS);
    const users = assignments.filter(
      ({ spec }) => (spec as { networkPolicyId?: unknown } | undefined)?.networkPolicyId === name,
    );
    if (users.length === 0) return { verb: 'remove', object };
    const workspaces = users.map(({ metadata }) => metadata.name).join(', ');
    throw new ApiError(
      'INVALID_STATE',
      `Cannot delete network policy "${id}": it is that of workspaces ${workspaces}; give them another first, with PUT workspaces/{workspace_id}/network`,
    );
  });
  return {};
}

/** Without the fields that the path and the account say. */
function specOf({ network_policy_id: _id, account_id, ...fields }: Policy, accountId: string): unknown {
  if (account_id !== undefined && account_id !== accountId) {
    throw invalid(`account_id: Cannot accept "${account_id}": the path says "${accountId}"`);
  }
  const converted = fromRest(fields);
  if ('value' in converted) return converted.value;
  throw invalid(`Cannot accept unknown field "${converted.badKey}": remove it or correct its spelling`);
}

/** Throws with the places and words of the REST API. */
function checked(object: StoredObject, addsDefaults: boolean): StoredObject {
  const parsed = parseObject(object);
  if (parsed.status !== 'unreadable') {
    if (parsed.status === 'parsed' && parsed.object.kind === 'NetworkPolicy') refuseZones(parsed.object);
    return addsDefaults ? noteLeftOut(object) : object;
  }
  const texts = parsed.problems.map(({ path, field = '', message }) => {
    const isName = path[0] === 'metadata';
    const place = isName ? 'network_policy_id' : snakeCase(field.replace(/^spec\.?/, ''));
    const words = path.reduce<string>(
      (text, part) => text.replaceAll(`"${String(part)}"`, `"${snakeCase(String(part))}"`),
      message,
    );
    return place === '' ? words : `${place}: ${words}`;
  });
  throw invalid(texts.join('; '));
}

/** Entries that the compiler would leave out, with its own sentence. */
function refuseZones({ spec }: NetworkPolicy): void {
  const { allowedInternetDestinations: entries = [] } = spec.egress.networkAccess;
  const texts = entries.flatMap((entry, at) => {
    const fault = faultOfZone(entry)?.replaceAll(/sharedZone|allowedStorageDestinations/g, snakeCase);
    const field = `egress.network_access.allowed_internet_destinations[${at}].destination`;
    return fault === undefined ? [] : [`${field}: ${fault}`];
  });
  if (texts.length > 0) throw invalid(texts.join('; '));
}

function answerOf(stored: StoredObject, accountId: string): Policy {
  const fields = toRest(specAsSet(stored)) as Readonly<Record<string, unknown>>;
  return { network_policy_id: stored.metadata.name, account_id: accountId, ...fields };
}

function knownId(id: string): string {
  if (POLICY_ID.test(id) && id === id.toLowerCase() && !/[_]|^[.-]|[.-]$/.test(id)) return id;
  throw unknownId(id);
}

export function known(stored: StoredObject | undefined, id: string): StoredObject {
  if (stored === undefined) throw unknownId(id);
  return stored;
}

function unknownId(id: string): ApiError {
  return new ApiError(
    'RESOURCE_DOES_NOT_EXIST',
    `Network policy "${id}" does not exist: GET network-policies lists those that do`,
  );
}
