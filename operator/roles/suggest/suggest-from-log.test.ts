import { sampleDenial, withFolder } from '../../../test/fixtures/denial-fixture.ts';
import {
  manifest,
  policyManifest,
  readSnapshot,
  workspaceManifest,
} from '../../../test/fixtures/object-fixture.ts';
import { compileSnapshot } from '../../compile/plans.ts';
import { runQuery } from '../../denials/query/run-query.ts';
import { DenialStore } from '../../denials/store/duckdb/denial-store.ts';
import type { Denial } from '../../model/denial.ts';
import { objectsOf } from '../../model/snapshot.ts';
import { formatSuggestion, noteOnHeldBack } from './format-suggestion.ts';
import { type LogSuggestions, type SuggestRequest, suggestFromLog } from './suggest-from-log.ts';

const HOUR_MS = 3_600_000;
const NOW_MS = Date.now();

function denial(at: number, destination: string, changes: Partial<Denial> = {}): Denial {
  const eventTime = new Date(NOW_MS - HOUR_MS + at * 1000).toISOString();
  return sampleDenial(at, {
    ...{
      destination,
      eventTime,
      reason: 'DESTINATION_NOT_ALLOWED',
      workspace: 'alpha',
      workspaceId: 'id-alpha',
      accessType: 'DRY_RUN_DENIAL',
    },
    ...changes,
  });
}

const DENIALS: readonly Denial[] = [
  denial(0, 'a.example.com', { repeats: 3, pod: 'etl-0' }),
  denial(1, 'a.example.com', { repeats: 2, pod: 'etl-1', port: 80, protocol: 'HTTP' }),
  denial(2, 'acme-data.s3.us-west-2.amazonaws.com', {
    reason: 'BUCKET_NOT_ALLOWED',
    destinationType: 'STORAGE',
  }),
  denial(3, '169.254.169.254', {
    reason: 'METADATA_ADDRESS',
    destinationType: 'IP',
    port: 80,
    protocol: 'HTTP',
  }),
  denial(4, 'b.example.com', { workspace: 'beta', workspaceId: 'id-beta', product: null }),
  denial(5, 'old.example.com', { eventTime: new Date(NOW_MS - 50 * HOUR_MS).toISOString() }),
  denial(6, '*', { repeats: 700, port: null, sample: ['many.example.com'] }),
  denial(7, '*', { repeats: 9, lost: 9, reason: 'DENIALS_NOT_KEPT', port: null, policy: '' }),
  denial(8, 'c.example.com', { workspace: 'gone', workspaceId: 'id-gone' }),
];

const SNAPSHOT = readSnapshot(
  ...['alpha', 'beta'].flatMap((name) => [
    workspaceManifest(name),
    manifest('PolicyAssignment', name, { networkPolicyId: `${name}-policy` }),
    policyManifest(`${name}-policy`),
  ]),
);

async function suggested(
  changes: Partial<SuggestRequest> = {},
  more: readonly Denial[] = [],
): Promise<LogSuggestions> {
  return withFolder(async (folder) => {
    const store = await DenialStore.open(`${folder}/denials.duckdb`);
    await store.append({
      gateway: 'gw-1',
      logFile: 'access.log',
      upTo: 4000,
      denials: [...DENIALS, ...more],
    });
    const answer = await suggestFromLog((sql) => runQuery(store, sql), {
      ...compileSnapshot(SNAPSHOT),
      policies: objectsOf(SNAPSHOT, 'NetworkPolicy'),
      usesOf: () => undefined,
      ...{ workspace: undefined, spanMs: 24 * HOUR_MS, atMs: NOW_MS, wildcardZones: [] },
      includesDenied: false,
      ...changes,
    });
    await store.close();
    if ('error' in answer) throw new Error(answer.error);
    return answer;
  });
}

test('suggestFromLog() reads each policy its own denials of the time, with who and how often', async () => {
  const { suggestions } = await suggested();
  expect(suggestions.map(({ policy, added }) => [policy, added.length])).toEqual([
    ['alpha-policy', 2],
    ['beta-policy', 1],
  ]);
  const [alpha, beta] = suggestions;
  expect(alpha?.added[0]).toMatchObject({
    destination: { destination: 'a.example.com' },
    evidence: { count: 5, products: ['JOBS'], workspaces: ['alpha'], pods: ['etl-0', 'etl-1'] },
  });
  expect(alpha?.apart.map(({ reason }) => reason)).toEqual(['METADATA_ADDRESS']);
  expect(beta?.added[0]?.evidence.products).toEqual(['General Compute']);
});

test('suggestFromLog() knows what was denied from what was recorded, and says what it leaves out', async () => {
  const DROPPED = denial(9, 'evil.example.com', { accessType: 'DROP' });
  const [kept, included] = await Promise.all(
    [false, true].map((includesDenied) => suggested({ workspace: 'alpha', includesDenied }, [DROPPED])),
  );
  const [held] = kept?.suggestions ?? [];
  if (held === undefined) throw new Error('no suggestion');
  expect(formatSuggestion(held)).toMatch(
    /\n\nDenied by an enforced policy: added only with --include denied\n.*\n {2}evil\.example\.com/,
  );
  expect(noteOnHeldBack([held])).toMatch(/^1 entry .* --include denied/);
  expect(included?.suggestions[0]?.added.at(-1)).toMatchObject({ isDenied: true });
});

test('suggestFromLog() says what it does not consider', async () => {
  const { notes } = await suggested();
  expect(notes).toEqual([
    expect.stringMatching(/^700 denials between .* too many in one second/),
    expect.stringMatching(/^9 denials between .* were not kept/),
    'Not considered: 1 denials of workspaces that are gone (gone)',
  ]);
});

test('suggestFromLog() looks at one workspace, and says which there are', async () => {
  const { suggestions } = await suggested({ workspace: 'id-beta' });
  expect(suggestions.map(({ policy }) => policy)).toEqual(['beta-policy']);
  await expect(suggested({ workspace: 'gamma' })).rejects.toThrow(
    'Cannot find workspace "gamma": there are "alpha", "beta"',
  );
});

test('formatSuggestion() has a line for each entry, with what was counted', async () => {
  const [alpha] = (await suggested({ workspace: 'alpha' })).suggestions;
  if (alpha === undefined) throw new Error('no suggestion');
  const text = formatSuggestion(alpha);
  expect(text).toMatch(
    /^NetworkPolicy "alpha-policy", of workspace alpha\n\nAdd\n {2}DESTINATION +PORTS +COUNT/,
  );
  expect(text).toMatch(/\n {2}a\.example\.com +80\/HTTP 443\/TLS +5 .* etl-0,etl-1\n/);
});
