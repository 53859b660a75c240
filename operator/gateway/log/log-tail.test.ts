import { appendFile, mkdtemp, readdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../../test/support/until.ts';
import * as atomicFiles from '../../lib/atomic-file.ts';
import { LONGEST_LINE_BYTES } from '../../model/limits.ts';
import type { LogBatch, LostLine } from './log-batch.ts';
import type { LogGaps, LogPlace } from './log-gaps.ts';
import { LogTail, type LogTailOptions } from './log-tail.ts';

let folder: string;
let live: string;
let lines: string[];
let batches: LogBatch[];
let tails: LogTail[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-tail-'));
  live = join(folder, 'access.log');
  lines = [];
  batches = [];
  tails = [];
});

afterEach(async () => {
  for (const tail of tails) {
    await tail.close();
  }
  await rm(folder, { recursive: true, force: true });
});

async function startTail(more: Partial<LogTailOptions> = {}): Promise<LogTail> {
  const consume = (batch: LogBatch): Promise<void> => {
    batches.push(batch);
    lines.push(...batch.lines.map(({ text }) => text));
    return Promise.resolve();
  };
  const tail = new LogTail({
    folder,
    files: atomicFiles,
    consume,
    reopenLogs: () => Promise.resolve(),
    ...more,
  });
  tails.push(tail);
  await tail.start();
  return tail;
}

async function logFilesLeft(): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.startsWith('access')).sort();
}

test('lines arrive within milliseconds, and a half line not before its end', async () => {
  await startTail({ pollMs: 60_000 });
  await appendFile(live, 'one\ntw');
  await until('the first line is there', () => lines.length === 1);
  await appendFile(live, 'o\n');
  await until('the second line is there', () => lines.length === 2);
  expect(lines).toEqual(['one', 'two']);
  expect(batches.map(({ logFile, offset, upTo }) => [logFile, offset, upTo])).toEqual([
    ['access-000001', 0, 4],
    ['access-000001', 4, 8],
  ]);
});

test('offsets are bytes of the file, whatever the characters', async () => {
  await writeFile(live, 'grüße\n\nzwei\n');
  const tail = await startTail();
  await tail.drain();
  expect(batches[0]?.lines).toEqual([
    { offset: 0, text: 'grüße' },
    { offset: 9, text: 'zwei' },
  ]);
});

test('a line counts only when the consumer has taken it', async () => {
  await writeFile(live, 'one\ntwo\n');
  const failures: string[] = [];
  const rejecting = await startTail({
    consume: () => Promise.reject(new Error('collector is down')),
    onFailure: ({ message }) => void failures.push(message),
  });
  await until('the consumer rejected twice', () => failures.length >= 2);
  await rejecting.close();
  expect(rejecting.position).toEqual({ sequence: 1, offset: 0 });
  const tail = await startTail();
  await tail.drain();
  expect(lines).toEqual(['one', 'two']);
});

test('a new tail continues where the former one stopped', async () => {
  await writeFile(live, 'one\n');
  const former = await startTail();
  await former.drain();
  await former.close();
  await appendFile(live, 'two\n');
  const next = await startTail();
  await next.drain();
  expect(lines).toEqual(['one', 'two']);
});

test('rotate() reads the old file to its end and deletes it once the new one is written to', async () => {
  await writeFile(live, 'one\n');
  let reopened = 0;
  const tail = await startTail({ reopenLogs: () => Promise.resolve(void (reopened += 1)) });
  await tail.rotate();
  await appendFile(join(folder, 'access-000001.log'), 'late\n');
  await tail.drain();
  expect(await logFilesLeft()).toEqual(['access-000001.log']);
  await writeFile(live, 'two\n');
  await tail.drain();
  await until('the old file is gone', async () => (await logFilesLeft()).length === 1);
  expect(lines).toEqual(['one', 'late', 'two']);
  expect(reopened).toBe(1);
  expect(batches.at(-1)?.logFile).toBe('access-000002');
});

test('a torn last line is handed over when its file is finished, and does not swallow the next line', async () => {
  await writeFile(live, 'one\n{"torn');
  const torn: LostLine[] = [];
  const tail = await startTail({ onTornLine: (line) => void torn.push(line) });
  await tail.drain();
  expect(torn).toEqual([]);
  await tail.rotate();
  await writeFile(live, 'two\n');
  await tail.drain();
  expect(torn).toEqual([{ logFile: 'access-000001', offset: 4, bytes: 6 }]);
  expect(lines).toEqual(['one', '{"torn', 'two']);
});

test('a line that is too long keeps its place and its short texts, however long it is', async () => {
  const short = `{"a":"${'x'.repeat(LONGEST_LINE_BYTES - 8)}"}`;
  const long = `{"a":"${'y'.repeat(5000)}","b":1}`;
  const huge = `{"a":1,"b":"${'z'.repeat(3_000_000)}","c":"d"}`;
  await writeFile(live, `one\n${short}\n${long}\n${huge}\ntwo\n`);
  const tail = await startTail();
  await tail.drain();
  expect(lines).toEqual([
    'one',
    short,
    `{"a":"${'y'.repeat(2048)}…","b":1}`,
    `{"a":1,"b":"${'z'.repeat(2048)}…","c":"d"}`,
    'two',
  ]);
  const truncated = batches.flatMap((batch) => batch.lines).map(({ truncatedFrom }) => truncatedFrom);
  expect(truncated).toEqual([undefined, undefined, long.length, huge.length, undefined]);
});

test('a slow consumer holds one batch of a large file, not the file', async () => {
  await writeFile(live, `${'z'.repeat(99)}\n`.repeat(50_000));
  let letGo: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (letGo = resolve));
  const sizes: number[] = [];
  const tail = await startTail({
    consume: async ({ offset, upTo }) => {
      sizes.push(upTo - offset);
      await held;
    },
  });
  await until('the consumer has a batch', () => sizes.length > 0);
  expect(sizes).toEqual([262_100]);
  letGo();
  await tail.drain();
  expect(Math.max(...sizes)).toBeLessThanOrEqual(262_144);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(5_000_000);
});

test('a file that has grown too large is rotated, also while the consumer is stuck', async () => {
  await writeFile(live, 'one\n');
  const tail = await startTail({ maxBytes: 100, pollMs: 5, consume: () => Promise.reject(new Error('no')) });
  await appendFile(live, `${'x'.repeat(100)}\n`);
  await until('the file is rotated', async () => (await logFilesLeft()).includes('access-000001.log'));
  expect(tail.position).toEqual({ sequence: 1, offset: 0 });
});

test('numbers are never used twice, wherever a former tail was killed', async () => {
  const consumed = async (): Promise<(string | undefined)[]> => {
    batches = [];
    const tail = await startTail();
    await tail.drain();
    await tail.close();
    return batches.flatMap((batch) => batch.lines.map(({ text }) => `${batch.logFile} ${text}`));
  };
  await writeFile(live, 'a\n');
  expect(await consumed()).toEqual(['access-000001 a']);
  // Killed after the rename, before Envoy opened the new file.
  await rename(live, join(folder, 'access-000001.log'));
  expect(await consumed()).toEqual([]);
  await writeFile(live, 'b\n');
  expect(await consumed()).toEqual(['access-000002 b']);
  // Killed after the position was persisted, before the old file was deleted.
  await writeFile(join(folder, 'access-000001.log'), 'a\n');
  await appendFile(live, 'c\n');
  expect(await consumed()).toEqual(['access-000002 c']);
  // Somebody emptied the file.
  await writeFile(live, 'd\n');
  expect(await consumed()).toEqual(['access-000003 d']);
  expect(await logFilesLeft()).toEqual(['access.log']);
});

/** Counts lines, and remembers what was handed over: "access-2" after the line that was consumed last. */
class CountedGaps implements LogGaps {
  readonly given: number[] = [];
  readonly counted: string[] = [];

  async giveUp(
    { sequence }: LogPlace,
    batches: AsyncIterable<LogBatch>,
    remove: () => Promise<void>,
  ): Promise<void> {
    for await (const batch of batches) this.counted.push(...batch.lines.map(({ text }) => text));
    this.given.push(sequence);
    await remove();
  }

  isGivenUp({ sequence }: LogPlace): boolean {
    return this.given.includes(sequence);
  }

  lastGivenUp(): number {
    return Math.max(0, ...this.given);
  }

  readUpTo(): undefined {
    return undefined;
  }

  noteReadUpTo(): Promise<void> {
    return Promise.resolve();
  }

  totals(): ReturnType<LogGaps['totals']> {
    return { acknowledged: 0, waiting: 0, upTo: () => 0 };
  }

  denialsIn(): Promise<number> {
    return Promise.resolve(0);
  }

  checkSink(): Promise<void> {
    return Promise.resolve();
  }

  linesOf(): number {
    return 0;
  }

  noteUnwritten(): Promise<void> {
    return Promise.resolve();
  }

  handOver({ sequence }: LogPlace): Promise<void> {
    const due = this.given.filter((number) => number <= sequence && !lines.includes(`gap ${number}`));
    lines.push(...due.map((number) => `gap ${number}`));
    return Promise.resolve();
  }
}

/** Files of two lines, and a live one; the consumer is stuck until `letGo`. */
async function stuckTail(gaps: LogGaps): Promise<{ readonly tail: LogTail; readonly letGo: () => void }> {
  let isStuck = true;
  const consume = ({ lines: read }: LogBatch): Promise<void> => {
    if (isStuck) return Promise.reject(new Error('collector is down'));
    lines.push(...read.map(({ text }) => text));
    return Promise.resolve();
  };
  const tail = await startTail({ consume, gaps, pollMs: 10 });
  for (const file of ['a', 'b', 'c', 'd']) {
    await writeFile(live, `${file}1\n${file}2\n`);
    await tail.rotate();
  }
  await writeFile(live, 'e1\n');
  return { tail, letGo: () => void (isStuck = false) };
}

test('giveUpOldest() takes the oldest file that nobody has begun to read, and lines stay in order', async () => {
  const gaps = new CountedGaps();
  const { tail, letGo } = await stuckTail(gaps);
  expect([await tail.giveUpOldest(), await tail.giveUpOldest()]).toEqual([true, true]);
  expect(gaps.counted).toEqual(['b1', 'b2', 'c1', 'c2']);
  expect(await logFilesLeft()).toEqual(['access-000001.log', 'access-000004.log', 'access.log']);
  letGo();
  await tail.drain();
  expect(lines).toEqual(['a1', 'a2', 'gap 2', 'gap 3', 'd1', 'd2', 'e1']);
});

test('giveUpOldest() leaves the file that is read, and one that its writer may still have open', async () => {
  const { tail } = await stuckTail(new CountedGaps());
  await tail.rotate();
  while (await tail.giveUpOldest());
  expect(await logFilesLeft()).toEqual(['access-000001.log', 'access-000005.log']);
});

test('a file that is counted is not read, and no number is used twice, where the tail was killed', async () => {
  const gaps = new CountedGaps();
  const { tail } = await stuckTail(gaps);
  while (await tail.giveUpOldest());
  await tail.close();
  // Killed before they were deleted.
  for (const sequence of gaps.given) {
    await writeFile(join(folder, `access-00000${sequence}.log`), 'counted\n');
  }
  const next = await startTail({ gaps });
  await appendFile(live, 'e2\n');
  await next.drain();
  expect(lines).toEqual(['a1', 'a2', 'gap 2', 'gap 3', 'gap 4', 'e1', 'e2']);
  expect(batches.at(-1)?.logFile).toBe('access-000005');
});

test('a live file that somebody cuts short is read on, under another number', async () => {
  const tail = await startTail();
  await appendFile(live, 'one\ntwo\n');
  await tail.drain();
  await truncate(live);
  await until('the tail has noticed', () => tail.truncations === 1);
  await appendFile(live, 'three\n');
  await tail.drain();
  expect(lines).toEqual(['one', 'two', 'three']);
  expect(batches.at(-1)?.logFile).toBe('access-000002');
  await tail.rotate();
  await appendFile(live, 'four\n');
  await tail.drain();
  expect(lines.at(-1)).toBe('four');
});

test('lagMs() is how long the oldest line waits, and 0 once all are consumed', async () => {
  const { tail, letGo } = await stuckTail(new CountedGaps());
  await until('lines are late', async () => (await tail.lagMs()) > 30);
  expect(await tail.bytes()).toBe(27);
  letGo();
  await until('nothing is late', async () => (await tail.lagMs()) === 0);
});

test('after damage to its position every file is read again, and no number of before is used', async () => {
  await writeFile(join(folder, 'positions.json'), '\0\0\0');
  await writeFile(join(folder, 'access-000007.log'), 'a\n');
  await writeFile(live, 'b\n');
  const tail = await startTail();
  await tail.drain();
  expect(lines).toEqual(['a', 'b']);
  expect(batches[0]?.logFile).toBe('access-000007');
  expect(batches[1]?.logFile).toMatch(/^access-\d{10}$/);
});

test('logs of two names share a folder, each with its own position', async () => {
  await writeFile(live, 'one\n');
  await writeFile(join(folder, 'dns.log'), 'question\n');
  const tail = await startTail({ name: 'dns' });
  await tail.drain();
  expect(batches.map(({ logFile }) => logFile)).toEqual(['dns-000001']);
  await tail.rotate();
  await writeFile(join(folder, 'dns.log'), 'another\n');
  await tail.drain();
  await tail.close();
  expect(lines).toEqual(['question', 'another']);
  const access = await startTail();
  await access.drain();
  expect(lines.at(-1)).toBe('one');
  expect((await readdir(folder)).sort()).toEqual([
    'access.log',
    'dns-positions.json',
    'dns.log',
    'positions.json',
  ]);
});
