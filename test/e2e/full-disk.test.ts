// A disk that is full while changes come, while Envoy writes its log and while agents and Envoys start: what is revoked is
// denied all the same, nothing that is allowed is lost, and once there is space, everything is stored again. The disk is
// real, and so small that a test can fill it. RUNS is how often.
import { access, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hasSmallDisks, SmallDisk, testOnDisk } from '../support/small-disk.ts';
import { until } from '../support/until.ts';
import { FaultScene } from './fault-scene.ts';

const RUNS = Number(process.env['RUNS'] ?? 0);
const TIMES = Math.max(1, Math.ceil(RUNS / 10));
const MEGABYTES = 64;
const LIMIT_MS = 240_000 + TIMES * 60_000;

let faults: FaultScene;
let disk: SmallDisk;

beforeAll(async () => {
  if (!hasSmallDisks) return;
  faults = await FaultScene.open(async (scene) => {
    await mkdir(scene.state());
    disk = await SmallDisk.mount(scene.state(), MEGABYTES);
    scene.disk = disk;
  });
}, 60_000);

afterAll(async () => {
  if (!hasSmallDisks) return;
  await faults.remove(RUNS > 0);
  await disk.remove();
});

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Once there is space, what Envoy has is known to the next agent, and that Envoy runs. */
async function stored(): Promise<void> {
  const { envoy } = faults.scene.seen();
  await until('everything is stored', async () => await isThere(join(envoy, 'resources/complete')));
  await until('Envoy is known', async () => (await faults.scene.envoy()) !== undefined);
}

testOnDisk.each(Array.from({ length: TIMES }, (_, time) => (time % 2 === 0 ? 'both' : 'agent')))(
  'changes come while the disk is full, and killed is meanwhile: %s',
  async (killed) => {
    await disk.fill();
    await faults.change();
    await faults.probe.settled();
    await faults.agent.says(/Cannot write ".*binpb": the disk is full; free some space/);
    await (killed === 'both' ? faults.killBoth() : faults.agent.end('SIGKILL'));
    await faults.change();
    await faults.start();
    await faults.recovered(`disk full, killed: ${killed}`);
    await disk.free();
    await stored();
    const { pid } = await faults.envoy();
    await faults.agent.end('SIGKILL');
    await faults.start();
    await faults.agent.says(new RegExp(`Adopted the Envoy that still runs \\(pid ${pid}\\)`));
    await faults.recovered('disk free again, killed: agent');
    await faults.killBoth();
    await faults.start();
    await faults.recovered('disk free again, killed: both');
  },
  LIMIT_MS,
);

testOnDisk('the denial log of before is still in use', async () => {
  const names = await readdir(faults.scene.seen().root);
  expect(names.filter((name) => name.includes('damaged'))).toEqual([]);
});
