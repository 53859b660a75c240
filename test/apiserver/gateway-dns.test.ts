// The DNS of an agent in a cluster: allowed names lead to the Service of the lane, names of Services that exist inside,
// and it goes on from what it remembers. The stand-in DNS is the cluster's own here too.
import { SYSTEM_NAMESPACE } from '../../operator/model/system-names.ts';
import { askDns, type DnsReply } from '../outside/dns-client.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { type Agent, GatewayScene } from '../support/cluster/gateway-scene.ts';
import { until } from '../support/until.ts';

const LISTED = 'listed.example.com';
const ENFORCED = 10_000;
const FAILED = 2;
const NO_NAME = 3;
const SERVICE = 'web.default.svc.cluster.local';
const PEERS = 'peers.default.svc.cluster.local';

let scene: GatewayScene;
let agent: Agent;

beforeAll(async () => {
  scene = await GatewayScene.start([LISTED]);
  await scene.applyTable('acme', 'r1', [{ names: [LISTED] }]);
  await scene.applyPlan('lab', 'p1', 'acme', { enforced: ENFORCED });
  agent = await scene.startAgent('gw-1');
  await scene.untilReport('gw-1', 'that it is ready', ({ ready }) => ready);
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(() => scene.stop());

function ask(name: string, type = 'A'): Promise<DnsReply> {
  return askDns({ server: `${agent.address}:${ENFORCED + 3}`, name, type });
}

async function untilSays(name: string, data: readonly string[], type = 'A'): Promise<void> {
  await until(`${name} is ${data.join(', ')}`, async () => {
    const reply = await ask(name, type);
    return reply.data.join() === data.join();
  });
}

// Each test goes on from what the one before left.
describe('the DNS of an agent, and of the next one, one story, in this order', () => {
  test('an allowed name leads to the addresses of the lane, as soon as they are known', async () => {
    expect(await ask(LISTED)).toMatchObject({ rcode: 0, data: [] });
    const lanes = [{ lane: 'enforced', firstPort: ENFORCED, serviceAddresses: ['10.96.0.77', 'fd00::77'] }];
    const patch = JSON.stringify({ spec: { revision: 'p2', lanes } });
    await scene.kubectl('patch', 'workspaceplan', 'lab', '-n', SYSTEM_NAMESPACE, '--type=merge', '-p', patch);
    await untilSays(LISTED, ['10.96.0.77']);
    await untilSays(LISTED, ['fd00::77'], 'AAAA');
  });

  test('a name of a Service leads to its addresses while the Service exists, and nobody is asked', async () => {
    scene.outside.dns.setRecord(SERVICE, { a: ['10.96.0.9'] });
    await until('Services are known', async () => (await ask(SERVICE)).rcode === NO_NAME);
    await scene.kubectl('create', 'service', 'clusterip', 'web', '--tcp=80');
    const address = await scene.kubectl('get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}');
    await untilSays(SERVICE, [address]);
    expect(await ask(`${LISTED}.default.svc.cluster.local`)).toMatchObject({ rcode: NO_NAME });
    await scene.kubectl('delete', 'service', 'web');
    await until('the Service is unknown', async () => (await ask(SERVICE)).rcode === NO_NAME);
    expect(scene.outside.dns.questionsFor(SERVICE)).toEqual([]);
  });

  test('a denied name is a line of the log, with the columns of the denial log', async () => {
    expect(await ask('denied.example.com')).toMatchObject({ rcode: NO_NAME });
    const isIt = (line: Readonly<Record<string, unknown>>) => line['destination'] === 'denied.example.com';
    await until('the line is written', () => agent.lines.some(isIt));
    expect(agent.lines.find(isIt)).toMatchObject({
      message: 'denial',
      event_id: 'gw-1/dns-000001/0',
      destination_type: 'DNS',
      dns_event: { domain_name: 'denied.example.com', rcode: NO_NAME },
      workspace: 'lab',
      product: null,
      policy: 'acme',
      reason: 'DESTINATION_NOT_ALLOWED',
    });
  });

  test('of a headless Service the cluster is asked, and only addresses inside are passed on', async () => {
    scene.outside.dns.setRecord(PEERS, {
      a: ['10.1.2.3', '93.184.215.14', '169.254.169.254'],
      ttlSeconds: 0,
    });
    scene.outside.dns.setRecord(`pod-0.${PEERS}`, { cname: 'tunnel.example.com' });
    scene.outside.dns.setRecord('tunnel.example.com', { a: ['10.6.6.6'] });
    await scene.kubectl('create', 'service', 'clusterip', 'peers', '--clusterip=None', '--tcp=80');
    await untilSays(PEERS, ['10.1.2.3']);
    expect(await ask(`pod-0.${PEERS}`)).toMatchObject({ rcode: 0, data: [] });
    const asked = scene.outside.dns.questions.length;
    expect(await ask(PEERS, 'TXT')).toMatchObject({ rcode: 0, data: [] });
    expect(await ask(`a.pod-0.${PEERS}`)).toMatchObject({ rcode: NO_NAME });
    expect(scene.outside.dns.questions).toHaveLength(asked);
  });

  test('a Service of type ExternalName does not exist: no question, no answer of its owner, and a row', async () => {
    const name = 'alias.default.svc.cluster.local';
    scene.outside.dns.setRecord(name, { cname: 'tunnel.example.com' });
    const args = ['create', 'service', 'externalname', 'alias', '--external-name=tunnel.example.com'];
    await scene.kubectl(...args);
    const rowsOf = () => agent.lines.filter((line) => line['destination'] === name);
    await until('the Service is known', async () => {
      await ask(name);
      return rowsOf().length > 0;
    });
    expect(await ask(name)).toMatchObject({ rcode: NO_NAME, data: [] });
    expect(await ask(name, 'TXT')).toMatchObject({ rcode: NO_NAME, data: [] });
    expect(rowsOf()[0]).toMatchObject({ reason: 'DESTINATION_NOT_ALLOWED', workspace: 'lab' });
    expect(scene.outside.dns.questionsFor(name)).toEqual([]);
  });

  test('a new agent answers from what the former one knew, before any API server answers', async () => {
    await scene.controlPlane.stopApiServer();
    await agent.stop();
    const asked = scene.outside.dns.questionsFor(SERVICE).length;
    agent = await scene.startAgent('gw-1');
    expect(await ask(LISTED)).toMatchObject({ rcode: 0, data: ['10.96.0.77'] });
    expect(await ask('denied.example.com')).toMatchObject({ rcode: NO_NAME });
    // Which Services there are is not remembered: clients keep "no such name", and ask again after a failure.
    expect(await ask(SERVICE)).toMatchObject({ rcode: FAILED });
    expect(scene.outside.dns.questionsFor(SERVICE)).toHaveLength(asked);
  });
});
