// Network policies, the network option of a workspace and the switch of the account's lists, as clients of Databricks
// use them: the same in either mode.
import type { ApiAnswer, ApiCall } from '../support/api/api-client.ts';
import { ACCOUNT, type ApiStage, type Story } from '../support/api/api-stage.ts';

const POLICIES = `${ACCOUNT}/network-policies`;
const NETWORK = `${ACCOUNT}/workspaces/1001/network`;
const SWITCH = `${ACCOUNT}/settings/types/acct_ip_acl_enable/names/default`;

const ACCESS = {
  restriction_mode: 'RESTRICTED_ACCESS',
  allowed_internet_destinations: [
    { destination: 'pypi.example', internet_destination_type: 'DNS_NAME' },
    { destination: '*.example.com' },
  ],
  blocked_internet_destinations: [],
  allowed_storage_destinations: [
    { storage_destination_type: 'AWS_S3', bucket_name: 'acme-data', region: 'us-west-2' },
  ],
  policy_enforcement: { enforcement_mode: 'DRY_RUN', dry_run_mode_product_filter: ['DBSQL'] },
};

async function echoesPolicies(stage: ApiStage): Promise<void> {
  const policies = [
    { network_policy_id: 'whole', egress: { network_access: ACCESS } },
    { network_policy_id: 'least', egress: { network_access: { restriction_mode: 'FULL_ACCESS' } } },
    {
      network_policy_id: 'empty.enforcement',
      egress: { network_access: { restriction_mode: 'FULL_ACCESS', policy_enforcement: {} } },
    },
  ];
  for (const policy of policies) {
    const whole = { ...policy, account_id: 'acme' };
    const path = `${POLICIES}/${policy.network_policy_id}`;
    expect(await send(stage, 'POST', POLICIES, policy)).toEqual([200, whole]);
    expect(await send(stage, 'GET', path)).toEqual([200, whole]);
    expect(await send(stage, 'PUT', path, whole)).toEqual([200, whole]);
    expect(await send(stage, 'POST', POLICIES, policy)).toMatchObject([
      409,
      { error_code: 'ALREADY_EXISTS' },
    ]);
    expect(await send(stage, 'DELETE', path)).toEqual([200, {}]);
    expect(await send(stage, 'GET', path)).toMatchObject([404, { error_code: 'RESOURCE_DOES_NOT_EXIST' }]);
    expect(await send(stage, 'DELETE', path)).toMatchObject([404, {}]);
    expect(await send(stage, 'PUT', path, whole)).toMatchObject([404, {}]);
  }
}

const RESTRICTED = { restriction_mode: 'RESTRICTED_ACCESS' };
type BadPolicy = readonly [fields: Readonly<Record<string, unknown>>, text: string];
const BAD_POLICIES: readonly BadPolicy[] = [
  [{ egress: { network_access: RESTRICTED }, ingress: {} }, 'unknown field "ingress"'],
  [{ egress: { networkAccess: RESTRICTED } }, 'unknown field "networkAccess"'],
  [
    { egress: { network_access: { ...RESTRICTED, allowed_databricks_destinations: [] } } },
    'unknown field "allowed_databricks_destinations"',
  ],
  [{ egress: { network_access: {} } }, 'egress.network_access.restriction_mode: Cannot leave this field out'],
  [{}, 'egress: Cannot leave this field out'],
  [
    { egress: { network_access: { ...RESTRICTED, allowed_internet_destinations: [{ destination: '*' }] } } },
    'egress.network_access.allowed_internet_destinations[0].destination: ',
  ],
  ...['*.github.io', '*.amazonaws.com', '*.blob.core.windows.net'].map(
    (destination): BadPolicy => [
      {
        egress: {
          network_access: {
            ...RESTRICTED,
            allowed_internet_destinations: [{ destination: 'example.com' }, { destination }],
          },
        },
      },
      `egress.network_access.allowed_internet_destinations[1].destination: Cannot allow "${destination}"`,
    ],
  ),
  [{ network_policy_id: 'Upper', egress: { network_access: RESTRICTED } }, 'network_policy_id: '],
  [{ network_policy_id: 'a'.repeat(33), egress: { network_access: RESTRICTED } }, 'network_policy_id: '],
  [{ network_policy_id: 'account-policy', egress: { network_access: RESTRICTED } }, 'network_policy_id: '],
  [{ network_policy_id: '../x', egress: { network_access: RESTRICTED } }, 'network_policy_id: '],
  [{ network_policy_id: 7, egress: { network_access: RESTRICTED } }, 'network_policy_id: '],
  [{ account_id: 'other', egress: { network_access: RESTRICTED } }, 'account_id: '],
];

async function refusesPolicy(stage: ApiStage, [fields, text]: BadPolicy): Promise<void> {
  const [status, body] = await send(stage, 'POST', POLICIES, { network_policy_id: 'bad', ...fields });
  expect([status, body]).toMatchObject([400, { error_code: 'INVALID_PARAMETER_VALUE' }]);
  expect((body as { readonly message: string }).message).toContain(text);
  expect(await send(stage, 'GET', `${POLICIES}/bad`)).toMatchObject([404, {}]);
}

async function pagesPolicies(stage: ApiStage): Promise<void> {
  const ids = Array.from({ length: 105 }, (_, at) => `page-${String(at).padStart(3, '0')}`);
  const egress = { network_access: RESTRICTED };
  for (const network_policy_id of ids) await send(stage, 'POST', POLICIES, { network_policy_id, egress });
  const found: string[] = [];
  let token = '';
  do {
    const [, body] = await send(stage, 'GET', `${POLICIES}?page_token=${token}`);
    const page = body as { items: { network_policy_id: string }[]; next_page_token: string };
    found.push(...page.items.map((item) => item.network_policy_id));
    token = page.next_page_token;
  } while (token !== '');
  expect(found.filter((id) => id.startsWith('page-'))).toEqual(ids);
  expect(await send(stage, 'GET', `${POLICIES}?page_token=%3F`)).toMatchObject([400, {}]);
  for (const id of ids) await send(stage, 'DELETE', `${POLICIES}/${id}`);
}

async function setsNetwork(stage: ApiStage): Promise<void> {
  const option = (network_policy_id: string) => ({ network_policy_id, workspace_id: 1001 });
  expect(await send(stage, 'GET', NETWORK)).toEqual([200, option('default-policy')]);
  expect(await send(stage, 'PUT', NETWORK, option('attached'))).toMatchObject([
    404,
    {
      error_code: 'RESOURCE_DOES_NOT_EXIST',
      message: 'Network policy "attached" does not exist: GET network-policies lists those that do',
    },
  ]);
  await send(stage, 'POST', POLICIES, {
    network_policy_id: 'attached',
    egress: { network_access: RESTRICTED },
  });
  expect(await send(stage, 'PUT', NETWORK, option('attached'))).toEqual([200, option('attached')]);
  expect(await send(stage, 'PUT', NETWORK, option('attached'))).toEqual([200, option('attached')]);
  expect(await send(stage, 'GET', NETWORK)).toEqual([200, option('attached')]);
  const attached = await send(stage, 'DELETE', `${POLICIES}/attached`);
  const message = expect.stringContaining(
    'give them another first, with PUT workspaces/{workspace_id}/network',
  );
  expect(attached).toMatchObject([400, { error_code: 'INVALID_STATE', message }]);
  expect(await send(stage, 'PUT', NETWORK, { network_policy_id: 'default-policy' })).toEqual([
    200,
    option('default-policy'),
  ]);
  expect(await send(stage, 'DELETE', `${POLICIES}/attached`)).toEqual([200, {}]);
  expect(await send(stage, 'DELETE', `${POLICIES}/default-policy`)).toMatchObject([
    400,
    { error_code: 'INVALID_PARAMETER_VALUE', message: expect.stringMatching(/; change it with PUT$/) },
  ]);
  const other = { network_policy_id: 'default-policy', workspace_id: 7 };
  expect(await send(stage, 'PUT', NETWORK, other)).toMatchObject([400, {}]);
  expect(await send(stage, 'GET', NETWORK.replace('1001', '7'))).toMatchObject([404, {}]);
}

async function switchesAccount(stage: ApiStage): Promise<void> {
  const patch = (value: boolean, etag?: string) =>
    send(stage, 'PATCH', SWITCH, {
      allow_missing: true,
      field_mask: 'acct_ip_acl_enable.value',
      setting: {
        acct_ip_acl_enable: { value },
        ...(etag === undefined ? {} : { etag }),
        setting_name: 'default',
      },
    });
  const read = async () => (await send(stage, 'GET', SWITCH))[1] as { etag: string };
  const first = await read();
  expect(first).toMatchObject({ acct_ip_acl_enable: { value: false }, setting_name: 'default' });
  const [status, second] = await patch(true, first.etag);
  expect([status, second]).toMatchObject([200, { acct_ip_acl_enable: { value: true } }]);
  expect(await read()).toEqual(second);
  const { etag } = second as { etag: string };
  const conflict = [409, { error_code: 'RESOURCE_CONFLICT', details: [{ metadata: { etag } }] }];
  expect(await patch(false, first.etag)).toMatchObject(conflict);
  expect(await send(stage, 'DELETE', `${SWITCH}?etag=${first.etag}`)).toMatchObject(conflict);
  const list = { label: 'x', list_type: 'ALLOW', ip_addresses: ['198.51.100.1'] };
  const lockedOut = [400, { error_code: 'INVALID_STATE' }];
  expect(await send(stage, 'POST', `${ACCOUNT}/ip-access-lists`, list)).toMatchObject(lockedOut);
  expect(await send(stage, 'DELETE', `${SWITCH}?etag=${etag}`)).toMatchObject([200, {}]);
  expect(await read()).toMatchObject({ acct_ip_acl_enable: { value: false } });
}

async function tellsConfig(stage: ApiStage): Promise<void> {
  const path = '/.well-known/databricks-config';
  const host = { host: 'analytics.acme.example' };
  const { status, body } = await stage.call({ path, headers: host }, 'no-token-of-anybody');
  expect([status, body]).toEqual([200, { oidc_endpoint: '', account_id: 'acme', workspace_id: '1001' }]);
  expect(await send(stage, 'GET', path)).toEqual([200, { oidc_endpoint: '', account_id: 'acme' }]);
}

async function needsAdministrator(stage: ApiStage): Promise<void> {
  for (const path of [POLICIES, `${POLICIES}/default-policy`, NETWORK, SWITCH]) {
    const { status, body } = await stage.call({ path }, stage.workspaceToken);
    expect([status, body]).toMatchObject([403, { error_code: 'PERMISSION_DENIED' }]);
  }
}

export const ACCOUNT_STORIES: readonly Story[] = [
  ['echoes exactly what was set of a policy', echoesPolicies],
  ...BAD_POLICIES.map(
    (row): Story => [`refuses the policy ${JSON.stringify(row[0])}`, (stage) => refusesPolicy(stage, row)],
  ),
  ['lists 105 policies in pages', pagesPolicies],
  ['sets the policy of a workspace, and deletes none that is attached', setsNetwork],
  ['switches the lists of the account by etag, and shuts nobody out', switchesAccount],
  ['tells clients the account and the workspace of a host', tellsConfig],
  ['lets only administrators of the account call for it', needsAdministrator],
];

async function send(
  stage: ApiStage,
  method: NonNullable<ApiCall['method']>,
  path: string,
  body?: unknown,
): Promise<readonly [ApiAnswer['status'], unknown]> {
  const answer = await stage.call({ method, path, ...(body === undefined ? {} : { body }) });
  return [answer.status, answer.body];
}
