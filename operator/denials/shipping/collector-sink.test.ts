import fc from 'fast-check';
import { lineText } from '../../../test/fixtures/access-log-fixture.ts';
import { rowsOf } from '../../../test/fixtures/denial-fixture.ts';
import { type CollectorStage, withCollector } from '../../../test/support/collector-stage.ts';
import { consumerOf, linesTo, ship, tally } from '../../../test/support/shipped-lines.ts';
import type { AccessLogLine } from '../../model/access-log-line.ts';
import type { Denial } from '../../model/denial.ts';
import { LogConsumer } from '../log-consumer.ts';
import { runQuery } from '../query/run-query.ts';
import { outboundReader } from '../reading/read-denials.ts';
import { OUTBOUND_SHAPE } from '../store/row-shapes.ts';
import { MOST_BODY_BYTES } from '../wire/collector-wire.ts';
import { type AskCollector, collectorSink } from './collector-sink.ts';

/** What happens to a request: its answer comes, it gets lost, the answer does, or nobody waits for it. */
type Fate = 'answered' | 'lost' | 'unanswered' | 'late';

function unreliable(ask: AskCollector, fates: readonly Fate[], late: Promise<unknown>[] = []): AskCollector {
  let at = 0;
  return async (request) => {
    const fate = fates[at++] ?? 'answered';
    if (fate === 'lost') throw new Error('lost');
    const asked = ask(request);
    if (fate === 'late') {
      late.push(asked);
      throw new Error('late');
    }
    const answer = await asked;
    if (fate === 'unanswered') throw new Error('unanswered');
    return answer;
  };
}

async function storedOf({ store }: CollectorStage, gateway: string) {
  const sql = `select destination, repeats::int as n, sequence::int as sequence from access.outbound_network
    where starts_with(event_id, '${gateway}/') order by sequence`;
  return rowsOf(await runQuery(store, sql));
}

const fates = fc.array(fc.constantFrom<Fate>('answered', 'lost', 'unanswered', 'late'), { maxLength: 24 });
const hosts = fc.array(fc.constantFrom('a.example.com', 'b.example.com', 'c.example.com'), {
  minLength: 5,
  maxLength: 60,
});

test(
  'what a gateway ships is stored exactly once, whichever requests and answers get lost',
  () =>
    withCollector(async (stage) => {
      let run = 0;
      const property = fc.asyncProperty(
        fates,
        hosts,
        fc.integer({ min: 1, max: 9 }),
        async (lost, all, size) => {
          run += 1;
          const name = `gw-${run}`;
          const seen: number[] = [];
          const late: Promise<unknown>[] = [];
          const { ask } = stage.connect(`gateway~${name}`);
          const consumer = consumerOf(collectorSink(unreliable(ask, lost, late), 'outbound'), name, seen);
          await ship(consumer, linesTo(all), size);
          await Promise.all(late);
          const rows = await storedOf(stage, name);
          expect(tally(rows.map(({ destination, n }) => [String(destination), Number(n)]))).toEqual(
            tally(all.map((host) => [host, 1])),
          );
          expect(rows.map(({ sequence }) => sequence)).toEqual(rows.map((_, at) => at + 1));
          expect(new Set(seen).size).toBe(all.length);
          expect(seen).toHaveLength(all.length);
        },
      );
      await fc.assert(property, { seed: 20_261, numRuns: 40 });
    }),
  60_000,
);

test('a gateway starts while the collector is away, and ships once it is there', () =>
  withCollector(async (stage) => {
    const { ask } = stage.connect('gateway~gw-1');
    const consumer = consumerOf(collectorSink(unreliable(ask, ['lost', 'lost']), 'outbound'), 'gw-1');
    await ship(consumer, linesTo(['a.example.com', 'b.example.com']), 1);
    expect((await storedOf(stage, 'gw-1')).map(({ destination }) => destination)).toEqual([
      'a.example.com',
      'b.example.com',
    ]);
  }));

test('denials of rows that retention has deleted get rows of their own, and nothing fails', () =>
  withCollector(async (stage) => {
    const { ask } = stage.connect('gateway~gw-1');
    const sink = collectorSink<Denial>(ask, 'outbound');
    let batches = 0;
    const append: typeof sink.append = async (batch) => {
      const outcome = await sink.append(batch);
      batches += 1;
      if (batches === 1) await stage.store.deleteBefore(new Date());
      return outcome;
    };
    const consumer = consumerOf({ ...sink, append, progress: (name) => sink.progress(name) }, 'gw-1');
    await ship(consumer, linesTo(Array.from({ length: 60 }, () => 'a.example.com')), 20);
    const rows = await storedOf(stage, 'gw-1');
    expect(rows.reduce((sum, { n }) => sum + Number(n), 0)).toBe(40);
    expect((await stage.store.progress('gw-1')).denials).toBe(60);
    expect(stage.faults).toEqual([]);
    expect(stage.refused.map((refusal) => refusal.slice(0, 4))).toEqual(['409 ']);
  }));

test('a batch of the shortest lines fits into a body', async () => {
  const text = lineText({}, { authority: 'a.io:443' });
  const lines = Array.from({ length: Math.ceil((256 * 1024) / 100) }, (_, at) => ({
    offset: at * 100,
    text,
  }));
  let bytes = 0;
  const reader = outboundReader({ accountId: 'acme', findRule: () => null, isStillAllowed: () => false });
  const consumer = new LogConsumer<AccessLogLine, Denial>({
    ...{ gateway: 'g'.repeat(253), rowsPerSecond: 1e6, shape: OUTBOUND_SHAPE, reader },
    sink: {
      canRaise: true,
      progress: async () => ({ positions: new Map(), lastSequence: 0 }),
      append: async (batch) => {
        bytes = JSON.stringify(batch).length;
        return { stored: 0, duplicates: 0 };
      },
    },
    onDenials: () => undefined,
    onUnreadableLines: () => undefined,
    onTruncatedLines: () => undefined,
  });
  await consumer.consume({ logFile: 'access-000001', upTo: lines.length * 100, lines });
  expect(bytes).toBeGreaterThan(1_000_000);
  expect(bytes).toBeLessThan(MOST_BODY_BYTES);
});
