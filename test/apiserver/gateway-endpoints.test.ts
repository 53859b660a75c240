// Who finds which gateway, while no operator runs: the EndpointSlices of all lanes follow the gateway pods, whoever of
// the pool writes them, and whoever of it is killed, frozen or drained. One control plane; each test goes on from what
// the one before left. SEED and RUNS are for longer runs of generated histories.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { laneServiceName } from '../../operator/compile/lane-service-name.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { PoolHistory } from '../support/cluster/pool-history.ts';
import { PoolScene } from '../support/cluster/pool-scene.ts';
import { until } from '../support/until.ts';

const SEED = Number(process.env['SEED'] ?? 15);
const RUNS = Number(process.env['RUNS'] ?? 6);
const RUN_MS = 60_000;
/** A holder that hangs is waited for. */
const EXPIRY_MS = 120_000;

const ENFORCED = laneServiceName('team', 'enforced');

let folder: string;
let scene: PoolScene;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-pool-'));
  scene = await PoolScene.start(folder);
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(async () => {
  await scene.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('the slices of a pool, one story, in this order', () => {
  test('those that the operator of an earlier release wrote are taken over without a gap, but for lanes that are gone', async () => {
    await scene.addPod('gw-1', ['10.0.0.1', 'fd00::1']);
    await scene.setPlan('team', { enforced: 8192, sealed: 8200 });
    await scene.writeAsFormerRelease({ team: { enforced: 8192 }, gone: { enforced: 8400 } }, ['10.0.0.1']);
    const uid = await scene.uidOf(`${ENFORCED}-ipv4`);
    await scene.startAgent('gw-1');
    await scene.settled();
    await scene.addPod('gw-2', ['10.0.0.2', 'fd00::2']);
    await scene.settled();
    expect(await scene.uidOf(`${ENFORCED}-ipv4`)).toBe(uid);
  });

  test('a gateway is in them while it is ready, and keeps only what it has when it is deleted', async () => {
    await scene.addPod('gw-3', ['10.0.0.3'], false);
    await scene.setPod('gw-2', { isReady: false });
    await scene.settled();
    await scene.setPod('gw-3', { isReady: true });
    await scene.setPod('gw-2', { isReady: true });
    await scene.settled();
    await scene.deletePod('gw-3');
    await scene.settled();
    expect(JSON.stringify(await scene.stored())).not.toContain('"10.0.0.3"');
  });

  test('what somebody deletes or changes is put back', async () => {
    await scene.deleteSlice(`${ENFORCED}-ipv4`);
    await scene.settled();
    await scene.changeSlice(`${ENFORCED}-ipv6`, { endpoints: [{ addresses: ['fd00::66'] }] });
    await scene.settled();
  });

  test('nothing is written where nothing differs', async () => {
    await scene.setPlan('other', { enforced: 8300 });
    await scene.settled();
    const before = await scene.sliceWrites();
    await scene.addPod('gw-4', ['10.0.0.4'], false);
    await scene.removePod('gw-4');
    // Whatever comes of that comes before this.
    await scene.removePlan('other');
    await scene.settled();
    expect(await scene.sliceWrites()).toBe(before + 2);
  });

  test('a holder whose pod is gone is followed before its lease expires', async () => {
    await scene.startAgent('gw-2');
    await scene.untilHeldBy('gw-1');
    await scene.kill('gw-1');
    const last = await scene.lease();
    await scene.removePod('gw-1');
    const next = await scene.untilHeldBy('gw-2');
    await scene.settled();
    const waitedMs = Date.parse(next.acquireTime) - Date.parse(last?.renewTime ?? '');
    expect(waitedMs).toBeLessThan(next.leaseDurationSeconds * 1000);
  });

  test('one that drains is out before it has done anything, and gives the lease away', async () => {
    await scene.addPod('gw-5', ['10.0.0.5', 'fd00::5']);
    await scene.startAgent('gw-5');
    await scene.deletePod('gw-2');
    await scene.release('gw-2');
    // Nothing more to wait for: it says so when no slice leads anybody new to it.
    expect(JSON.stringify(await scene.stored())).not.toContain('"10.0.0.2"');
    await scene.untilHeldBy('gw-5');
    await scene.settled();
  });

  test(
    'one that hangs is followed when its lease expires, and writes nothing when it goes on',
    async () => {
      await scene.addPod('gw-6', ['10.0.0.6']);
      await scene.startAgent('gw-6');
      await scene.untilHeldBy('gw-5');
      scene.signal('gw-5', 'SIGSTOP');
      await scene.setPod('gw-5', { isReady: false });
      await scene.untilHeldBy('gw-6');
      await scene.settled();
      const written = await scene.sliceWrites('gw-5');
      scene.signal('gw-5', 'SIGCONT');
      await scene.setPod('gw-5', { isReady: true });
      await scene.settled();
      expect(await scene.sliceWrites('gw-5')).toBe(written);
      await scene.untilHeldBy('gw-6');
    },
    EXPIRY_MS,
  );

  test('an API server that was away is followed again', async () => {
    const { controlPlane } = scene.admission;
    await controlPlane.stopApiServer();
    await controlPlane.startApiServer();
    await scene.setPod('gw-5', { isReady: false });
    await scene.settled();
  });

  test('the slices of a plan that cannot be read stay, and are no obstacle', async () => {
    await scene.setPlan('newer', { enforced: 8500 });
    await scene.settled();
    await scene.allowFutureField();
    await scene.setPlan('newer', { enforced: 8500 }, { future: 'x' });
    // It has never read that plan.
    await scene.addPod('gw-7', ['10.0.0.7']);
    await scene.startAgent('gw-7');
    await scene.settled();
    // Both first: the one that has read the plan would still write that the other is leaving.
    for (const pod of ['gw-5', 'gw-6']) await scene.kill(pod);
    const before = await scene.stored();
    for (const pod of ['gw-5', 'gw-6']) await scene.removePod(pod);
    await scene.untilHeldBy('gw-7');
    const name = `${laneServiceName('newer', 'enforced')}-ipv4`;
    await until('the others follow', async () => {
      const { [name]: kept, ...others } = await scene.stored();
      const { [name]: _, ...wanted } = scene.wanted();
      return kept !== undefined && isDeepStrictEqual(others, wanted);
    });
    expect((await scene.stored())[name]).toEqual(before[name]);
    await scene.setPlan('newer', { enforced: 8508 });
    await scene.settled();
    await scene.removePlan('newer');
    await scene.settled();
  });

  test('the last ones that go take nobody new', async () => {
    await scene.addPod('gw-8', ['10.0.0.8']);
    await scene.startAgent('gw-8');
    for (const pod of ['gw-7', 'gw-8', 'gw-2'])
      if (scene.pods.get(pod)?.isLeaving === false) await scene.deletePod(pod);
    await Promise.all(['gw-7', 'gw-8'].map((pod) => scene.release(pod)));
    await scene.settled();
    const { length } = Object.values(await scene.stored()).filter(([addresses]) =>
      addresses.some((address) => !address.endsWith('leaving')),
    );
    expect(length).toBe(0);
  });
});

const address = fc.integer({ min: 1, max: 250 });
const step = fc.oneof(
  fc.record({ what: fc.constant('add' as const), address, isDual: fc.boolean(), isReady: fc.boolean() }),
  fc.record({ what: fc.constant('ready' as const), at: fc.nat(), isReady: fc.boolean() }),
  fc.record({ what: fc.constant('readdress' as const), at: fc.nat(), address }),
  fc.record({ what: fc.constantFrom('delete', 'remove', 'start', 'crash', 'drain'), at: fc.nat() }),
  fc.record({
    what: fc.constant('plan' as const),
    at: fc.nat(),
    lanes: fc.subarray(['enforced', 'sealed', 'dry-run'] as const),
  }),
  fc.record({ what: fc.constantFrom('delete slice', 'change slice'), at: fc.nat() }),
);
const history = fc.array(step, { minLength: 6, maxLength: 14 });

test(
  'whatever happens to pods, plans, slices and agents, the slices end as the pods and plans say',
  async () => {
    const counts = new Map<string, number>();
    for (const [run, steps] of fc.sample(history, { numRuns: RUNS, seed: SEED }).entries()) {
      const pool = new PoolHistory(scene, `h${run}`);
      for (const one of steps) {
        counts.set(one.what, (counts.get(one.what) ?? 0) + 1);
        await pool.take(one);
      }
      await pool.haveAgent();
      await scene.settled().catch((cause: unknown) => {
        throw new Error(`Seed ${SEED}, run ${run}: ${JSON.stringify(steps)}`, { cause });
      });
      await pool.end();
    }
    console.log(`seed ${SEED}, ${RUNS} histories:`, Object.fromEntries(counts));
  },
  EXPIRY_MS + RUNS * RUN_MS,
);
