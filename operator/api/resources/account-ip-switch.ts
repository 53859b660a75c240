// Whether the account's IP access lists apply: the setting "acct_ip_acl_enable" over the WorkspaceConf of the system's
// Namespace. Its etag is that of Databricks: a change by what is no longer current is refused, and says the new one.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { WORKSPACE_CONFS } from '../../model/cluster-resources.ts';
import { WORKSPACE_CONF_NAME } from '../../model/workspace-conf.ts';
import { readConf } from '../access-objects.ts';
import { ApiError, invalid } from '../api-error.ts';
import { type Call, type Route, route } from '../route.ts';
import type { StoredObject, Write } from '../store/object-store.ts';
import { setSwitches } from './workspace-conf.ts';

const FIELD = 'acct_ip_acl_enable';
const MASKS = ['*', FIELD, `${FIELD}.value`];

const settingSchema = z.strictObject({
  acct_ip_acl_enable: z.strictObject({ value: z.boolean().default(false) }),
  etag: z
    .string()
    .max(200)
    .optional()
    .describe('Of the last answer; without it the change is unconditional.'),
  setting_name: z.string().max(200).optional().describe('Always "default".'),
});
const body = z.strictObject({
  allow_missing: z.boolean().optional(),
  field_mask: z
    .string()
    .max(200)
    .describe(`One of ${MASKS.join(', ')}.`),
  setting: settingSchema,
});
const etag = z.strictObject({ etag: z.string().max(200).optional() });
const one = {
  path: `/api/2.0/accounts/:accountId/settings/types/${FIELD}/names/default`,
  level: 'ACCOUNT',
} as const;

export const accountIpSwitchRoutes: readonly Route[] = [
  route({
    ...one,
    method: 'GET',
    operationId: 'get_account_ip_switch',
    summary: "Whether the account's IP access lists apply",
    query: etag,
    answer: settingSchema,
    handle: async ({ session, place }) => {
      const name = { namespace: place.namespace, name: WORKSPACE_CONF_NAME };
      return answerOf(await session.get(WORKSPACE_CONFS, name));
    },
  }),
  route({
    ...one,
    method: 'PATCH',
    operationId: 'set_account_ip_switch',
    summary: "Set whether the account's IP access lists apply",
    errors: [409],
    body,
    answer: settingSchema,
    handle: patchSwitch,
  }),
  route({
    ...one,
    method: 'DELETE',
    operationId: 'delete_account_ip_switch',
    summary: 'Back to the default, which is off',
    errors: [409],
    query: etag,
    answer: z.strictObject({ etag: z.string() }),
    handle: async (call) => ({ etag: etagOf(await setSwitch(call, false, call.query.etag)) }),
  }),
];

async function patchSwitch(call: Call<unknown, unknown, z.infer<typeof body>>) {
  const { field_mask, setting } = call.body;
  if (!MASKS.includes(field_mask)) {
    throw invalid(`field_mask: Cannot accept "${field_mask}": use one of ${MASKS.join(', ')}`);
  }
  return answerOf(await setSwitch(call, setting.acct_ip_acl_enable.value, setting.etag));
}

type SwitchCall = Pick<Call<unknown, unknown, unknown>, 'session' | 'place' | 'address' | 'nowMs'>;

async function setSwitch(
  call: SwitchCall,
  value: boolean,
  wantedEtag: string | undefined,
): Promise<StoredObject> {
  const user = await call.session.user();
  return call.session.changeAccess(call.place.namespace, (before): Write => {
    const current = etagOf(before.conf);
    if (wantedEtag !== undefined && wantedEtag !== current) {
      const message = `Cannot change "${FIELD}": it has changed since; read it again`;
      throw new ApiError('RESOURCE_CONFLICT', message, { metadata: { etag: current } });
    }
    return setSwitches(call, before, { enableIpAccessLists: value }, user);
  });
}

function answerOf(conf: StoredObject | undefined): z.infer<typeof settingSchema> {
  const value = readConf(conf)?.spec.enableIpAccessLists ?? false;
  return { acct_ip_acl_enable: { value }, etag: etagOf(conf), setting_name: 'default' };
}

/** Changes with the spec and not with what else stands at the object; a missing one is as a new one. */
function etagOf(conf: StoredObject | undefined): string {
  const value = readConf(conf)?.spec.enableIpAccessLists ?? false;
  const content = JSON.stringify([value, conf?.metadata.generation ?? 1]);
  return createHash('sha256').update(content).digest('base64url');
}
