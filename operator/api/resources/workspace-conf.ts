// Switches of a workspace (R97-R100): a map of texts, as Databricks has it, over the object WorkspaceConf.
import { z } from 'zod';
import { WORKSPACE_CONFS } from '../../model/cluster-resources.ts';
import { API_VERSION } from '../../model/kubernetes-object.ts';
import { WORKSPACE_CONF_NAME, type WorkspaceConf } from '../../model/workspace-conf.ts';
import { readConf, refuseLockout } from '../access-objects.ts';
import { ApiError, invalid } from '../api-error.ts';
import { createdBy, updatedBy } from '../authorship.ts';
import { type Call, type Route, route } from '../route.ts';
import type { AccessObjects, StoredObject } from '../store/object-store.ts';
import { marked } from './marked.ts';

/** Those that are a field of the object under the same name. */
const KEYS = [
  'enableIpAccessLists',
  'enableUdfNetworkAccess',
] as const satisfies readonly (keyof WorkspaceConf['spec'])[];
type Key = (typeof KEYS)[number];

const PATH = '/api/2.0/workspace-conf';
const answer = z.record(z.string(), z.enum(['true', 'false']));

export const workspaceConfRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: PATH,
    level: 'WORKSPACE',
    operationId: 'get_workspace_conf',
    summary: 'Values of switches',
    query: z.strictObject({
      // Databricks' SDK for Java 0.85 leaves it out.
      keys: z
        .string()
        .optional()
        .describe(`Names of switches, with commas between: ${KEYS.join(', ')}. Without it: all.`),
    }),
    answer,
    handle: async ({ session, place, query }) => {
      const keys = knownKeys(query.keys?.split(',').map((key) => key.trim()) ?? KEYS);
      const conf = readConf(
        await session.get(WORKSPACE_CONFS, { namespace: place.namespace, name: WORKSPACE_CONF_NAME }),
      );
      return Object.fromEntries(keys.map((key) => [key, String(conf?.spec[key] ?? false)]));
    },
  }),
  route({
    method: 'PATCH',
    path: PATH,
    level: 'WORKSPACE',
    operationId: 'set_workspace_conf',
    summary: 'Change switches',
    body: z.record(z.string(), z.unknown()).meta({ example: { enableIpAccessLists: 'true' } }),
    answer,
    handle: patchConf,
  }),
];

async function patchConf(call: Call<unknown, unknown, Readonly<Record<string, unknown>>>) {
  const { session, place, body } = call;
  const keys = knownKeys(Object.keys(body));
  if (keys.length === 0)
    throw invalid(`Cannot find anything to change: send a key, one of ${KEYS.join(', ')}`);
  const bad = keys.filter((key) => switchOf(body[key]) === undefined);
  if (bad.length > 0) {
    const values = JSON.stringify(Object.fromEntries(bad.map((key) => [key, body[key]])));
    throw new ApiError('INVALID_REQUEST', `Some values are not allowed: ${values}; use "true" or "false"`);
  }
  const wanted = Object.fromEntries(keys.map((key) => [key, switchOf(body[key]) === true]));
  const user = await session.user();
  await session.changeAccess(place.namespace, (before) => setSwitches(call, before, wanted, user));
  return Object.fromEntries(keys.map((key) => [key, String(wanted[key])]));
}

/** The write that sets fields of the WorkspaceConf; throws where that would shut the caller out. */
export function setSwitches(
  { place, address, nowMs }: Pick<Call<unknown, unknown, unknown>, 'place' | 'address' | 'nowMs'>,
  before: AccessObjects,
  switches: Readonly<Record<string, boolean>>,
  user: string,
) {
  const found = before.conf;
  const object = marked(
    found === undefined
      ? newConf(place.namespace, switches, createdBy({ user, nowMs }))
      : {
          ...found,
          metadata: {
            ...found.metadata,
            annotations: { ...found.metadata.annotations, ...updatedBy({ user, nowMs }) },
          },
          spec: { ...(found['spec'] as object | undefined), ...switches },
        },
  );
  refuseLockout(place, address, before, { ...before, conf: object });
  return { verb: found === undefined ? 'create' : 'replace', object } as const;
}

function newConf(
  namespace: string,
  switches: Readonly<Record<string, boolean>>,
  annotations: Readonly<Record<string, string>>,
): StoredObject {
  return {
    apiVersion: API_VERSION,
    kind: 'WorkspaceConf',
    metadata: { name: WORKSPACE_CONF_NAME, namespace, annotations },
    spec: switches,
  };
}

/** Terraform reads the keys out of the message. */
function knownKeys(keys: readonly string[]): readonly Key[] {
  const unknown = keys.filter((key) => !isKey(key));
  if (unknown.length > 0) throw new ApiError('INVALID_REQUEST', `Invalid keys: ${JSON.stringify(unknown)}`);
  return keys.filter(isKey);
}

function isKey(key: string): key is Key {
  return KEYS.some((known) => known === key);
}

function switchOf(value: unknown): boolean | undefined {
  if (value === true || value === 'true') return true;
  return value === false || value === 'false' ? false : undefined;
}
