import { readPolicy } from '../../../test/fixtures/object-fixture.ts';
import type { DeniedTraffic } from '../../compile/suggest/denied-traffic.ts';
import type { NotSuggested, Suggestion } from '../../compile/suggest/suggestion.ts';
import { formatSuggestion } from './format-suggestion.ts';

function apart(destination: string, port: number | null, changes: Partial<DeniedTraffic> = {}): NotSuggested {
  const seen = '2026-03-01T12:00:00Z';
  return {
    traffic: {
      ...{ workspace: 'alpha', product: 'JOBS', destination, port, protocol: null, sni: null },
      reason: 'IP_LITERAL',
      isDryRun: true,
      evidence: {
        ...{ count: 2, firstSeen: seen, lastSeen: seen },
        ...{ products: ['JOBS'], workspaces: ['alpha'], pods: [] },
      },
      ...changes,
    },
    ...{ reason: 'IP_LITERAL', why: 'an address' },
  };
}

const EMPTY: Suggestion = {
  ...{ policy: 'acme', basis: readPolicy().spec, workspaces: ['alpha'], apart: [] },
  ...{ added: [], heldBack: [], tooRare: 0, removed: [], tooNew: [], allowedByNow: 0, unreachable: 0 },
};

test('formatSuggestion() has one line for each name and reason that it does not suggest, with all counts', () => {
  const suggestion: Suggestion = {
    ...EMPTY,
    apart: [
      ...[apart('192.0.2.1', 80, { protocol: 'HTTP' }), apart('192.0.2.1', 80)],
      { ...apart('192.0.2.1', 80), reason: 'METADATA_ADDRESS' },
      ...[9, 7, 8, 1000, 10].map((port) => apart('192.0.2.2', port)),
      apart('', null),
    ],
  };
  const lines = formatSuggestion(suggestion).split('\n');
  const cells = lines.filter((line) => line.includes('an address')).map((line) => line.trim().split(/ {3,}/));
  expect(cells.map(([destination, reason, count]) => [destination, reason, count])).toEqual([
    ['192.0.2.1:80', 'IP_LITERAL', '4'],
    ['192.0.2.1:80', 'METADATA_ADDRESS', '2'],
    ['192.0.2.2:7,8,9 and 2 more', 'IP_LITERAL', '10'],
    ['-', 'IP_LITERAL', '2'],
  ]);
});

test.each<[NonNullable<Suggestion['tooNew']>, string]>([
  [
    [{ text: 'new.example.com', since: '2026-03-01T20:00:00.5Z' }],
    'Not judged, since its uses are not counted without a gap from the beginning of --since: new.example.com (since 2026-03-01T20:00:00Z). Suggest again later, or choose a --since that begins after these times',
  ],
  [
    ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((text) => ({ text, since: undefined })),
    ': a (not counted yet), b (not counted yet), c (not counted yet), d (not counted yet), e (not counted yet) and 2 more. Suggest',
  ],
])(
  'formatSuggestion() names entries that are not judged, since when they are counted, and what to do',
  (tooNew, text) => {
    expect(formatSuggestion({ ...EMPTY, tooNew })).toContain(text);
  },
);
