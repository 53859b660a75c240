// `sallyport api` under the rights of its own ServiceAccount: it finds workspaces by the plans of the operator, and has
// no power that its callers do not have.
import { Writable } from 'node:stream';
import { type ApiOptions, readApiConfig } from '../../operator/cluster-config.ts';
import { createLogger } from '../../operator/lib/logger.ts';
import {
  API_ACCOUNT,
  accountUser,
  OPERATOR_ACCOUNT,
  SYSTEM_NAMESPACE,
} from '../../operator/model/system-names.ts';
import { ApiProcess } from '../../operator/roles/api/process.ts';
import { callApi } from '../support/api/api-client.ts';
import { ClusterStage } from '../support/api/cluster-stage.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { until } from '../support/until.ts';

const PLAN = `apiVersion: sallyport.dev/v1alpha1
kind: IngressPlan
metadata:
  name: analytics
  namespace: ${SYSTEM_NAMESPACE}
  labels: { app.kubernetes.io/managed-by: sallyport }
spec:
  level: WORKSPACE
  workspaceId: "1001"
  revision: r1
  enableIpAccessLists: false
  lists: []
  hosts: [analytics.acme.example]
  tlsPassthrough: false
`;
const OPERATOR = accountUser(SYSTEM_NAMESPACE, OPERATOR_ACCOUNT);
const LISTS = '/api/2.0/ip-access-lists';
const HOST = { host: 'analytics.acme.example' };

let stage: ClusterStage;
let running: Program;

interface Program {
  readonly process: ApiProcess;
  readonly log: () => string;
}

async function start(kubeconfig: string, changed: Partial<ApiOptions> = {}): Promise<Program> {
  let log = '';
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      log += chunk.toString();
      done();
    },
  });
  const options = {
    kubeconfig,
    namespace: SYSTEM_NAMESPACE,
    healthPort: '0',
    logLevel: 'info',
    port: '0',
    listenAddress: '127.0.0.1',
    accountId: 'acme',
    state: '.sallyport',
    trustedProxy: [],
    podName: 'api-1',
    ...changed,
  };
  const logger = createLogger({ role: 'api', level: 'info', stream });
  return { process: await ApiProcess.start(readApiConfig(options, {}), logger), log: () => log };
}

/** By a token that is bound to no pod. */
function accountKubeconfig(): Promise<string> {
  return stage.controlPlane.serviceAccountKubeconfig(SYSTEM_NAMESPACE, API_ACCOUNT);
}

beforeAll(async () => {
  stage = await ClusterStage.start();
  running = await start(await accountKubeconfig());
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(async () => {
  await running.process.stop();
  await stage.stop();
});

function send(token: string, method: 'GET' | 'POST', body?: unknown, { process }: Program = running) {
  const call = { method, path: LISTS, headers: HOST, ...(body === undefined ? {} : { body }) };
  return callApi(`http://127.0.0.1:${process.port}`, token, call);
}

it('finds a workspace as soon as it is planned, and serves what kubectl wrote', async () => {
  const { code, stderr } = await stage.controlPlane.kubectl(['create', '-f', '-', '--as', OPERATOR], {
    stdin: PLAN,
  });
  expect([code, stderr]).toEqual([0, '']);
  await until('the workspace is known', async () => (await send(stage.workspaceToken, 'GET')).status === 200);
  const yaml = `apiVersion: sallyport.dev/v1alpha1
kind: IpAccessList
metadata: { name: office, namespace: analytics }
spec: { label: office, listType: ALLOW, ipAddresses: [1.1.1.1] }
`;
  await stage.controlPlane.kubectl(['apply', '-f', '-'], { stdin: yaml });
  const { body } = await send(stage.workspaceToken, 'GET');
  expect(body).toMatchObject({
    ip_access_lists: [{ list_id: 'office', enabled: true, address_count: 1, created_by: 0 }],
  });
  const made = await send(stage.workspaceToken, 'POST', { label: 'x', list_type: 'BLOCK', ip_addresses: [] });
  const { list_id } = (made.body as { ip_access_list: { list_id: string } }).ip_access_list;
  const shown = await stage.controlPlane.kubectl(['get', 'ipal', list_id, '-n', 'analytics']);
  expect([shown.code, shown.stdout]).toEqual([0, expect.stringContaining('BLOCK')]);
});

it('writes a row for whom lists deny, and none for whom they allow', async () => {
  const rows = (): readonly Record<string, unknown>[] =>
    running
      .log()
      .split('\n')
      .filter((line) => line.includes('"inbound denial"'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(rows()).toEqual([]);
  const list =
    '{ listId: b, label: bad, listType: BLOCK, mode: ENFORCED, enabled: true, ipAddresses: [127.0.0.0/8] }';
  const narrower = PLAN.replace('lists: []', `lists: [${list}]`).replace('Lists: false', 'Lists: true');
  const replaced = await stage.controlPlane.kubectl(
    ['apply', '--server-side', '--force-conflicts', '-f', '-', '--as', OPERATOR],
    {
      stdin: narrower.replace('r1', 'r2'),
    },
  );
  expect([replaced.code, replaced.stderr]).toEqual([0, '']);
  await until('the list is obeyed', async () => (await send(stage.workspaceToken, 'GET')).status === 403);
  const what = { account_id: 'acme', workspace_id: '1001', source: { ip: '127.0.0.1' }, request_path: LISTS };
  const row = {
    ...what,
    policy_outcome: 'DENY',
    rule_label: 'bad',
    list_id: 'b',
    entry: '127.0.0.0/8',
    status: 403,
  };
  await until('it has its row', async () => rows().length > 0);
  expect(rows()).toEqual([expect.objectContaining(row)]);
  await stage.controlPlane.kubectl(
    ['apply', '--server-side', '--force-conflicts', '-f', '-', '--as', OPERATOR],
    { stdin: PLAN },
  );
  await until('it is gone', async () => (await send(stage.workspaceToken, 'GET')).status === 200);
});

it('may itself read no list and write nothing of a workspace', async () => {
  const may = async (verb: string, resource: string): Promise<string> => {
    const account = accountUser(SYSTEM_NAMESPACE, API_ACCOUNT);
    const args = ['auth', 'can-i', verb, resource, '-n', 'analytics', '--as', account];
    return (await stage.controlPlane.kubectl(args)).stdout.trim();
  };
  for (const resource of ['ipaccesslists', 'workspaceconfs', 'networkpolicies.sallyport.dev', 'secrets']) {
    for (const verb of ['get', 'create', 'update', 'delete']) {
      expect([verb, resource, await may(verb, resource)]).toEqual([verb, resource, 'no']);
    }
  }
});

it('is healthy, counts its answers, and logs nothing against itself', async () => {
  const health = `http://127.0.0.1:${running.process.healthPort}`;
  expect((await callApi(health, undefined, { path: '/readyz' })).status).toBe(200);
  const { body } = await callApi(health, undefined, { path: '/metrics' });
  expect(body).toContain(`sallyport_api_answers_total{call="GET ${LISTS}",code="200"}`);
  expect(running.log()).not.toContain('"level":"error"');
});

it('reports who administers from where with the kubeconfig of a person, too', async () => {
  const person = await start(stage.controlPlane.adminKubeconfig, { podName: 'desk-1' });
  try {
    await until('the workspace is known', async () => {
      const { status } = await send(stage.workspaceToken, 'GET', undefined, person);
      return status === 200;
    });
    const list = { label: 'desk', list_type: 'BLOCK', ip_addresses: [] };
    expect((await send(stage.workspaceToken, 'POST', list, person)).status).toBe(200);
    const callers = '-o=jsonpath={.spec.callers[*].address} {.spec.callers[*].workspace}';
    await until('its CallerReport is there', async () => {
      const args = ['get', 'callerreports', 'desk-1', '-n', SYSTEM_NAMESPACE, callers];
      return (await stage.controlPlane.kubectl(args)).stdout === '127.0.0.1 analytics';
    });
    expect(await guarded(person)).toBe('1');
    expect(person.log()).not.toContain('not guarded');
  } finally {
    await person.process.stop();
  }
});

it('says once that nobody guards changes by kubectl, while it may not report', async () => {
  const program = await start(await accountKubeconfig(), { podName: 'unbound-1' });
  try {
    await until('the workspace is known', async () => {
      const { status } = await send(stage.workspaceToken, 'GET', undefined, program);
      return status === 200;
    });
    const block = (label: string) => ({ label, list_type: 'BLOCK', ip_addresses: [] });
    expect((await send(stage.workspaceToken, 'POST', block('first'), program)).status).toBe(200);
    await until('the report was refused', async () => (await guarded(program)) === '0');
    const failures = async () =>
      Number(await metric(program, 'rest_client_requests_total{code="4\\d\\d",method="PATCH",host="[^"]*"}'));
    await until('it was tried again', async () => (await failures()) > 1);
    const lines = program.log().split('\n');
    expect(lines.filter((line) => line.includes('not guarded against lock-outs'))).toHaveLength(1);
  } finally {
    await program.process.stop();
  }
});

function guarded(program: Program): Promise<string | undefined> {
  return metric(program, 'sallyport_api_lock_out_guarded');
}

/** Of a series by a pattern. */
async function metric({ process }: Program, series: string): Promise<string | undefined> {
  const { body } = await callApi(`http://127.0.0.1:${process.healthPort}`, undefined, { path: '/metrics' });
  return new RegExp(`^${series} (\\S+)$`, 'm').exec(String(body))?.[1];
}
