import { policyManifest, readSnapshot, workspaceManifest } from '../../../test/fixtures/object-fixture.ts';
import { compileSnapshot } from '../../compile/plans.ts';
import type { EgressTable } from '../../model/egress-table.ts';
import { RuleHistory } from './rule-history.ts';

const NOON_MS = Date.parse('2026-01-01T12:00:00Z');

function tableOf(...destinations: readonly object[]): EgressTable {
  const policy = policyManifest('default-policy', { allowedInternetDestinations: destinations });
  return compileSnapshot(readSnapshot(workspaceManifest('alpha'), policy)).tables[0] as EgressTable;
}

function ask(
  history: RuleHistory,
  { metadata, spec }: EgressTable,
  host: string,
  atMs = NOON_MS,
): string | null {
  return history.findRule({ table: metadata.name, revision: spec.revision, host, port: 443, atMs });
}

const WILDCARD = 'allowedInternetDestinations "*.example.com" of NetworkPolicy/default-policy';

test('findRule() finds the entry in the revision that decided, though the table has changed', () => {
  const history = new RuleHistory();
  const before = tableOf({ destination: '*.example.com' });
  const after = tableOf({ destination: 'other.example' });
  history.remember([before]);
  history.remember([after]);
  expect(ask(history, before, 'a.example.com')).toBe(WILDCARD);
  expect(ask(history, after, 'a.example.com')).toBeNull();
});

test('findRule() knows nothing of a revision that was never remembered', () => {
  expect(ask(new RuleHistory(), tableOf({ destination: '*.example.com' }), 'a.example.com')).toBeNull();
});

test('findRule() names the entry that was in force at that moment', () => {
  const history = new RuleHistory();
  const expiring = { destination: 'a.example.com', expiresAt: '2026-01-01T13:00:00Z' };
  const table = tableOf(expiring, { destination: '*.example.com' });
  history.remember([table]);
  expect(ask(history, table, 'a.example.com')).toContain('"a.example.com"');
  expect(ask(history, table, 'a.example.com', NOON_MS + 2 * 3_600_000)).toBe(WILDCARD);
  expect(ask(history, table, 'a.example.com')).toContain('"a.example.com"');
});

test('findRule() names an entry that has expired where no other matches', () => {
  const history = new RuleHistory();
  const table = tableOf({ destination: 'a.example.com', expiresAt: '2026-01-01T11:59:59Z' });
  history.remember([table]);
  expect(ask(history, table, 'a.example.com')).toContain('"a.example.com"');
});

test('isStillAllowed() judges by the table as it is now, at that moment and in that lane', () => {
  const history = new RuleHistory();
  const table = tableOf(
    { destination: '*.example.com', ports: [{ port: 5432, protocol: 'TCP' }] },
    { destination: 'a.example.com', expiresAt: '2026-01-01T13:00:00Z' },
  );
  const { name } = table.metadata;
  const isAllowed = (host: string, port: number, more: { lane?: string; atMs?: number } = {}): boolean =>
    history.isStillAllowed({ table: name, lane: 'enforced', host, port, atMs: NOON_MS, ...more });
  expect(isAllowed('a.example.com', 443)).toBe(false);
  history.remember([table]);
  expect(isAllowed('a.example.com', 443)).toBe(true);
  expect(isAllowed('b.example.com', 443)).toBe(false);
  expect(isAllowed('b.example.com', 5432)).toBe(true);
  expect(isAllowed('a.example.com', 443, { lane: 'sealed' })).toBe(false);
  expect(isAllowed('a.example.com', 443, { atMs: NOON_MS + 2 * 3_600_000 })).toBe(false);
  history.remember([tableOf()]);
  expect(isAllowed('a.example.com', 443)).toBe(false);
});

test('remember() forgets the oldest revisions, and never one of the tables in force', () => {
  const history = new RuleHistory();
  const revisions = Array.from({ length: 40 }, (_, at) => tableOf({ destination: `a${at}.example.com` }));
  const lasting = tableOf({ destination: '*.example.com' });
  for (const table of revisions) history.remember([lasting, table]);
  const isKnown = (at: number): boolean =>
    ask(history, revisions[at] as EgressTable, `a${at}.example.com`) !== null;
  expect([isKnown(0), isKnown(8), isKnown(9), isKnown(39)]).toEqual([false, false, true, true]);
  expect(ask(history, lasting, 'a.example.com')).toBe(WILDCARD);
  const many = Array.from({ length: 50 }, (_, at) => ({ ...lasting, metadata: { name: `table-${at}` } }));
  history.remember(many);
  expect(many.every((table) => ask(history, table, 'a.example.com') === WILDCARD)).toBe(true);
});
