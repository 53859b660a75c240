// The denial log on a disk that is full, or nearly: its process is killed at any time, and what it has said it stored is
// there once there is space. No file is set aside: a full disk damages none. Generated; SEED and RUNS choose others.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { SmallDisk, testOnDisk } from '../support/small-disk.ts';

const SEED = Number(process.env['SEED'] ?? 15);
const RUNS = Number(process.env['RUNS'] ?? 2);
const MEGABYTES = 12;
const BATCH = 50;

/** Says what the database held, which batches it stored since, and kills itself: the log is never closed in good order. */
const PROGRAM = `
  import { runQuery } from ${JSON.stringify(import.meta.resolve('../../operator/denials/query/run-query.ts'))};
  import { DenialStore } from ${JSON.stringify(import.meta.resolve('../../operator/denials/store/duckdb/denial-store.ts'))};
  import { sampleBatch } from ${JSON.stringify(import.meta.resolve('../fixtures/denial-fixture.ts'))};
  const [path, from, batches] = [process.argv[1], Number(process.argv[2]), Number(process.argv[3])];
  const report = { held: [], stored: [], errors: [] };
  try {
    const store = await DenialStore.open(path);
    report.setAside = store.setAside?.reason;
    const answer = await runQuery(store, "select (split_part(event_id, '/', 3)::int // 400)::int + 1 as n from access.outbound_network");
    report.held = answer.rows.map(({ n }) => n);
    for (let at = from; at < from + batches * ${BATCH}; at += ${BATCH}) {
      const { denials, ...batch } = sampleBatch(at, at + ${BATCH}, { destination: 'x'.repeat(259) });
      const { lastSequence } = await store.progress('gw-1');
      batch.denials = denials.map((row, index) => ({ ...row, sequence: lastSequence + index + 1 }));
      await store.append(batch).then(() => report.stored.push(at), ({ message }) => report.errors.push(message));
    }
  } catch ({ message }) {
    report.errors.push(message);
  }
  process.stdout.write(JSON.stringify(report), () => process.kill(process.pid, 'SIGKILL'));`;

interface Report {
  /** Numbers of the lines that have rows, from 1, as they were found when the log was opened. */
  readonly held: readonly number[];
  /** First line of each batch that was stored. */
  readonly stored: readonly number[];
  readonly errors: readonly string[];
  readonly setAside?: string;
}

interface Step {
  /** Bytes; undefined: all that the log does not take. */
  readonly free: number | undefined;
  readonly batches: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  free: fc.oneof(fc.constant(0), fc.constant(undefined), fc.integer({ min: 0, max: 1_500_000 })),
  batches: fc.integer({ min: 1, max: 30 }),
});
const histories = fc.sample(fc.array(step, { minLength: 12, maxLength: 12 }), { seed: SEED, numRuns: RUNS });

async function work(disk: SmallDisk, database: string, from: number, batches: number): Promise<Report> {
  const [command = '', ...prefix] = disk.prefix;
  const program = [
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    '--input-type=module',
    '--eval',
  ];
  const args = [...prefix, ...program, PROGRAM, database, String(from), String(batches)];
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  return JSON.parse(await text(child.stdout)) as Report;
}

testOnDisk.each(histories.map((steps, run) => [run, steps] as const))(
  'what was stored is there once there is space, and no file is set aside: history %i',
  async (_run, steps) => {
    const folder = await mkdtemp(join(tmpdir(), 'full-disk-log-'));
    const disk = await SmallDisk.mount(folder, MEGABYTES);
    const database = join(folder, 'denials.duckdb');
    const stored = new Set<number>();
    const errors = new Set<string>();
    try {
      for (const [index, { free, batches }] of [...steps, { free: undefined, batches: 1 }].entries()) {
        await disk.free();
        if (free !== undefined) await disk.fill(free);
        const report = await work(disk, database, index * 10_000, batches);
        expect(report.setAside).toBeUndefined();
        for (const error of report.errors) errors.add(error);
        if (free === undefined) {
          expect(report.errors).toEqual([]);
          const held = new Set(report.held);
          expect([...stored].filter((at) => !held.has(at + 1) || !held.has(at + BATCH))).toEqual([]);
        }
        for (const at of report.stored) stored.add(at);
      }
    } finally {
      await disk.remove();
      await rm(folder, { recursive: true });
    }
    for (const error of errors) expect(error).toMatch(/No space left|disk is full|invalidated/);
    expect(stored.size).toBeGreaterThan(0);
  },
);
