import { stripVTControlCharacters } from 'node:util';

import { DENIAL_COLUMNS } from '../../model/denial-columns.ts';
import { INBOUND_COLUMNS } from '../../model/inbound-columns.ts';
import { denialTable, formatDenials, type TableFormat } from './format-denials.ts';
import type { JsonRow } from './run-query.ts';

const denial: JsonRow = {
  event_time: '2026-01-01T00:00:00.123456Z',
  access_type: 'DROP',
  workspace: 'team-a',
  network_source_type: 'ML Build',
  destination_type: 'DNS',
  destination: 'pkg.test',
  port: 443,
  reason: 'No entry allows this destination',
  rule: null,
  policy: 'default-policy',
  dns_event: { domain_name: 'pkg.test', rcode: 3 },
};
const dryRun: JsonRow = {
  ...denial,
  access_type: 'DRY_RUN_DENIAL',
  destination_type: 'IP',
  destination: '2001:db8::1',
  rule: 'blockedInternetDestinations "*.evil.example"',
};
const columns = Object.keys(denial);

const listing = `
TIME                   ACCESS_TYPE      WORKSPACE   NETWORK_SOURCE_TYPE   DESTINATION:PORT    REASON                             RULE                                           POLICY
2026-01-01T00:00:00Z   DROP             team-a      ML Build              pkg.test:443        No entry allows this destination   -                                              default-policy
2026-01-01T00:00:00Z   DRY_RUN_DENIAL   team-a      ML Build              [2001:db8::1]:443   No entry allows this destination   blockedInternetDestinations "*.evil.example"   default-policy
`.slice(1);

const inboundListing = `
TIME                   OUTCOME   WORKSPACE   SOURCE      HOST/PATH             REASON             LIST       ENTRY
2026-01-01T00:00:00Z   DENY      team-a      192.0.2.7   a.example/\\u001b[2J   IN_BLOCK_LIST x3   partners   192.0.2.0/24
2026-01-01T00:00:00Z   DENY      team-a      *           -                     IN_BLOCK_LIST x3   partners   -
`.slice(1);

describe('formatDenials()', () => {
  test('lists denials in eight columns', () => {
    expect(formatDenials(columns, [denial, dryRun], { listing: 'outbound' })).toBe(listing);
  });

  test.each(['outbound', 'inbound'] as const)(
    'a heading of the %s table that is a column has its value',
    (which) => {
      const known = which === 'outbound' ? DENIAL_COLUMNS : INBOUND_COLUMNS;
      const names = known.map(({ name }) => name);
      const odd = new Set(['event_time', 'source', 'repeats', 'lost', 'port', 'reason']);
      const row = Object.fromEntries(names.map((name) => [name, odd.has(name) ? null : `of-${name}`]));
      const [headings = [], cells = []] = formatDenials(names, [row], { listing: which })
        .split('\n')
        .map((line) => line.split(/ {3,}/));
      const same = headings.flatMap((heading, at) => {
        const name = heading.toLowerCase();
        return names.includes(name as never) && !odd.has(name) ? [[name, cells[at]]] : [];
      });
      expect(same.length).toBeGreaterThan(1);
      expect(same).toEqual(same.map(([name]) => [name, `of-${name}`]));
    },
  );

  test('lists who was denied where that was looked up', () => {
    const rows: readonly JsonRow[] = [
      { ...denial, who: 'POD', pod: 'etl-0', node: 'node-1' },
      { ...denial, who: 'HOST_NETWORK', pod: null, node: 'node-1' },
      { ...denial, who: 'UNKNOWN_SOURCE', pod: null, node: null },
      { ...denial, who: null, pod: null, node: null },
    ];
    const lines = formatDenials(columns, rows, { listing: 'outbound' }).trimEnd().split('\n');
    expect(lines.map((line) => line.split(/ {3,}/).at(-1))).toEqual([
      ...['POD', 'etl-0', 'node node-1', 'UNKNOWN_SOURCE', '-'],
    ]);
  });

  test('lists denied requests in eight columns, without control characters of their own', () => {
    const inbound: JsonRow = {
      event_time: '2026-01-01T00:00:00Z',
      policy_outcome: 'DENY',
      workspace: 'team-a',
      source: { ip: '192.0.2.7' },
      host: 'a.example',
      request_path: '/\u001b[2J',
      reason: 'IN_BLOCK_LIST',
      repeats: 3,
      rule_label: 'partners',
      entry: '192.0.2.0/24',
    };
    const none: JsonRow = { ...inbound, source: { ip: '*' }, host: null, request_path: null, entry: null };
    expect(formatDenials(Object.keys(inbound), [inbound, none], { listing: 'inbound' })).toBe(inboundListing);
  });

  test('shows the columns of any query', () => {
    const text = formatDenials(['dns_event', 'n'], [{ dns_event: denial['dns_event'] ?? null, n: 2 }]);
    expect(text).toBe('DNS_EVENT                              N\n{"domain_name":"pkg.test","rcode":3}   2\n');
  });

  test('shows the headings where no row is', () => {
    expect(formatDenials(['a', 'b'], [])).toBe('A   B\n');
    expect(formatDenials(['a', 'b'], [], { json: true })).toBe('');
  });

  test('writes one JSON object per line, with every column', () => {
    const lines = formatDenials(columns, [denial, dryRun], {
      json: true,
      listing: 'outbound',
      width: 20,
    }).split('\n');
    expect(lines.slice(0, 2).map((line) => JSON.parse(line))).toEqual([denial, dryRun]);
    expect(lines.slice(2)).toEqual(['']);
  });

  test.each([140, 90])('shortens the widest columns to %d columns', (width) => {
    const lines = formatDenials(columns, [denial, dryRun], { listing: 'outbound', width }).split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
    expect(lines).toHaveLength(4);
    expect(lines[2]).toMatch(/…/);
  });

  test('leaves out columns of a narrow terminal, and keeps what was denied to whom', () => {
    const known = [denial, dryRun].map((row) => ({ ...row, pod: 'trino-worker-1', who: 'POD' }));
    const lines = formatDenials(columns, known, { listing: 'outbound', width: 80 }).split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(lines[0]?.split(/ {2,}/)).toEqual(['TIME (UTC)', 'ACCESS', 'DESTINATION:PORT', 'REASON', 'POD']);
    expect(lines[2]).toMatch(/^01-01 00:00:00 +DRY_RUN +\[2001:db8::…:443 /);
  });

  test('further pages have no headings, and the columns of the first one', () => {
    const table = denialTable({ listing: 'outbound' });
    const [headings, first] = table(columns, [dryRun]).split('\n');
    const [second, ...others] = table(columns, [denial]).split('\n');
    expect(others).toEqual(['']);
    expect(second?.indexOf('default-policy')).toBe(first?.indexOf('default-policy'));
    expect(headings?.indexOf('POLICY')).toBe(second?.indexOf('default-policy'));
    expect(table(columns, [])).toBe('');
  });

  describe.each([undefined, 160, 80])('of rows that come one by one, in %s columns', (width) => {
    const format = { listing: 'outbound', isSteady: true, isIdentified: true, ...(width ? { width } : {}) };
    const long = { ...denial, destination: `${'n'.repeat(60)}.example.com`, pod: 'a-pod', who: 'POD' };
    /** Where its columns begin. */
    const startsOf = (line = '') => [...line.matchAll(/(?<=^| {2})\S/g)].map(({ index }) => index);

    test('columns stay where they were, whatever comes', () => {
      const table = denialTable(format as TableFormat);
      const [headings, first] = table(columns, [dryRun]).split('\n');
      const overlong = table(columns, [long]);
      const last = table(columns, [{ ...denial, pod: 'trino-worker-1', who: 'POD' }]).trimEnd();
      expect(startsOf(last)).toEqual(startsOf(headings));
      expect(startsOf(first)).toEqual(startsOf(headings));
      expect(headings).toMatch(/ POD$/);
      expect(last).toMatch(/ trino-worke(?:r-1|r?…)$/);
      expect(overlong.includes(`${long.destination}:443`)).toBe(width === undefined);
      expect(overlong.trimEnd().length).toBeLessThanOrEqual(width ?? 1000);
    });
  });

  test('lets no control character of a value through', () => {
    const hostile = { ...denial, destination: 'a\u001b[2J\u009b\n\u202ex' };
    const escaped = String.raw`a\u001b[2J\u009b\u000a\u202ex`;
    expect(formatDenials(columns, [hostile], { listing: 'outbound' })).toContain(escaped);
    expect(formatDenials(columns, [hostile], { json: true })).not.toMatch(/[\u001b\u009b\u202e]/);
    expect(JSON.parse(formatDenials(columns, [hostile], { json: true }))).toEqual(hostile);
  });

  test('colours only when asked, and only for the eye', () => {
    const plain = formatDenials(columns, [denial, dryRun], { listing: 'outbound' });
    const coloured = formatDenials(columns, [denial, dryRun], { listing: 'outbound', colour: true });
    expect(coloured).toContain('\u001b[31mDROP\u001b[39m');
    expect(coloured).toContain('\u001b[33mDRY_RUN_DENIAL\u001b[39m');
    expect(stripVTControlCharacters(coloured)).toBe(plain);
  });
});
