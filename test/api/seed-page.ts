// Every curl line of the page on IP access lists, as the page has it but for the missing verbs and line ends, and its
// answers: one story, told to a running API in either mode.
import { ACCOUNT, type ApiStage, from, type Story } from '../support/api/api-stage.ts';

const LISTS = '/api/2.0/ip-access-lists';
const CONF = '/api/2.0/workspace-conf';
/** The body as curl sends it: its "-d" calls everything a form. */
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

const OFFICE = `{
    "label": "office",
    "list_type": "ALLOW",
    "ip_addresses": [
        "1.1.1.1",
        "2.2.2.2/21"
      ]
    }`;
const DISABLED_OFFICE = OFFICE.replace(']\n', '],\n    "enabled": "false"\n');

/** From an address of the list, since any other caller would shut itself out. */
const caller = { ...from('1.1.1.1'), ...FORM };

/** In this order. */
export const SEED_PAGE: readonly Story[] = [
  ['checks whether the feature is enabled (R97, R98)', checksFeature],
  ['enables the feature (R99, R100)', enablesFeature],
  ['adds an allow list (R101-R105)', addsAllowList],
  ['adds a block list by the same call (R106)', addsBlockList],
  ['updates the allow list to disable it, with the text "false" (R107-R110)', updatesList],
  ['deletes the list, whatever the body says (R111)', deletesList],
  ['does the same for the account, apart from workspaces', servesAccount],
];

async function checksFeature(stage: ApiStage): Promise<void> {
  const answer = await stage.call({ path: `${CONF}?keys=enableIpAccessLists`, headers: caller });
  expect(answer).toMatchObject({ status: 200, body: { enableIpAccessLists: 'false' } });
}

async function enablesFeature(stage: ApiStage): Promise<void> {
  const body = `{
  "enableIpAccessLists": "true"
  }`;
  const answer = await stage.call({ method: 'PATCH', path: CONF, headers: caller, body });
  expect(answer).toMatchObject({ status: 200, body: { enableIpAccessLists: 'true' } });
  const after = await stage.call({ path: `${CONF}?keys=enableIpAccessLists`, headers: caller });
  expect(after.body).toEqual({ enableIpAccessLists: 'true' });
}

async function addsAllowList(stage: ApiStage): Promise<void> {
  const answer = await stage.call({ method: 'POST', path: LISTS, headers: caller, body: OFFICE });
  const list = listOf(answer.body);
  expect(answer.status).toBe(200);
  expect(Object.keys(list)).toEqual(FIELDS);
  expect(list).toMatchObject({ ...(JSON.parse(OFFICE) as object), address_count: 2, enabled: true });
  expect(list['list_id']).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect([list['updated_at'], list['updated_by']]).toEqual([list['created_at'], list['created_by']]);
  expect(Math.abs(Number(list['created_at']) - Date.now())).toBeLessThan(60_000);
  expect(Number.isSafeInteger(list['created_by']) && list['created_by'] !== 0).toBe(true);
  const all = await stage.call({ path: LISTS, headers: caller });
  expect(all.body).toEqual({ ip_access_lists: [list] });
}

async function addsBlockList(stage: ApiStage): Promise<void> {
  const body = OFFICE.replace('ALLOW', 'BLOCK').replace('1.1.1.1', '2.2.2.7');
  const answer = await stage.call({ method: 'POST', path: LISTS, headers: caller, body });
  expect(answer).toMatchObject({ status: 200, body: { ip_access_list: { list_type: 'BLOCK' } } });
}

async function updatesList(stage: ApiStage): Promise<void> {
  const id = await idOf(stage, 'ALLOW');
  const path = `${LISTS}/${id}`;
  const answer = await stage.call({ method: 'PUT', path, headers: caller, body: DISABLED_OFFICE });
  const list = listOf(answer.body);
  expect(answer.status).toBe(200);
  expect(list).toMatchObject({ ...(JSON.parse(OFFICE) as object), list_id: id, enabled: false });
  expect(Number(list['updated_at'])).toBeGreaterThan(Number(list['created_at']));
  expect((await stage.call({ path, headers: caller })).body).toEqual(answer.body);
}

async function deletesList(stage: ApiStage): Promise<void> {
  const id = await idOf(stage, 'ALLOW');
  const path = `${LISTS}/${id}`;
  const answer = await stage.call({ method: 'DELETE', path, headers: caller, body: DISABLED_OFFICE });
  expect(answer).toMatchObject({ status: 200, body: {} });
  const gone = await stage.call({ path, headers: caller });
  expect(gone).toMatchObject({
    status: 404,
    body: {
      error_code: 'RESOURCE_DOES_NOT_EXIST',
      message: `Can't find an IP access list with id: ${id}.`,
    },
  });
}

async function servesAccount(stage: ApiStage): Promise<void> {
  const path = `${ACCOUNT}/ip-access-lists`;
  const answer = await stage.call({ method: 'POST', path, headers: caller, body: OFFICE });
  expect(answer.status).toBe(200);
  const list = listOf(answer.body);
  expect((await stage.call({ path, headers: caller })).body).toEqual({ ip_access_lists: [list] });
  const workspace = await stage.call({ path: `${LISTS}/${String(list['list_id'])}`, headers: caller });
  expect(workspace.status).toBe(404);
  const gone = await stage.call({
    method: 'DELETE',
    path: `${path}/${String(list['list_id'])}`,
    headers: caller,
  });
  expect(gone).toMatchObject({ status: 200, body: {} });
}

async function idOf(stage: ApiStage, type: string): Promise<string> {
  const { body } = await stage.call({ path: LISTS, headers: caller });
  const { ip_access_lists: lists } = body as { readonly ip_access_lists: readonly Record<string, unknown>[] };
  return String(lists.find(({ list_type }) => list_type === type)?.['list_id']);
}

const FIELDS = [
  'list_id',
  'label',
  'ip_addresses',
  'address_count',
  'list_type',
  'created_at',
  'created_by',
  'updated_at',
  'updated_by',
  'enabled',
];

function listOf(body: unknown): Readonly<Record<string, unknown>> {
  return (body as { readonly ip_access_list: Readonly<Record<string, unknown>> }).ip_access_list;
}
