import fc from 'fast-check';
import { otherHost, patternAbove, storageHost } from '../../test/fixtures/cloud-hosts.ts';
import { policyManifest, readObject, readPolicy } from '../../test/fixtures/object-fixture.ts';
import { parseDomainName } from '../model/domain-name.ts';
import type { DestinationGroup } from '../model/egress-table.ts';
import type { NetworkPolicy } from '../model/network-policy.ts';
import { compileEgressTable } from './egress-table.ts';
import { coveringPatterns, indexTable, matchesOf, nextExpiry } from './table-index.ts';

const NOON = '2027-01-01T12:00:00Z';
const NOON_MS = Date.parse(NOON);

const { spec: table } = compileEgressTable({
  networkPolicyId: 'acme',
  policy: readObject(
    policyManifest('acme', {
      allowedInternetDestinations: [
        { destination: 'a.b.example.com' },
        { destination: '*.b.example.com' },
        { destination: '*.example.com' },
        { destination: 'soon.example.org', expiresAt: NOON },
        { destination: 'later.example.org', expiresAt: '2027-01-02T00:00:00Z' },
      ],
    }),
  ) as NetworkPolicy,
  metastores: [],
  privateEndpoints: [],
});

function patternsAt(atMs: number, name: string): readonly string[] {
  return matchesOf(indexTable(table, atMs), name).map(({ pattern }) => pattern);
}

describe('matchesOf()', () => {
  it.each([
    ['a.b.example.com', ['a.b.example.com', '*.b.example.com', '*.example.com']],
    ['x.b.example.com', ['*.b.example.com', '*.example.com']],
    ['b.example.com', ['*.example.com']],
    ['example.com', []],
    ['a.b.example.com.evil.example', []],
  ])('finds for %s, from the most to the least specific, %j', (name, patterns) => {
    expect(patternsAt(0, name)).toEqual(patterns);
  });

  it.each([
    [NOON_MS - 1, ['soon.example.org']],
    [NOON_MS, []],
  ])('at %d ms finds an entry that expires at noon: %j', (atMs, patterns) => {
    expect(patternsAt(atMs, 'soon.example.org')).toEqual(patterns);
  });
});

/** Whether a destination as written lets a client reach a host as asked for. */
function covers(destination: string, host: string): boolean {
  const policy = readPolicy({ allowedInternetDestinations: [{ destination }] });
  const { spec } = compileEgressTable({
    networkPolicyId: 'acme',
    policy,
    metastores: [],
    privateEndpoints: [],
  });
  const parsed = parseDomainName(host);
  return 'name' in parsed && matchesOf(indexTable(spec, 0), parsed.name).length > 0;
}

describe('coveringPatterns()', () => {
  it.each([
    ['example.com', 'EXAMPLE.com', true],
    ['example.com', 'example.com.', true],
    ['EXAMPLE.com.', 'example.com', true],
    ['example.com', 'notexample.com', false],
    ['example.com', 'exampleXcom', false],
    ['example.com', 'www.example.com', false],
    ['example.com', 'еxample.com', false],
    ['example.com', 'ｅxample.com', true],
    ['*.data.example.org', 'data.example.org', false],
    ['*.data.example.org', 'a.data.example.org', true],
    ['*.data.example.org', 'a.b.data.example.org', true],
    ['*.data.example.org', 'xdata.example.org', false],
    ['*.data.example.org', 'a.data.example.org.evil.example', false],
    ['*.data.example.org', 'evil.com%2edata.example.org', false],
    ['*.data.example.org', 'evil.com\0.data.example.org', false],
    ['*.data.example.org', '_dmarc.data.example.org', false],
    ['*.data.example.org', '.data.example.org', false],
    ['bücher.example', 'xn--bcher-kva.example', true],
  ])('lets destination %s cover %j: %s', (destination, host, expected) => {
    expect(covers(destination, host)).toBe(expected);
  });

  it('gives the name, then every wildcard above it', () => {
    expect(coveringPatterns('a.b.c')).toEqual(['a.b.c', '*.b.c', '*.c']);
    expect(coveringPatterns('a')).toEqual(['a']);
  });
});

describe('nextExpiry()', () => {
  it.each([
    [0, NOON_MS],
    [NOON_MS, Date.parse('2027-01-02T00:00:00Z')],
    [Date.parse('2027-01-02T00:00:00Z'), undefined],
  ])('after %d ms is at %s', (atMs, expiryMs) => {
    expect(nextExpiry(table, atMs)).toBe(expiryMs);
  });
});

type Entry = readonly [list: DestinationGroup['list'], pattern: string];

function groupsOf(entries: readonly Entry[]): DestinationGroup[] {
  return entries.map(([list, name]) => ({ list, source: 'NetworkPolicy/acme', ports: [], names: [name] }));
}

describe.each([
  ['a storage host', storageHost, true],
  ['any other host', otherHost, false],
])('for %s', (_, hosts, isStorage) => {
  it('matchesOf() finds what a naive scan of every entry finds', () => {
    const lists = fc.constantFrom(
      'blockedInternetDestinations' as const,
      'allowedInternetDestinations' as const,
      'privateEndpoints' as const,
    );
    const written = fc.tuple(lists, fc.nat(6), fc.boolean());
    fc.assert(
      fc.property(hosts, hosts, fc.array(written, { maxLength: 6 }), (host, other, entries) => {
        const found: readonly Entry[] = entries.map(([list, depth, isOfHost]) => [
          list,
          patternAbove(isOfHost ? host : other, depth),
        ]);
        const covers = ([list, pattern]: Entry): boolean => {
          if (pattern === host) return true;
          const isUnder = pattern.startsWith('*.') && host.endsWith(pattern.slice(1));
          return isUnder && (!isStorage || list === 'blockedInternetDestinations');
        };
        const index = indexTable({ networkPolicyId: 'acme', revision: 'r', groups: groupsOf(found) }, 0);
        const matches = matchesOf(index, host).map(({ group, pattern }) => `${group.list} ${pattern}`);
        expect(matches.toSorted()).toEqual(
          found
            .filter(covers)
            .map((entry) => entry.join(' '))
            .toSorted(),
        );
      }),
      { numRuns: 2000 },
    );
  });
});
