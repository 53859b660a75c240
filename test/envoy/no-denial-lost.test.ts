// Every denial becomes exactly one row, while the log is rotated under Envoy and our process is killed on the way.
// `npm run bench -- denials-run` does the same with 50,000 of them.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WORKSPACE } from '../bench/bench-folder.ts';
import { countDenials, settledRows } from '../bench/denial-count.ts';
import { flood } from '../bench/denial-flood.ts';
import { startFlooded } from '../bench/flooded-sallyport.ts';
import { type SallyportProcess, until } from '../bench/sallyport-process.ts';
import { type OutsideServers, startOutsideServers } from '../outside/outside-servers.ts';

const DENIALS = 6000;
const PER_FLOOD = DENIALS / 3;
const ROTATIONS = 3;
const LIMIT_MS = 60_000;

let directory: string;
let outside: OutsideServers;
let sallyport: SallyportProcess;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sallyport-'));
  outside = await startOutsideServers({ names: [] });
  // Each third of the flood is longer than the log may grow.
  sallyport = await startFlooded({ directory, outside, denials: PER_FLOOD });
});

afterAll(async () => {
  await sallyport.stop();
  await outside.stop();
  await rm(directory, { recursive: true, force: true });
});

/** A third of the requests, all of them denied. */
async function floodFrom(
  from: number,
  onAnswer: (answered: number) => void = () => undefined,
): Promise<void> {
  const to = from + PER_FLOOD;
  await flood({ proxy: await sallyport.proxy(WORKSPACE), from, to, onAnswer });
}

async function restart(): Promise<void> {
  await sallyport.kill();
  await sallyport.start();
}

describe('denials', () => {
  it('are one row each through three rotations and a kill -9 of our process', async () => {
    let restarted: Promise<void> | undefined;
    await floodFrom(1);
    await floodFrom(1 + PER_FLOOD, (answered) => {
      if (answered >= PER_FLOOD / 2) restarted ??= restart();
    });
    await restarted;
    await floodFrom(1 + 2 * PER_FLOOD);
    await settledRows(sallyport, DENIALS);

    expect(await countDenials(sallyport)).toEqual({
      rows: DENIALS,
      distinctNames: DENIALS,
      distinctEvents: DENIALS,
      distinctSequences: DENIALS,
      firstSequence: 1,
      lastSequence: DENIALS,
    });
    await until(async () => (await sallyport.rotations()) >= ROTATIONS, `${ROTATIONS} rotations`, LIMIT_MS);
  });
});
