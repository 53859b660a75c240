// The agent while nobody else is there: it serves what it served, from files, also after a restart; entries expire all
// the same; and it gives nobody a way out where it has never read of any.
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { type Agent, GatewayScene, readiness } from '../support/cluster/gateway-scene.ts';
import { until } from '../support/until.ts';

const LISTED = 'listed.example.com';
const EXPIRING = 'expiring.example.com';
const OTHER = 'other.example.com';
const PORT = 10_000;
const NOT_ALLOWED = 'refused DESTINATION_NOT_ALLOWED';
/** An API server that stops, an agent that starts again and a few questions take some starts of an agent. */
const LIFE_IN_STARTS = 6;

let scene: GatewayScene;
let agent: Agent;
let startMs: number;

beforeAll(async () => {
  scene = await GatewayScene.start([LISTED, EXPIRING, OTHER]);
  await scene.applyPlan('lab', 'p1', 'acme', { enforced: PORT });
  await scene.applyTable('acme', 'r1', [{ names: [LISTED] }]);
  const beganMs = performance.now();
  agent = await scene.startAgent('gw-1');
  await scene.untilAsking(agent.address, PORT, LISTED, 'ok');
  startMs = performance.now() - beganMs;
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(() => scene.stop());

/** What becomes of each of the three names. */
async function served(): Promise<readonly string[]> {
  return [
    await scene.asking(agent.address, PORT, LISTED),
    await scene.asking(agent.address, PORT, EXPIRING),
    await scene.asking(agent.address, PORT, OTHER),
  ];
}

// Each test goes on from what the one before left.
describe('an agent whose API server comes and goes, one story, in this order', () => {
  test('an API server that is away changes nothing, and a restart serves the same', async () => {
    const expiresAt = new Date(Date.now() + 8000 + LIFE_IN_STARTS * startMs).toISOString();
    await scene.applyTable('acme', 'r2', [{ names: [LISTED] }, { names: [EXPIRING], expiresAt }]);
    await scene.untilAsking(agent.address, PORT, EXPIRING, 'ok');
    await scene.controlPlane.stopApiServer();
    expect(await served()).toEqual(['ok', 'ok', NOT_ALLOWED]);
    expect(await readiness(agent)).toBe('200');
    await agent.stop();
    agent = await scene.startAgent('gw-1');
    expect(await served()).toEqual(['ok', 'ok', NOT_ALLOWED]);
    expect(await readiness(agent)).toMatch(/^503 .*egresstables.* not read yet/);
  });

  test('an entry expires without any event', async () => {
    await scene.untilAsking(agent.address, PORT, EXPIRING, NOT_ALLOWED);
    expect(await served()).toEqual(['ok', NOT_ALLOWED, NOT_ALLOWED]);
  });

  test('a denial still names the entry that decided', async () => {
    await scene.asking(agent.address, PORT, `${LISTED}:8443`);
    const rules = () =>
      agent.lines.filter(({ reason }) => reason === 'PORT_NOT_ALLOWED').map(({ rule }) => rule);
    await until('the denial is written', () => rules().length > 0);
    expect(rules()).toEqual([expect.stringContaining(`allowedInternetDestinations "${LISTED}"`)]);
  });

  test('a gateway that has never read any workspace listens nowhere and is not ready', async () => {
    await agent.stop();
    await rm(scene.stateOf('gw-1'), { recursive: true });
    agent = await scene.startAgent('gw-1');
    expect(agent.running.envoyPid).toBeUndefined();
    expect(await served()).toEqual(['ECONNREFUSED', 'ECONNREFUSED', 'ECONNREFUSED']);
    expect(await readiness(agent)).toMatch(/^503/);
  });

  test('it serves and reports as soon as the API server is back', async () => {
    await scene.controlPlane.startApiServer();
    await scene.untilAsking(agent.address, PORT, LISTED, 'ok');
    await scene.untilReport(
      'gw-1',
      'what runs',
      ({ ready, tables }) => ready && tables?.[0]?.revision === 'r2',
    );
    expect(await readiness(agent)).toBe('200');
  });

  test('an agent that is killed leaves its Envoy serving, and the next one adopts it', async () => {
    const address = scene.outside.listenAddress.replace(/\.2$/, '.4');
    const former = scene.spawnAgent('gw-9', address);
    await scene.untilAsking(address, PORT, LISTED, 'ok');
    const ended = once(former, 'exit');
    former.kill('SIGKILL');
    await ended;
    expect(await scene.asking(address, PORT, LISTED)).toBe('ok');
    const next = await scene.startAgent('gw-9', { address });
    expect(next.lines).toContainEqual(
      expect.objectContaining({ message: 'adopted the Envoy that still runs' }),
    );
    await scene.applyTable('acme', 'r3', [{ names: [OTHER] }]);
    await scene.untilAsking(address, PORT, OTHER, 'ok');
    await scene.untilAsking(address, PORT, LISTED, NOT_ALLOWED);
  });
});
