// Reports of gateways over real TLS to a collector with a real DuckDB.
import { withCollector } from '../../../test/support/collector-stage.ts';
import { until } from '../../../test/support/until.ts';
import type { EntryUseReport } from '../../model/entry-use-row.ts';
import type { EntryUse } from '../../model/entry-uses.ts';
import { ENTRY_USES_PATH, QUERY_PATH } from '../wire/collector-wire.ts';
import { type AskCollector, packBody } from './collector-sink.ts';
import { type CountedUses, EntryUseReporter } from './entry-use-reporter.ts';

const START = '2026-03-01T00:00:00.000Z';
const START_MS = Date.parse(START);

function used(entry: string, connections = 0, lastMs?: number): EntryUse {
  const lastUsed = lastMs === undefined ? null : new Date(lastMs).toISOString();
  const firstUsed = lastUsed === null ? null : START;
  return { list: 'allowedInternetDestinations', entry, since: START, connections, firstUsed, lastUsed };
}

function countedOf(toMs: number, policies: Readonly<Record<string, readonly EntryUse[]>>): CountedUses {
  return {
    toMs,
    uses: {
      missedUntil: null,
      policies: Object.entries(policies).map(([policy, entries]) => ({ policy, entries: [...entries] })),
    },
    workspaceOf: (policy) => (policy === 'shared' ? null : policy),
  };
}

async function answerTo(ask: AskCollector, sql: string): Promise<unknown> {
  const { text } = await ask({ method: 'POST', path: QUERY_PATH, body: await packBody({ sql }) });
  const answer = JSON.parse(text) as { readonly rows?: readonly object[]; readonly error?: string };
  return answer.rows?.map((row) => Object.values(row)) ?? answer.error;
}

const ROWS =
  'select gateway, workspace, policy, entry, connections, last_used, state from system.access.entry_uses order by all';

/** Sends each report twice, as where an answer was lost. */
function doubting(ask: AskCollector, counted: () => CountedUses, sent: { times: number }): EntryUseReporter {
  return new EntryUseReporter({
    ask: async (request) => {
      await ask(request);
      sent.times += 1;
      return ask(request);
    },
    counted,
    onFailure: (error) => {
      throw error;
    },
    everyMs: 20,
  });
}

test('a report takes the place of the one before, as often as it comes, and one that is late is dropped', async () => {
  await withCollector(async ({ connect }) => {
    let counted = countedOf(START_MS + 2000, { 'team-a': [used('a.example.com', 3, START_MS + 1000)] });
    const { ask } = connect('gateway~gw-1');
    const sent = { times: 0 };
    const reporter = doubting(ask, () => counted, sent);
    reporter.start();
    await until('the first report is sent', () => sent.times > 0);
    counted = countedOf(START_MS + 9000, {
      'team-a': [used('a.example.com', 5, START_MS + 7000), used('b.example.com')],
      shared: [used('*.c.example.com', 1, START_MS)],
    });
    await reporter.finish();
    const late: EntryUseReport = {
      ...{ time: START, state: 'COUNTING', missedUntil: null },
      policies: [{ policy: 'team-a', workspace: 'team-a', entries: [used('a.example.com', 1, START_MS)] }],
    };
    expect(await ask({ method: 'POST', path: ENTRY_USES_PATH, body: await packBody(late) })).toMatchObject({
      status: 200,
    });
    const other = await connect('gateway~gw-2').ask({
      ...{ method: 'POST', path: ENTRY_USES_PATH, body: await packBody(late) },
    });
    expect(other.status).toBe(200);
    const ended = ['2026-03-01T00:00:07.000Z', 'ENDED'];
    expect(await answerTo(connect('person~admin').ask, ROWS)).toEqual([
      ['gw-1', 'team-a', 'team-a', 'a.example.com', 5, ...ended],
      ['gw-1', 'team-a', 'team-a', 'b.example.com', 0, null, 'ENDED'],
      ['gw-1', null, 'shared', '*.c.example.com', 1, '2026-03-01T00:00:00.000Z', 'ENDED'],
      ['gw-2', 'team-a', 'team-a', 'a.example.com', 1, '2026-03-01T00:00:00.000Z', 'COUNTING'],
    ]);
  });
});

test('people see what is counted for a workspace of theirs alone', async () => {
  await withCollector(async ({ connect, store }) => {
    const counted = countedOf(START_MS, {
      'team-a': [used('a.example.com')],
      'team-b': [used('b.example.com')],
      shared: [used('c.example.com')],
    });
    const reporter = new EntryUseReporter({
      ...{ ask: connect('gateway~gw-1').ask, counted: () => counted },
      onFailure: () => undefined,
    });
    await reporter.finish();
    const sql = 'select entry from access.entry_uses order by all';
    expect(await answerTo(connect('person~admin').ask, sql)).toHaveLength(3);
    expect(await answerTo(connect('person~team-a').ask, sql)).toEqual([['a.example.com']]);
    expect(await answerTo(connect('person~eve').ask, sql)).toMatch(/^Cannot answer: you may not get /);
    expect(await store.deleteBefore(new Date(START_MS + 1))).toBe(3);
    expect(await answerTo(connect('person~admin').ask, sql)).toEqual([]);
  });
});

test('nobody else than a gateway for workloads reports, and what is no report is refused', async () => {
  await withCollector(async ({ connect }) => {
    const post = async (token: string, value: object) => {
      const body = await packBody(value);
      return (await connect(token).ask({ method: 'POST', path: ENTRY_USES_PATH, body })).status;
    };
    const report = { time: START, state: 'COUNTING', policies: [] };
    expect(await post('gateway~gw-1', report)).toBe(200);
    expect(await post('ingress~gw-1', report)).toBe(403);
    expect(await post('person~admin', report)).toBe(403);
    expect(await post('nobody', report)).toBe(401);
    expect(await post('gateway~gw-1', { ...report, time: 'yesterday' })).toBe(400);
    expect(await post('gateway~gw-1', { ...report, state: 'DONE' })).toBe(400);
  });
});

test('EntryUseReporter says once that the collector is away, and divides what is large by policies', async () => {
  const bodies: number[] = [];
  const failures: string[] = [];
  let isAway = true;
  const entries = Array.from({ length: 3000 }, (_, at) => used(`host-${at}.example.com`));
  const reporter = new EntryUseReporter({
    ask: async () => {
      bodies.push(1);
      return isAway ? { status: 503, text: '{"error":"busy"}' } : { status: 200, text: '{}' };
    },
    counted: () => countedOf(START_MS, { one: entries, two: entries, three: [used('a.example.com')] }),
    onFailure: ({ message }) => void failures.push(message),
    everyMs: 1,
  });
  reporter.start();
  await until('it was tried several times', () => bodies.length > 3);
  isAway = false;
  const before = bodies.length;
  await reporter.finish();
  expect(failures).toEqual(['The collector answered 503: busy']);
  expect(bodies.length - before).toBeGreaterThanOrEqual(2);
});
