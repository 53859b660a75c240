import fc from 'fast-check';
import { sampleDenial, withFolder } from '../../../test/fixtures/denial-fixture.ts';
import type { AskDenials } from '../../denials/asking/ask-collector.ts';
import { runQuery } from '../../denials/query/run-query.ts';
import { DenialStore } from '../../denials/store/duckdb/denial-store.ts';
import { Newcomers, type Page, readPages } from './read-pages.ts';

interface Stored {
  readonly gateway: string;
  readonly second: number;
}

/** A store to which rows of gateways come, each with the next number of its gateway and any time. */
class Log {
  readonly store: DenialStore;
  readonly ids: string[] = [];
  readonly #numbers = new Map<string, number>();

  constructor(store: DenialStore) {
    this.store = store;
  }

  readonly ask: AskDenials = (sql, maxRows = 10_000) => runQuery(this.store, sql, { maxRows });

  async add({ gateway, second }: Stored): Promise<void> {
    const sequence = (this.#numbers.get(gateway) ?? 0) + 1;
    this.#numbers.set(gateway, sequence);
    const eventId = `${gateway}/access.log/${sequence}`;
    const eventTime = new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
    const denial = sampleDenial(0, { eventId, eventTime, sequence });
    const batch = { gateway, logFile: 'access.log', upTo: sequence + 1, denials: [denial] };
    await this.store.append(batch);
    this.ids.push(eventId);
  }
}

function withLog(work: (log: Log) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const store = await DenialStore.open(`${folder}/denials.duckdb`);
    try {
      await work(new Log(store));
    } finally {
      await store.close();
    }
  });
}

async function idsOf(pages: AsyncIterable<Page>): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const page of pages) {
    if ('error' in page) throw new Error(page.error);
    ids.push(...page.rows.map((row) => String(row['event_id'])));
  }
  return ids;
}

const stored = fc.record({
  gateway: fc.constantFrom('gw-1', "gw-'2", 'in'),
  second: fc.integer({ min: 0, max: 3 }),
});

test('readPages() has each row once and in order, whatever the size of a page, and as many as are wanted', async () => {
  const pageSizes = fc.integer({ min: 1, max: 4 });
  const property = fc.asyncProperty(
    fc.array(stored, { maxLength: 12 }),
    pageSizes,
    fc.boolean(),
    async (all, pageRows, isForward) => {
      await withLog(async (log) => {
        for (const one of all) await log.add(one);
        const whole = await idsOf(readPages(log.ask, { isForward }, 1000));
        expect([...whole].sort()).toEqual([...log.ids].sort());
        expect(await idsOf(readPages(log.ask, { isForward }, pageRows))).toEqual(whole);
        expect(await idsOf(readPages(log.ask, { isForward, limit: 5 }, pageRows))).toEqual(whole.slice(0, 5));
      });
    },
  );
  await fc.assert(property, { numRuns: 15, seed: 16 });
}, 60_000);

test('Newcomers has each row that is stored later once, also where its time is older than others', async () => {
  const rounds = fc.array(fc.array(stored, { maxLength: 4 }), { minLength: 1, maxLength: 5 });
  const property = fc.asyncProperty(fc.array(stored, { maxLength: 4 }), rounds, async (before, later) => {
    await withLog(async (log) => {
      for (const one of before) await log.add(one);
      const newcomers = new Newcomers(log.ask, {});
      expect(await idsOf(newcomers.read())).toEqual([]);
      for (const round of later) {
        const known = log.ids.length;
        for (const one of round) await log.add(one);
        expect([...(await idsOf(newcomers.read()))].sort()).toEqual(log.ids.slice(known).sort());
      }
    });
  });
  await fc.assert(property, { numRuns: 15, seed: 16 });
}, 60_000);

test('Newcomers has no row that is stored while it reads before the round in which it reads its number', async () => {
  await withLog(async (log) => {
    let between = async (): Promise<void> => undefined;
    const ask: AskDenials = async (sql, maxRows) => {
      const answer = await log.ask(sql, maxRows);
      await between();
      return answer;
    };
    const newcomers = new Newcomers(ask, {});
    await idsOf(newcomers.read());
    await log.add({ gateway: 'gw-1', second: 2 });
    // Stored after the numbers were read and before the rows are, older than what is shown already.
    between = async () => {
      between = async () => undefined;
      await log.add({ gateway: 'gw-1', second: 1 });
    };
    expect(await idsOf(newcomers.read())).toEqual(log.ids.slice(0, 1));
    expect(await idsOf(newcomers.read())).toEqual(log.ids.slice(1, 2));
  });
});

test('Newcomers shows what is younger than since first, starts over in a new log, and misses nothing after a failure', async () => {
  const first = 'gw-1/access.log/1';
  await withLog(async (log) => {
    await log.add({ gateway: 'gw-1', second: 0 });
    await log.add({ gateway: 'gw-1', second: 0 });
    let isAway = false;
    let current: AskDenials = log.ask;
    const ask: AskDenials = async (sql, maxRows) => (isAway ? { error: 'away' } : current(sql, maxRows));
    const newcomers = new Newcomers(ask, { sinceMs: 36_500 * 86_400_000 });
    expect(await idsOf(newcomers.read())).toEqual(log.ids);
    await log.add({ gateway: 'gw-1', second: 0 });
    isAway = true;
    await expect(idsOf(newcomers.read())).rejects.toThrow('away');
    isAway = false;
    expect(await idsOf(newcomers.read())).toEqual(log.ids.slice(2));
    await withLog(async (next) => {
      await next.add({ gateway: 'gw-1', second: 0 });
      current = next.ask;
      expect(await idsOf(newcomers.read())).toEqual([first]);
    });
  });
});
