// A gateway as a pod has it: the agent beside an Envoy that another container runs, the pages that the kubelet asks, and
// the drain that begins when the pod is to end.
import { fileURLToPath } from 'node:url';
import { envoyBinary } from '../../operator/gateway/process/find-envoy.ts';
import { statePaths } from '../../operator/gateway/state/state-directory.ts';
import { openTunnel, type Tunnel } from '../outside/proxy-client.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { type Agent, GatewayScene, readiness } from '../support/cluster/gateway-scene.ts';
import { runProgram } from '../support/cluster/run-program.ts';
import { EnvoyContainer } from '../support/envoy/envoy-container.ts';
import { until } from '../support/until.ts';

const PROGRAM = fileURLToPath(new URL('../../hack/sallyport', import.meta.url));
const LISTED = 'listed.example.com';
const PORT = 10_000;

let scene: GatewayScene;
let agent: Agent;
let container: EnvoyContainer;

beforeAll(async () => {
  scene = await GatewayScene.start([LISTED]);
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(async () => {
  await container.end('SIGKILL');
  await scene.stop();
});

async function page(path: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${agent.running.healthPort}${path}`);
  return `${response.status} ${await response.text()}`;
}

function held(): Promise<Tunnel> {
  const proxy = { host: agent.address, port: PORT };
  return openTunnel({ proxy, ca: scene.outside.caPem, url: `https://${LISTED}/` });
}

describe('a gateway pod, one story, in this order', () => {
  test('Envoy may start once the agent knows what to tell it', async () => {
    agent = await scene.startAgent('gw-1', { externalEnvoy: true });
    await until('it has asked the API server', async () => (await page('/startz')).startsWith('200'));
    container = new EnvoyContainer(
      await envoyBinary(process.env['PATH'] ?? ''),
      statePaths(scene.stateOf('gw-1')).envoy,
    );
    expect(await readiness(agent)).toMatch(/^503 /);
    await until('it is ready', async () => (await readiness(agent)) === '200');
    expect(await page('/envoyz')).toMatch(/^200 /);
    await scene.applyPlan('lab', 'p1', 'acme', { enforced: PORT });
    await scene.applyTable('acme', 'r1', [{ names: [LISTED] }]);
    await scene.untilAsking(agent.address, PORT, LISTED, 'ok');
  });

  test('an Envoy that dies is seen, and the next one serves', async () => {
    process.kill(container.pid, 'SIGKILL');
    await until('it is not ready', async () => (await readiness(agent)).includes('Envoy does not run'));
    await until('it is ready', async () => (await readiness(agent)) === '200');
    expect(await scene.asking(agent.address, PORT, LISTED)).toBe('ok');
  });

  test('a stopped agent leaves Envoy alone, and the next one has it', async () => {
    const { pid } = container;
    const tunnel = await held();
    await agent.stop();
    expect(await scene.asking(agent.address, PORT, LISTED)).toBe('ok');
    agent = await scene.startAgent('gw-1', { externalEnvoy: true });
    await until('it is ready', async () => (await readiness(agent)) === '200');
    expect(await tunnel.get('/')).toMatchObject({ status: 200 });
    tunnel.close();
    expect(container.pid).toBe(pid);
  });

  test('a drain keeps what is open, takes what still comes, and ends with the last tunnel', async () => {
    const tunnel = await held();
    const drained = page('/drained');
    agent.running.drain();
    await until('it is not ready', async () => (await readiness(agent)).includes('it drains'));
    expect(await scene.asking(agent.address, PORT, LISTED)).toBe('ok');
    expect(await tunnel.get('/')).toMatchObject({ status: 200 });
    await scene.untilReport('gw-1', 'that it is not ready', ({ ready }) => !ready);
    tunnel.close();
    expect(await drained).toBe('200 drained\n');
  });

  test('nobody drains where no gateway is', async () => {
    const command = await runProgram(PROGRAM, ['drain', '--state', scene.stateOf('gw-2')]);
    expect(command.code).toBe(1);
    expect(command.stderr).toMatch(/^Cannot drain: no gateway uses state directory ".*gw-2"/);
  });
});
