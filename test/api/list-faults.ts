// What is refused, with the status, the code and the text that clients of Databricks read: the same in either mode.
import type { ApiCall } from '../support/api/api-client.ts';
import { ACCOUNT, ANALYTICS, type ApiStage, from, type Story } from '../support/api/api-stage.ts';

const LISTS = '/api/2.0/ip-access-lists';
const CONF = '/api/2.0/workspace-conf';

type Headers = Readonly<Record<string, string>>;

function post(stage: ApiStage, body: unknown, headers: Headers = ANALYTICS, path = LISTS) {
  return stage.call({ method: 'POST', path, headers, body });
}

async function listed(
  stage: ApiStage,
  path = LISTS,
  headers: Headers = ANALYTICS,
): Promise<readonly { readonly list_id: string }[]> {
  const { body } = await stage.call({ path, headers });
  return (body as { readonly ip_access_lists: readonly { readonly list_id: string }[] }).ip_access_lists;
}

/** The switch off, and no lists; by a caller whom the lists of this moment admit. */
export async function clearLists(stage: ApiStage, headers: Headers = ANALYTICS): Promise<void> {
  const off = { enableIpAccessLists: 'false' };
  await stage.call({ method: 'PATCH', path: CONF, headers, body: off });
  for (const path of [LISTS, `${ACCOUNT}/ip-access-lists`]) {
    for (const { list_id } of await listed(stage, path, headers))
      await stage.call({ method: 'DELETE', path: `${path}/${list_id}`, headers });
  }
}

type BadFields = readonly [what: string, fields: Readonly<Record<string, unknown>>, text: string];
const BAD_FIELDS: readonly BadFields[] = [
  [
    '010.0.0.1',
    { ip_addresses: ['1.1.1.1', '010.0.0.1'] },
    'ip_addresses[1]: Cannot accept address "010.0.0.1"',
  ],
  ['10.0.0.1/08', { ip_addresses: ['10.0.0.1/08'] }, 'ip_addresses[0]: Cannot accept address'],
  ['1.1.1', { ip_addresses: ['1.1.1'] }, 'ip_addresses[0]: Cannot accept address "1.1.1"'],
  ['/33', { ip_addresses: ['1.1.1.1/33'] }, 'ip_addresses[0]: Cannot accept address "1.1.1.1/33"'],
  ['a netmask', { ip_addresses: ['1.1.1.1/255.0.0.0'] }, 'ip_addresses[0]: Cannot accept address'],
  ['a blank', { ip_addresses: [' 1.1.1.1'] }, 'ip_addresses[0]: Cannot accept address " 1.1.1.1"'],
  ['an IPv4-mapped range', { ip_addresses: ['::ffff:0:0/95'] }, 'ip_addresses[0]: Cannot accept address'],
  ['an empty label', { label: '' }, 'label: '],
  [
    'a type in lower case',
    { list_type: 'allow' },
    'list_type: Cannot accept "allow": use one of "ALLOW", "BLOCK"',
  ],
  ['no type', { list_type: undefined }, 'list_type: Cannot leave this field out'],
  ['no addresses', { ip_addresses: undefined }, 'ip_addresses: Cannot leave this field out'],
  ['a text for a list', { ip_addresses: '1.1.1.1' }, 'ip_addresses: Cannot accept "1.1.1.1"'],
  ['an unknown field', { ip_adresses: [] }, 'Cannot accept unknown field "ip_adresses"'],
  ['an odd switch', { enabled: 'yes' }, 'enabled: '],
  ['an unknown mode', { mode: 'OFF' }, 'mode: Cannot accept "OFF": use one of "ENFORCED", "DRY_RUN"'],
];

async function refusesFields(stage: ApiStage, [_what, fields, text]: BadFields): Promise<void> {
  const answer = await post(stage, { label: 'x', list_type: 'ALLOW', ip_addresses: ['1.1.1.1'], ...fields });
  expect(answer).toMatchObject({ status: 400, body: { error_code: 'INVALID_PARAMETER_VALUE' } });
  expect((answer.body as { readonly message: string }).message).toContain(text);
  expect(await listed(stage)).toEqual([]);
}

async function refusesTooMany(stage: ApiStage, count: number): Promise<void> {
  const size = 1000 / count;
  const overQuota = { status: 400, body: { error_code: 'QUOTA_EXCEEDED' } };
  const body = (at: number, addresses: number) => ({
    label: `l${at}`,
    list_type: 'BLOCK',
    ip_addresses: Array.from({ length: addresses }, (_, n) => `10.${at}.${n >> 8}.${n & 255}`),
  });
  for (let at = 0; at < count - 1; at += 1)
    expect(await post(stage, body(at, size))).toMatchObject({ status: 200 });
  expect(await post(stage, body(count, size + 1))).toMatchObject(overQuota);
  expect(await post(stage, body(count, size))).toMatchObject({ status: 200 });
  for (const addresses of [0, 1])
    expect(await post(stage, body(count + 1, addresses))).toMatchObject(overQuota);
  const ofAccount = await post(stage, body(count + 1, 1), ANALYTICS, `${ACCOUNT}/ip-access-lists`);
  expect(ofAccount).toMatchObject({ status: 200 });
}

const UNKNOWN_IDS = ['234567', 'x/../y', '%2e%2e%2fsecret', 'a'.repeat(250)];

async function knowsNoList(stage: ApiStage, id: string): Promise<void> {
  const path = `${LISTS}/${encodeURIComponent(id)}`;
  for (const method of ['GET', 'DELETE', 'PATCH'] as const) {
    const body = method === 'PATCH' ? { body: { label: 'y' } } : {};
    const answer = await stage.call({ method, path, headers: ANALYTICS, ...body });
    expect(answer.body).toEqual({
      error_code: 'RESOURCE_DOES_NOT_EXIST',
      message: `Can't find an IP access list with id: ${id}.`,
    });
    expect(answer.status).toBe(404);
  }
}

type BadConf = readonly [body: unknown, code: string, text: string];
const BAD_CONFS: readonly BadConf[] = [
  [{ k1: 'true', k2: 'x' }, 'INVALID_REQUEST', 'Invalid keys: ["k1","k2"]'],
  [{ enableIpAccessLists: '' }, 'INVALID_REQUEST', 'Some values are not allowed: {"enableIpAccessLists":""}'],
  [{}, 'INVALID_PARAMETER_VALUE', 'Cannot find anything to change'],
];

async function refusesConf(stage: ApiStage, [body, code, text]: BadConf): Promise<void> {
  const answer = await stage.call({ method: 'PATCH', path: CONF, headers: ANALYTICS, body });
  expect(answer).toMatchObject({ status: 400, body: { error_code: code } });
  expect((answer.body as { readonly message: string }).message.startsWith(text)).toBe(true);
}

async function refusesSameLabel(stage: ApiStage): Promise<void> {
  const body = { label: 'Naughty', list_type: 'BLOCK', ip_addresses: ['1.1.1.1'] };
  expect(await post(stage, body)).toMatchObject({ status: 200 });
  const { status, body: error } = await post(stage, body);
  expect([status, error]).toEqual([
    400,
    {
      error_code: 'RESOURCE_ALREADY_EXISTS',
      message: 'IP access list with type (BLOCK) and label (Naughty) already exists',
    },
  ]);
  expect(await post(stage, { ...body, list_type: 'ALLOW' })).toMatchObject({ status: 200 });
}

async function refusesNothing(stage: ApiStage): Promise<void> {
  const read = await stage.call({ path: `${CONF}?keys=enableIpAccessLists,x`, headers: ANALYTICS });
  expect(read).toMatchObject({ status: 400, body: { message: 'Invalid keys: ["x"]' } });
  await post(stage, { label: 'x', list_type: 'ALLOW', ip_addresses: [] });
  const [{ list_id } = { list_id: '' }] = await listed(stage);
  const patch = { method: 'PATCH', path: `${LISTS}/${list_id}`, headers: ANALYTICS } as const;
  const empty = await stage.call({ ...patch, body: {} });
  expect(empty).toMatchObject({ status: 400, body: { error_code: 'INVALID_PARAMETER_VALUE' } });
  expect((empty.body as { readonly message: string }).message).toContain('Cannot find anything to change');
  const some = await stage.call({ ...patch, body: { label: 'y' } });
  expect(some).toMatchObject({ status: 200, body: { ip_access_list: { label: 'y', list_type: 'ALLOW' } } });
}

async function refusesLockout(stage: ApiStage): Promise<void> {
  const me = from('203.0.113.7');
  const lockedOut = {
    status: 400,
    body: {
      error_code: 'INVALID_STATE',
      message:
        'Your current IP 203.0.113.7 will not be allowed to access the workspace under current configuration',
    },
  };
  const own = { label: 'own', list_type: 'ALLOW', ip_addresses: ['203.0.113.0/24'] };
  const other = { label: 'other', list_type: 'ALLOW', ip_addresses: ['198.51.100.1'] };
  const patch = (path: string, body: unknown) => stage.call({ method: 'PATCH', path, headers: me, body });
  // Without effect until the switch is on; then the switch is refused.
  expect(await post(stage, other, me)).toMatchObject({ status: 200 });
  expect(await patch(CONF, { enableIpAccessLists: 'true' })).toMatchObject(lockedOut);
  const { body } = await post(stage, own, me);
  const path = `${LISTS}/${(body as { ip_access_list: { list_id: string } }).ip_access_list.list_id}`;
  expect(await patch(CONF, { enableIpAccessLists: 'true' })).toMatchObject({ status: 200 });
  expect(await post(stage, { ...own, list_type: 'BLOCK', ip_addresses: ['203.0.113.7'] }, me)).toMatchObject(
    lockedOut,
  );
  expect(await patch(path, { ip_addresses: ['203.0.113.8'] })).toMatchObject(lockedOut);
  expect(await patch(path, { enabled: false })).toMatchObject(lockedOut);
  const put = { method: 'PUT', path, headers: me, body: { ...own, enabled: 'false' } } as const;
  expect(await stage.call(put)).toMatchObject(lockedOut);
  expect(await stage.call({ method: 'DELETE', path, headers: me })).toMatchObject(lockedOut);
  expect(await stage.call({ path, headers: me })).toMatchObject({ body: { ip_access_list: own } });
  expect(await patch(CONF, { enableIpAccessLists: false })).toMatchObject({ status: 200 });
}

async function tellsDryRun(stage: ApiStage): Promise<void> {
  const me = from('203.0.113.7');
  const fields = { label: 'trial', list_type: 'ALLOW', ip_addresses: ['198.51.100.1'], enabled: true };
  const trial = { ...fields, mode: 'DRY_RUN' };
  type Answered = { readonly ip_access_list: Readonly<Record<string, unknown>> };
  const sent = async (method: 'POST' | 'PUT' | 'PATCH', path: string, body: unknown) =>
    ((await stage.call({ method, path, headers: me, body })).body as Answered).ip_access_list;
  const { list_id: id, ...created } = await sent('POST', LISTS, trial);
  expect(created).toMatchObject(trial);
  const path = `${LISTS}/${id}`;
  // It would shut out the caller, and denies nobody.
  const on = { enableIpAccessLists: 'true' };
  expect(await stage.call({ method: 'PATCH', path: CONF, headers: me, body: on })).toMatchObject({
    status: 200,
  });
  expect(await sent('PATCH', path, { label: 'changed' })).toMatchObject({ ...trial, label: 'changed' });
  expect(await sent('PUT', path, fields)).toMatchObject(trial);
  expect(await listed(stage, LISTS, me)).toMatchObject([trial]);
  for (const method of ['PATCH', 'PUT'] as const) {
    const body = { ...fields, mode: 'ENFORCED' };
    const lockedOut = { status: 400, body: { error_code: 'INVALID_STATE' } };
    expect(await stage.call({ method, path, headers: me, body })).toMatchObject(lockedOut);
  }
  const enforced = await sent('PATCH', path, { mode: 'ENFORCED', ip_addresses: ['203.0.113.7'] });
  expect(enforced).toMatchObject({ ...fields, ip_addresses: ['203.0.113.7'] });
  expect(enforced).not.toHaveProperty('mode');
  await clearLists(stage, me);
}

async function obeysLists(stage: ApiStage): Promise<void> {
  const me = from('198.51.100.1');
  const mine = { label: 'me', list_type: 'ALLOW', ip_addresses: ['198.51.100.1', '127.0.0.1'] };
  const created = await post(stage, mine, me);
  const { list_id: listId } = (created.body as { ip_access_list: { list_id: string } }).ip_access_list;
  await stage.call({ method: 'PATCH', path: CONF, headers: me, body: { enableIpAccessLists: 'true' } });
  const stranger = from('203.0.113.9');
  const before = stage.judged.length;
  for (const token of [stage.rootToken, 'no-token-of-anybody']) {
    const answer = await stage.call({ path: `${LISTS}?secret=1`, headers: stranger }, token);
    expect(answer.body).toEqual({
      error_code: 'PERMISSION_DENIED',
      message: 'Source IP address: 203.0.113.9 is blocked by Databricks IP ACL for workspace: 1001',
    });
    expect(answer.status).toBe(403);
  }
  const [line, ...more] = stage.judged.slice(before);
  expect(more).toHaveLength(1);
  expect(line).toMatchObject({
    listener: 'api',
    workspace: 'analytics',
    workspaceId: '1001',
    enforced: 'NOT_IN_ALLOW_LIST',
    source: '203.0.113.9',
    code: 403,
    method: 'GET',
    path: LISTS,
  });
  // Hits count those who may, too.
  await stage.call({ path: LISTS, headers: me });
  const allowed = {
    listener: 'api',
    enforced: `IN_ALLOW_LIST:${listId}`,
    source: '198.51.100.1',
    path: LISTS,
  };
  expect(stage.judged.at(-1)).toMatchObject(allowed);
  // The account's lists are others.
  const ofAccount = await stage.call({ path: `${ACCOUNT}/ip-access-lists`, headers: stranger });
  expect(ofAccount.status).toBe(200);
}

async function asksForToken(stage: ApiStage): Promise<void> {
  const unknown = { status: 401, body: { error_code: 'UNAUTHENTICATED' } };
  expect(await stage.call({ path: LISTS, headers: ANALYTICS }, 'no-token-of-anybody')).toMatchObject(unknown);
  const none = { ...ANALYTICS, authorization: 'Digest x' };
  expect(await stage.call({ path: LISTS, headers: none })).toMatchObject(unknown);
  const basic = (user: string) =>
    ({ ...ANALYTICS, authorization: `Basic ${btoa(`${user}:${stage.workspaceToken}`)}` }) as const;
  expect(await stage.call({ path: LISTS, headers: basic('token') })).toMatchObject({ status: 200 });
  expect(await stage.call({ path: LISTS, headers: basic('lead') })).toMatchObject(unknown);
  const denied = { status: 403, body: { error_code: 'PERMISSION_DENIED' } };
  const elsewhere = { 'x-databricks-workspace-id': '1003' };
  const token = stage.workspaceToken;
  const body = { label: 'x', list_type: 'ALLOW', ip_addresses: [] };
  expect(await stage.call({ path: LISTS, headers: elsewhere }, token)).toMatchObject(denied);
  const create = { method: 'POST', path: LISTS, headers: elsewhere, body } as const;
  expect(await stage.call(create, token)).toMatchObject(denied);
  const ofAccount = { ...create, path: `${ACCOUNT}/ip-access-lists` };
  expect(await stage.call(ofAccount, token)).toMatchObject(denied);
  expect(await stage.call({ ...create, headers: ANALYTICS }, token)).toMatchObject({ status: 200 });
}

async function findsWorkspace(stage: ApiStage): Promise<void> {
  const status = async (headers: Readonly<Record<string, string>>) =>
    (await stage.call({ path: LISTS, headers })).status;
  expect(await status({ host: 'analytics.acme.example' })).toBe(200);
  expect(await status({ host: 'ANALYTICS.acme.example.:443' })).toBe(200);
  expect(await status({ host: 'other.acme.example' })).toBe(404);
  expect(await status({ host: 'analytics.acme.example', ...ANALYTICS })).toBe(200);
  expect(await status({ host: 'analytics.acme.example', 'x-databricks-workspace-id': '1003' })).toBe(400);
  expect(await status({ 'x-databricks-workspace-id': 'nowhere' })).toBe(404);
  const account = await stage.call({ path: '/api/2.0/accounts/other/ip-access-lists' });
  expect(account).toMatchObject({ status: 404, body: { error_code: 'RESOURCE_DOES_NOT_EXIST' } });
}

async function tellsStrangersNothing(stage: ApiStage): Promise<void> {
  const body = { label: 'x', list_type: 'ALLOW', ip_addresses: [] };
  const places = [ANALYTICS, { 'x-databricks-workspace-id': 'nowhere' }, { host: 'other.acme.example' }];
  const calls = places.flatMap((headers): ApiCall[] => [
    { path: LISTS, headers },
    { path: `${LISTS}/unknown`, headers },
    ...['{', { label: 1 }, body].map(
      (sent): ApiCall => ({ method: 'POST', path: LISTS, headers, body: sent }),
    ),
  ]);
  const ofAccounts = ['acme', 'other'].map(
    (id): ApiCall => ({ path: `/api/2.0/accounts/${id}/ip-access-lists` }),
  );
  for (const call of [...calls, ...ofAccounts]) {
    const answer = await stage.call(call, 'no-token-of-anybody');
    expect([call, answer]).toMatchObject([call, { status: 401, body: { error_code: 'UNAUTHENTICATED' } }]);
    const headers = { ...call.headers, authorization: 'none' };
    expect(await stage.call({ ...call, headers })).toMatchObject({ status: 401 });
  }
}

/** Each begins with the switch off and no lists. */
export const LIST_FAULTS: readonly Story[] = [
  ...BAD_FIELDS.map((row): Story => [`refuses ${row[0]}`, (stage) => refusesFields(stage, row)]),
  ['tells nobody without a token which workspaces there are', tellsStrangersNothing],
  ...[1, 10].map(
    (count): Story => [
      `refuses 1,001 values over ${count} lists, and counts those of the account apart`,
      (stage) => refusesTooMany(stage, count),
    ],
  ),
  ...UNKNOWN_IDS.map((id): Story => [`knows no list ${id}`, (stage) => knowsNoList(stage, id)]),
  ...BAD_CONFS.map(
    (row): Story => [`refuses workspace-conf ${JSON.stringify(row[0])}`, (stage) => refusesConf(stage, row)],
  ),
  ['refuses two lists of one label and type, and accepts them of two types', refusesSameLabel],
  ['refuses to read unknown keys, and an update that changes nothing', refusesNothing],
  ['refuses whatever would shut its caller out, on every way', refusesLockout],
  ['tells of a list that is in dry-run, and keeps it so unless asked otherwise', tellsDryRun],
  ['obeys the lists itself, before it looks at the token, and tells the log', obeysLists],
  ['asks for a token, and for the right to administer', asksForToken],
  ['takes the workspace from the host or a header, and not from two that differ', findsWorkspace],
];
