import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lineText } from '../../test/fixtures/access-log-fixture.ts';
import type { AtomicFiles } from '../lib/atomic-file.ts';
import * as atomicFiles from '../lib/atomic-file.ts';
import type { AccessLogLine } from '../model/access-log-line.ts';
import type { Denial } from '../model/denial.ts';
import { LogConsumer } from './log-consumer.ts';
import { type LossReport, LostDenials } from './lost-denials.ts';
import { type LogLines, outboundReader } from './reading/read-denials.ts';
import { OUTBOUND_SHAPE } from './store/row-shapes.ts';
import type { RowBatch, RowSink } from './store/row-sink.ts';

let folder: string;
let path: string;
let sink: MemorySink;
let reports: LossReport[];
let failures: string[];

/** Stores by the contract: a row below the position of its log file is a duplicate. */
class MemorySink implements RowSink<Denial> {
  readonly canRaise = true;
  readonly rows: Denial[] = [];
  readonly positions = new Map<string, number>();
  /** What happens to the next batches. */
  mode: 'stores' | 'rejects' | 'stores, and its answer is lost' = 'stores';

  /** Of rows that were stored and are lost. */
  lose(): void {
    this.rows.length = 0;
    this.positions.clear();
  }

  progress(): ReturnType<RowSink<Denial>['progress']> {
    const denials = this.rows.reduce((sum, { repeats }) => sum + repeats, 0);
    return Promise.resolve({ positions: this.positions, lastSequence: this.rows.length, denials });
  }

  append({ logFile, upTo, denials }: RowBatch<Denial>): Promise<{ stored: number; duplicates: number }> {
    if (this.mode === 'rejects') return Promise.reject(new Error('collector is down'));
    const from = this.positions.get(logFile) ?? 0;
    const fresh = denials.filter(({ eventId }) => Number(eventId.split('/').at(-1)) >= from);
    this.rows.push(...fresh);
    this.positions.set(logFile, upTo);
    if (this.mode !== 'stores') return Promise.reject(new Error('connection reset'));
    return Promise.resolve({ stored: fresh.length, duplicates: denials.length - fresh.length });
  }

  /** "event id: lost workspace" */
  lost(): readonly string[] {
    return this.rows.map(({ eventId, lost, workspaceId }) => `${eventId}: ${lost} ${workspaceId}`);
  }
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lost-denials-'));
  path = join(folder, 'lost.json');
  sink = new MemorySink();
  reports = [];
  failures = [];
});

afterEach(() => rm(folder, { recursive: true }));

/** As after each start of the process. */
async function open(files: AtomicFiles = atomicFiles): Promise<LostDenials<AccessLogLine, Denial>> {
  return (await openBoth(files)).gaps;
}

async function openBoth(files: AtomicFiles = atomicFiles) {
  const reader = outboundReader({ accountId: 'acme', findRule: () => null, isStillAllowed: () => false });
  const consumer: LogConsumer<AccessLogLine, Denial> = new LogConsumer<AccessLogLine, Denial>({
    gateway: 'gw',
    reader,
    sink,
    rowsPerSecond: 100,
    shape: OUTBOUND_SHAPE,
    delivery: () => gaps.delivery,
    onDenials: () => undefined,
    onUnreadableLines: () => undefined,
    onTruncatedLines: () => undefined,
  });
  const gaps: LostDenials<AccessLogLine, Denial> = await LostDenials.open<AccessLogLine, Denial>({
    ...{ gateway: 'gw', path, files, reader, consumer, countsLossesOfSink: true },
    onLost: (report) => void reports.push(report),
    onFailure: ({ message }) => void failures.push(message),
  });
  return { gaps, consumer };
}

/** Denials of "ws-1", one every hundred bytes. */
function linesOf(from: number, to: number, logFile = 'access-000001'): LogLines {
  const lines = Array.from({ length: to - from }, (_, index) => ({
    ...{ offset: (from + index) * 100, text: of('ws-1') },
  }));
  return { logFile, upTo: to * 100, lines };
}

async function* batches(...texts: readonly string[]): AsyncGenerator<LogLines> {
  yield { logFile: 'access-000002', upTo: 1, lines: texts.map((text, offset) => ({ offset, text })) };
}

const of = (workspaceId: string, time = '2026-01-01T00:00:05Z'): string =>
  lineText({ time }, { workspaceId });
const ALLOWED = lineText({ decision: 'allow', code: 200 });
const at = (sequence: number) => ({ log: 'access', sequence });
const nothing = () => Promise.resolve();

test('giveUp() counts denials by workspace, and lines that nobody can read', async () => {
  const gaps = await open();
  const lines = [of('ws-1'), ALLOWED, of('ws-2', '2026-01-01T00:00:01Z'), of('ws-1'), '{"torn'];
  await gaps.giveUp(at(2), batches(...lines), nothing);
  expect(reports).toEqual([
    {
      ...{ cause: 'spool-full', log: 'access', lost: 4, unreadable: 1 },
      firstTime: '2026-01-01T00:00:01Z',
      lastTime: '2026-01-01T00:00:05Z',
    },
  ]);
  await gaps.handOver(at(1));
  expect(sink.rows).toEqual([]);
  await gaps.handOver(at(2));
  expect(sink.lost()).toEqual(['gw/lost/0: 2 ws-1', 'gw/lost/1: 1 ws-2', 'gw/lost/2: 1 ']);
  expect(sink.rows[1]).toMatchObject({
    ...{ reason: 'DENIALS_NOT_KEPT', destination: '*', sample: null, repeats: 1, sequence: 2 },
    eventTime: '2026-01-01T00:00:01Z',
  });
});

test('giveUp() has the count on disk before the file goes, and another process hands it over', async () => {
  const isCounted: boolean[] = [];
  const remove = async () => {
    const other = await open();
    isCounted.push(other.isGivenUp(at(2)));
    await other.handOver(at(2));
  };
  await (await open()).giveUp(at(2), batches(of('ws-1')), remove);
  expect(isCounted).toEqual([true]);
  expect(sink.lost()).toEqual(['gw/lost/0: 1 ws-1']);
});

test('giveUp() of a file that is counted already counts nothing', async () => {
  const broken = () => Promise.reject(new Error('the file system is gone'));
  const gaps = await open();
  await expect(gaps.giveUp(at(2), batches(of('ws-1')), broken)).rejects.toThrow('gone');
  await gaps.giveUp(at(2), batches(of('ws-1')), nothing);
  await gaps.handOver(at(2));
  expect(sink.lost()).toEqual(['gw/lost/0: 1 ws-1']);
});

test('giveUp() frees a full disk by the file itself', async () => {
  let isFull = true;
  const writeFileAtomic: AtomicFiles['writeFileAtomic'] = (...args) =>
    isFull
      ? Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' }))
      : atomicFiles.writeFileAtomic(...args);
  const gaps = await open({ ...atomicFiles, writeFileAtomic });
  await gaps.giveUp(at(2), batches(of('ws-1')), () => Promise.resolve(void (isFull = false)));
  await (await open()).handOver(at(2));
  expect(sink.lost()).toEqual(['gw/lost/0: 1 ws-1']);
});

test('handOver() hands the same over again, and what is lost meanwhile by itself', async () => {
  const gaps = await open();
  await gaps.giveUp(at(2), batches(of('ws-1')), nothing);
  await gaps.giveUp(at(3), batches(of('ws-1')), nothing);
  sink.mode = 'stores, and its answer is lost';
  await expect(gaps.handOver(at(2))).rejects.toThrow('connection reset');
  await gaps.giveUp(at(4), batches(of('ws-1'), of('ws-1'), of('ws-1')), nothing);
  sink.mode = 'stores';
  const next = await open();
  await next.handOver(at(5));
  await next.handOver(at(5));
  expect(sink.lost()).toEqual(['gw/lost/0: 2 ws-1', 'gw/lost/1: 3 ws-1']);
  expect(sink.rows.map(({ sequence }) => sequence)).toEqual([1, 2]);
});

test('noteUnwritten() is a row of no workspace', async () => {
  const gaps = await open();
  const times = { firstTime: '2026-01-01T00:00:00Z', lastTime: '2026-01-01T00:01:00Z' };
  await gaps.noteUnwritten(at(7), { lost: 12, ...times });
  await (await open()).handOver(at(7));
  expect(sink.lost()).toEqual(['gw/lost/0: 12 ']);
  expect(reports).toEqual([{ cause: 'not-written', log: 'access', lost: 12, unreadable: 12, ...times }]);
});

test('a ledger that cannot be read begins anew behind what the sink has, and says so', async () => {
  const gaps = await open();
  await gaps.giveUp(at(2), batches(of('ws-1')), nothing);
  await gaps.handOver(at(2));
  await writeFile(path, '\0\0\0\0');
  const next = await open();
  expect(failures[0]).toMatch(/^Cannot read ".*lost.json", which begins anew/);
  await next.giveUp(at(3), batches(of('ws-1')), nothing);
  await next.handOver(at(3));
  expect(sink.lost()).toEqual(['gw/lost/0: 1 ws-1', 'gw/lost/1: 1 ws-1']);
});

test('owners beyond a limit share a row', async () => {
  const gaps = await open();
  await gaps.giveUp(at(2), batches(...Array.from({ length: 300 }, (_, owner) => of(`ws-${owner}`))), nothing);
  await gaps.handOver(at(2));
  expect(sink.rows).toHaveLength(201);
  expect(sink.rows.reduce((sum, { lost }) => sum + lost, 0)).toBe(300);
});

test('what the sink has no more is a row, once, and what came after it is stored', async () => {
  const { gaps, consumer } = await openBoth();
  await consumer.consume(linesOf(0, 3));
  sink.lose();
  await gaps.checkSink();
  await consumer.consume(linesOf(3, 5));
  await gaps.handOver(at(1));
  await gaps.checkSink();
  await gaps.handOver(at(1));
  expect(sink.lost()).toEqual([
    ...['gw/access-000001/300: 0 ws-1', 'gw/access-000001/400: 0 ws-1'],
    'gw/lost/0: 3 ',
  ]);
  expect(reports).toEqual([expect.objectContaining({ cause: 'store-lost', log: '', lost: 3 })]);
});

test('what a dead process had sent counts as lost where it is gone, and is not sent again', async () => {
  const first = await openBoth();
  await first.consumer.consume(linesOf(0, 3));
  await first.gaps.noteReadUpTo(at(1), 100);
  // These are not on disk as acknowledged: they are read, and sent, again.
  await first.consumer.consume(linesOf(3, 4));
  sink.lose();
  const { gaps, consumer } = await openBoth();
  await consumer.consume(linesOf(1, 5));
  await gaps.handOver(at(1));
  expect(sink.lost()).toEqual([
    ...['gw/access-000001/300: 0 ws-1', 'gw/access-000001/400: 0 ws-1'],
    'gw/lost/0: 3 ',
  ]);
});

test('a pod that has the name of a former one, and a new disk, sends its lines under other names', async () => {
  const former = await openBoth();
  await former.consumer.consume(linesOf(0, 3));
  await former.gaps.noteReadUpTo(at(1), 300);
  for (const pod of [1, 2]) {
    await rm(path);
    const { gaps, consumer } = await openBoth();
    await consumer.consume(linesOf(0, 1));
    await (await openBoth()).consumer.consume(linesOf(0, 2));
    await gaps.handOver(at(1));
    expect(sink.lost().slice(1 + 2 * pod)).toEqual([
      `gw/${pod}.access-000001/0: 0 ws-1`,
      `gw/${pod}.access-000001/100: 0 ws-1`,
    ]);
  }
  expect(reports).toEqual([]);
});

test('a sink that does not count, or counts from now on, has lost nothing', async () => {
  const { gaps, consumer } = await openBoth();
  await consumer.consume(linesOf(0, 3));
  const progress = sink.progress.bind(sink);
  sink.progress = () => Promise.resolve({ positions: sink.positions, lastSequence: 3 });
  await gaps.checkSink();
  await consumer.consume(linesOf(3, 4));
  sink.rows.splice(0, 2);
  sink.progress = progress;
  await gaps.checkSink();
  await gaps.handOver(at(1));
  expect(reports).toEqual([]);
});
