import { countsOf, sampleBatch, sampleDenial, withFolder } from '../../../test/fixtures/denial-fixture.ts';
import { DenialRetention } from './denial-retention.ts';
import { DenialStore } from './duckdb/denial-store.ts';

const ROWS = 30_000;

function withRetention(
  limits: { readonly maxAgeMs: number; readonly maxBytes: number },
  work: (retention: DenialRetention, store: DenialStore, notified: string[]) => Promise<void>,
): Promise<void> {
  return withFolder(async (folder) => {
    const store = await DenialStore.open(`${folder}/denials.duckdb`);
    await store.append(sampleBatch(0, ROWS));
    const notified: string[] = [];
    const onDeleted = (sentence: string): void => void notified.push(sentence);
    const onFailure = (error: Error): void => void notified.push(error.message);
    await work(new DenialRetention({ store, ...limits, onDeleted, onFailure }), store, notified);
    await store.close();
  });
}

test('pass() deletes what is too old, says how many, and nothing else', () =>
  withRetention({ maxAgeMs: 86_400_000, maxBytes: 1e12 }, async (retention, store, notified) => {
    const nowMs = Date.parse(sampleDenial(10_000).eventTime) + 86_400_000;
    await retention.pass(nowMs);
    await retention.pass(nowMs);
    expect((await countsOf(store))?.['total']).toBe(ROWS - 10_000);
    expect(notified).toEqual(['Deleted 10000 rows of the denial log that were older than 1d (--retention)']);
  }));

test('pass() deletes the oldest rows until the log is small enough, and says how many', () =>
  withRetention({ maxAgeMs: 1e15, maxBytes: 1_100_000 }, async (retention, store, notified) => {
    await store.checkpoint();
    const before = await store.usedBytes();
    expect(before).toBeGreaterThan(1_100_000);
    await retention.pass(Date.now());
    expect(await store.usedBytes()).toBeLessThanOrEqual(1_100_000);
    const left = Number((await countsOf(store))?.['total']);
    expect(left).toBeLessThan(ROWS);
    expect(notified).toEqual([
      `Deleted the ${ROWS - left} oldest rows of the denial log, which had over 0.0011 GB (--retention-size)`,
    ]);
  }));
