import fc from 'fast-check';
import { inboundText, sampleList, samplePlan } from '../../../test/fixtures/inbound-fixture.ts';
import { type InboundLine, parseInboundLine } from '../../model/inbound-line.ts';
import type { IngressPlan } from '../../model/ingress-plan.ts';
import { type HitsFile, hitsFileSchema, listHitReports } from '../../model/list-hits.ts';
import { packBits } from '../../model/list-hits-report.ts';
import { HitCounter } from './hit-counter.ts';
import { PlanHistory } from './plan-history.ts';

const LISTS = [
  sampleList('office', 'ALLOW', ['192.0.2.0/24', '198.51.100.1']),
  sampleList('partners', 'BLOCK', ['192.0.2.7', '203.0.113.0/24']),
  sampleList('trial', 'BLOCK', ['192.0.2.8'], { mode: 'DRY_RUN' }),
];
const PLAN = samplePlan('analytics', { lists: LISTS });
/** What Envoy would write of each. */
const RULES: Readonly<Record<string, readonly [string, string]>> = {
  '192.0.2.1': ['IN_ALLOW_LIST:office', 'IN_ALLOW_LIST:office'],
  '192.0.2.7': ['IN_BLOCK_LIST:partners', 'IN_BLOCK_LIST:partners'],
  '192.0.2.8': ['IN_ALLOW_LIST:office', 'IN_BLOCK_LIST:trial'],
  '203.0.113.9': ['IN_BLOCK_LIST:partners', 'IN_BLOCK_LIST:partners'],
  '198.18.0.1': ['NOT_IN_ALLOW_LIST', 'NOT_IN_ALLOW_LIST'],
};
const SOURCES = Object.keys(RULES);

function lineOf(source: string, revision = 'r1'): InboundLine {
  const [enforced = '', shadow = ''] = RULES[source] ?? [];
  const line = parseInboundLine(inboundText({ source, revision, enforced, shadow }));
  if (line === undefined) throw new Error('The line cannot be read');
  return line;
}

function counterFor(plans: readonly IngressPlan[], former?: HitsFile): HitCounter {
  const history = new PlanHistory();
  history.remember(plans);
  const counter = new HitCounter(history, () => 0, former);
  counter.track(plans);
  return counter;
}

function numbered(sources: readonly string[], from = 0) {
  return sources.map((source, at) => ({ offset: from + at, line: lineOf(source) }));
}

function entriesOf(counter: HitCounter): Readonly<Record<string, number>> {
  const [hits] = counter.snapshot().workspaces;
  return Object.fromEntries(
    (hits?.lists ?? []).flatMap(({ listId, entries }) =>
      entries.map(({ entry, hits: count }) => [`${listId} ${entry}`, count]),
    ),
  );
}

test('each request counts for the entry that decided, and for the one in dry-run that would', () => {
  const counter = counterFor([PLAN]);
  counter.count(numbered([...SOURCES, '192.0.2.7']), 'access-000001', 6);
  expect(entriesOf(counter)).toEqual({
    'office 192.0.2.0/24': 2,
    'office 198.51.100.1': 0,
    'partners 192.0.2.7': 2,
    'partners 203.0.113.0/24': 1,
    'trial 192.0.2.8': 1,
  });
  const [hits] = counter.snapshot().workspaces;
  expect(hits).toMatchObject({ requests: 6, denied: 4, wouldBeDenied: 1 });
  const lastHitTime = '2026-01-02T03:04:05.678Z';
  expect(listHitReports(counter.snapshot().workspaces, 2000)).toEqual([
    { workspace: 'analytics', listId: 'office', total: 2, lastHitTime, hitEntries: packBits([true, false]) },
    { workspace: 'analytics', listId: 'partners', total: 3, lastHitTime, hitEntries: packBits([true, true]) },
    { workspace: 'analytics', listId: 'trial', total: 1, lastHitTime, hitEntries: packBits([true]) },
  ]);
});

test('however lines are cut into batches, read again and interrupted by restarts, each counts once', () => {
  const SIZE = 40;
  const all = fc.array(fc.constantFrom(...SOURCES), { minLength: SIZE, maxLength: SIZE });
  const step = fc.record({
    from: fc.nat(SIZE),
    length: fc.nat(SIZE),
    restarts: fc.boolean(),
  });
  fc.assert(
    fc.property(all, fc.array(step, { maxLength: 12 }), (sources, steps) => {
      const expected = counterFor([PLAN]);
      expected.count(numbered(sources), 'access-000001', SIZE);
      let counter = counterFor([PLAN]);
      let upTo = 0;
      // A reader may go back, but never leaves lines out.
      for (const { from, length, restarts } of [...steps, { from: SIZE, length: SIZE, restarts: false }]) {
        const begin = Math.min(from, upTo);
        const end = Math.min(SIZE, begin + length);
        counter.count(numbered(sources.slice(begin, end), begin), 'access-000001', end);
        upTo = Math.max(upTo, end);
        if (restarts)
          counter = counterFor([PLAN], hitsFileSchema.parse(JSON.parse(JSON.stringify(counter.snapshot()))));
      }
      counter.count(numbered(sources.slice(upTo), upTo), 'access-000001', SIZE);
      expect(counter.snapshot().workspaces).toEqual(expected.snapshot().workspaces);
    }),
    { numRuns: 200 },
  );
});

test('entries that are gone are forgotten, those that stay keep their counts, and memory holds no others', () => {
  const counter = counterFor([PLAN]);
  counter.count(numbered(['192.0.2.1', '192.0.2.7']), 'access-000001', 2);
  const [office = LISTS[0]] = LISTS;
  counter.track([
    samplePlan('analytics', {
      revision: 'r2',
      lists: [{ ...(office as (typeof LISTS)[number]), ipAddresses: ['192.0.2.0/24', '10.0.0.0/8'] }],
    }),
  ]);
  expect(entriesOf(counter)).toEqual({ 'office 192.0.2.0/24': 1, 'office 10.0.0.0/8': 0 });
  for (let at = 0; at < 1000; at += 1) {
    const line = { ...lineOf('192.0.2.1', `r${at}`), workspace: `w${at}` };
    counter.count([{ offset: 0, line }], `access-${String(at + 2).padStart(6, '0')}`, 1);
  }
  const { positions, workspaces } = counter.snapshot();
  expect(Object.keys(positions)).toEqual(['access-001001']);
  expect(workspaces).toHaveLength(1);
});

test('an entry that stands twice has one count, and the order of the list stays', () => {
  const twice = sampleList('partners', 'BLOCK', ['192.0.2.7', '10.0.0.1', '192.0.2.7', '10.0.0.2']);
  const counter = counterFor([samplePlan('analytics', { lists: [twice] })]);
  counter.count(numbered(['192.0.2.7']), 'access-000001', 1);
  const [report] = listHitReports(counter.snapshot().workspaces, 2000);
  expect(report).toMatchObject({ total: 1, hitEntries: packBits([true, false, true, false]) });
});

test('a line of a revision that is gone counts for the list that it names, and for no entry', () => {
  const counter = counterFor([PLAN]);
  counter.count([{ offset: 0, line: lineOf('192.0.2.7', 'r0') }], 'access-000001', 1);
  expect(entriesOf(counter)['partners 192.0.2.7']).toBe(0);
  expect(counter.snapshot().workspaces[0]?.lists[1]).toMatchObject({ listId: 'partners', hits: 1 });
});

test('a report has the lists that were hit last, where there are too many', () => {
  const lists = Array.from({ length: 3000 }, (_, at) => ({
    listId: `l${at}`,
    label: '',
    listType: 'ALLOW' as const,
    mode: 'ENFORCED' as const,
    enabled: true,
    hits: at,
    lastHit: at === 0 ? null : new Date(at).toISOString(),
    entries: [],
  }));
  const counts = {
    workspaceId: '1',
    since: new Date(0).toISOString(),
    requests: 0,
    denied: 0,
    wouldBeDenied: 0,
  };
  const reports = listHitReports([{ workspace: 'w', ...counts, lists }], 2000);
  expect(reports.map(({ total }) => total)).toEqual(Array.from({ length: 2000 }, (_, at) => 2999 - at));
});

test('a connection that failed before any rule decided is a request, and no hit', () => {
  const counter = counterFor([PLAN]);
  const line = parseInboundLine(inboundText({ source: '192.0.2.7', enforced: null, shadow: null }));
  counter.count(line === undefined ? [] : [{ offset: 0, line }], 'access-000001', 1);
  expect(counter.snapshot().workspaces[0]).toMatchObject({ requests: 1, denied: 0 });
  expect(new Set(Object.values(entriesOf(counter)))).toEqual(new Set([0]));
});
