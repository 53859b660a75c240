import fc from 'fast-check';
import { decide, type EgressRequest } from '../../compile/decide.ts';
import { indexTable, matchesOf } from '../../compile/table-index.ts';
import { type DestinationGroup, type EgressTable, ENTRY_LISTS } from '../../model/egress-table.ts';
import { classifyTable } from './destination-classes.ts';
import { privateCheckName, shardOf, tlsCheckName } from './resource-names.ts';
import { closeTunnels, NO_TUNNELS, nextTunnelMemory, type TunnelMemory } from './tunnel-memory.ts';

type Groups = readonly DestinationGroup[];
type Ports = DestinationGroup['ports'];

const TLS: Ports = [{ port: 443, protocol: 'TLS' }];
const NAME = 'acme-1';
const HOUR_MS = 3_600_000;

function tableOf(groups: Groups): EgressTable {
  const spec = { networkPolicyId: 'acme', revision: 'r1', groups: [...groups] };
  return { kind: 'EgressTable', metadata: { name: NAME }, spec };
}

function listed(
  list: DestinationGroup['list'],
  names: string[],
  more: Partial<DestinationGroup> = {},
): DestinationGroup {
  return { list, source: 'NetworkPolicy/acme', ports: TLS, names, ...more };
}

const allowed = (...names: string[]) => listed('allowedInternetDestinations', names);
const blocked = (...names: string[]) => listed('blockedInternetDestinations', names, { ports: [] });

interface State {
  readonly groups: Groups;
  readonly shards?: number;
  readonly atMs?: number;
}

function next(before: TunnelMemory, { groups, shards = 4, atMs = 0 }: State): TunnelMemory {
  return nextTunnelMemory(before, [{ classified: classifyTable(tableOf(groups), atMs), shards }], atMs);
}

/** The tunnel checks that have to end their tunnels when the last of these states comes into force. */
function revokedAtLast(...states: readonly State[]): readonly string[] {
  const memory = states.reduce(next, NO_TUNNELS);
  const before = states.slice(0, -1).reduce(next, NO_TUNNELS);
  return memory.revocations === before.revocations
    ? []
    : Object.keys(memory.revoked).filter((tunnelCheck) => memory.revoked[tunnelCheck] === memory.revocations);
}

const tunnelCheckOf = (pattern: string, shards = 4): string => tlsCheckName(NAME, shardOf(pattern, shards));

describe('nextTunnelMemory() revokes', () => {
  const both = allowed('a.example.com', 'b.example.com');

  it.each<[string, Groups, string]>([
    ['a name that is removed', [allowed('b.example.com')], 'a.example.com'],
    ['a name that is blocked', [both, blocked('a.example.com')], 'a.example.com'],
    ['a table that denies everything but one', [allowed('a.example.com')], 'b.example.com'],
  ])('the shard of %s', (_what, groups, pattern) => {
    expect(revokedAtLast({ groups: [both] }, { groups })).toEqual([tunnelCheckOf(pattern)]);
  });

  it('the shard of the wildcard through which a name was reached that is blocked', () => {
    const groups = [allowed('*.example.com')];
    expect(revokedAtLast({ groups }, { groups: [...groups, blocked('a.example.com')] })).toEqual([
      tunnelCheckOf('*.example.com'),
    ]);
  });

  it('a narrowing once, and not again with the next change', () => {
    const groups = [allowed('*.example.com'), blocked('a.example.com')];
    const more = [...groups, allowed('example.org')];
    expect(revokedAtLast({ groups: [allowed('*.example.com')] }, { groups }, { groups: more })).toEqual([]);
  });

  it('a name that has expired, without a change of its table', () => {
    const expiring = listed('allowedInternetDestinations', ['a.example.com'], {
      expiresAt: '1970-01-01T01:00:00Z',
    });
    const groups = [expiring, allowed('b.example.com')];
    expect(revokedAtLast({ groups }, { groups, atMs: HOUR_MS - 1 })).toEqual([]);
    expect(revokedAtLast({ groups }, { groups, atMs: HOUR_MS })).toEqual([tunnelCheckOf('a.example.com')]);
  });

  it('names that lose a port, or may only carry TLS where they carried any bytes', () => {
    const on = (ports: Ports) => [listed('allowedInternetDestinations', ['a.example.com'], { ports })];
    const anything = on([{ port: 443, protocol: 'TCP' }]);
    const tunnelCheck = tunnelCheckOf('a.example.com');
    expect(
      revokedAtLast({ groups: on([...TLS, { port: 8443, protocol: 'TLS' }]) }, { groups: on(TLS) }),
    ).toEqual([tunnelCheck]);
    expect(revokedAtLast({ groups: anything }, { groups: on(TLS) })).toEqual([tunnelCheck]);
    expect(revokedAtLast({ groups: on(TLS) }, { groups: anything })).toEqual([]);
    expect(
      revokedAtLast({ groups: on([...TLS, { port: 80, protocol: 'HTTP' }]) }, { groups: on(TLS) }),
    ).toEqual([]);
  });

  it('names that are sealed off from lanes without internet', () => {
    const bucket = (list: DestinationGroup['list']) => [listed(list, ['a.example.com'])];
    const [internet, storage] = [bucket('allowedInternetDestinations'), bucket('allowedStorageDestinations')];
    expect(revokedAtLast({ groups: storage }, { groups: internet })).toEqual([
      tunnelCheckOf('a.example.com'),
    ]);
    expect(revokedAtLast({ groups: internet }, { groups: storage })).toEqual([]);
  });

  it('the tunnel checks of a private endpoint that loses addresses, and not where it gains some', () => {
    const endpoint = (...addressRanges: string[]) => [
      listed('privateEndpoints', ['db.example.com'], { addressRanges }),
    ];
    const wide = ['10.0.0.0/16'];
    const tunnelCheck = privateCheckName('tls', wide);
    expect(revokedAtLast({ groups: endpoint(...wide) }, { groups: endpoint('10.0.1.0/24') })).toEqual([
      tunnelCheck,
    ]);
    expect(revokedAtLast({ groups: endpoint(...wide) }, { groups: [allowed('db.example.com')] })).toEqual([
      tunnelCheck,
    ]);
    expect(revokedAtLast({ groups: endpoint(...wide) }, { groups: endpoint('10.0.0.0/8') })).toEqual([]);
    expect(revokedAtLast({ groups: [allowed('db.example.com')] }, { groups: endpoint(...wide) })).toEqual([
      tunnelCheckOf('db.example.com'),
    ]);
  });
});

describe('closeTunnels()', () => {
  const [a, b] = [tunnelCheckOf('a.example.com'), tunnelCheckOf('b.example.com')];
  const revoked = [[allowed('a.example.com', 'b.example.com')], []]
    .map((groups) => ({ groups }))
    .reduce(next, NO_TUNNELS);

  it('gives tunnel checks with tunnels another generation, each time, and leaves the others alone', () => {
    const once = closeTunnels(revoked, [
      { tunnelCheck: a, revocation: 1, hasTunnels: true },
      { tunnelCheck: b, revocation: 1, hasTunnels: false },
    ]);
    expect(once).toMatchObject({ revoked: {}, generations: { [a]: 1 } });
    const again = closeTunnels(once, [{ tunnelCheck: a, revocation: 2, hasTunnels: true }]);
    expect(again.generations).toEqual({ [a]: 2 });
  });

  it('a revocation before the cut is another one', () => {
    const more = next(next(revoked, { groups: [allowed('a.example.com')] }), { groups: [] });
    expect([revoked.revoked, more.revoked]).toEqual([
      { [a]: 1, [b]: 1 },
      { [a]: 2, [b]: 1 },
    ]);
    const seen = [a, b].map((tunnelCheck) => ({ tunnelCheck, revocation: 1, hasTunnels: false }));
    expect(closeTunnels(more, seen).revoked).toEqual({ [a]: 2 });
  });
});

describe('nextTunnelMemory() remembers tunnels where they were opened', () => {
  const wildcard = allowed('*.example.com');
  const exact = allowed('a.example.com');

  it('when a narrower entry takes over, and then goes', () => {
    const states = [{ groups: [wildcard] }, { groups: [wildcard, exact] }];
    expect(revokedAtLast(...states)).toEqual([]);
    const removed = { groups: [wildcard, exact, blocked('a.example.com')] };
    expect(new Set(revokedAtLast(...states, removed))).toEqual(
      new Set([tunnelCheckOf('*.example.com'), tunnelCheckOf('a.example.com')]),
    );
  });

  it('when a narrower entry goes while a wildcard allows the same, and then the wildcard goes', () => {
    const states = [{ groups: [wildcard, exact] }, { groups: [wildcard] }];
    expect(revokedAtLast(...states)).toEqual([]);
    expect(new Set(revokedAtLast(...states, { groups: [] }))).toEqual(
      new Set([tunnelCheckOf('*.example.com'), tunnelCheckOf('a.example.com')]),
    );
  });

  it('when the number of shards changes, for as long as a tunnel may live', () => {
    const states = [
      { groups: [exact], shards: 16 },
      { groups: [exact], shards: 2, atMs: HOUR_MS },
    ];
    expect(revokedAtLast(...states)).toEqual([]);
    const [old, current] = [tunnelCheckOf('a.example.com', 16), tunnelCheckOf('a.example.com', 2)];
    const removed = { groups: [], shards: 2 };
    expect(new Set(revokedAtLast(...states, { ...removed, atMs: 2 * HOUR_MS }))).toEqual(
      new Set([old, current]),
    );
    expect(revokedAtLast(...states, { ...removed, atMs: 26 * HOUR_MS })).toEqual([current]);
  });

  it('and gives the very same memory back where nothing has changed', () => {
    const table = tableOf([wildcard]);
    const at = (memory: TunnelMemory, atMs: number) =>
      nextTunnelMemory(memory, [{ classified: classifyTable(table, atMs), shards: 4 }], atMs);
    const first = at(NO_TUNNELS, 0);
    expect(at(first, 1)).toBe(first);
  });

  it('through a file', () => {
    const memory = next(NO_TUNNELS, { groups: [wildcard, exact] });
    const read = JSON.parse(JSON.stringify(memory)) as TunnelMemory;
    expect(next(read, { groups: [wildcard, exact] }).revocations).toBe(0);
    expect(next(read, { groups: [exact] }).revocations).toBe(1);
  });
});

describe('nextTunnelMemory() in any history', () => {
  const NAMES = ['example.com', 'a.example.com', 'b.a.example.com', 'c.example.com', 'z.example.com'];
  const PATTERNS = [...NAMES.slice(0, 4), '*.example.com', '*.a.example.com'];
  const PROBES = [...NAMES, 'z.a.example.com'];
  const RANGES = ['10.0.0.0/8', '10.1.0.0/16', '192.168.0.0/16'];
  const port = fc.record({
    port: fc.constantFrom(443, 5432),
    protocol: fc.constantFrom('TLS' as const, 'TCP' as const),
  });
  const groups: fc.Arbitrary<Groups> = fc.array(
    fc
      .record({
        list: fc.constantFrom(...ENTRY_LISTS),
        names: fc.uniqueArray(fc.constantFrom(...PATTERNS), { minLength: 1, maxLength: 3 }),
        ports: fc.uniqueArray(port, { maxLength: 2, selector: (entry) => JSON.stringify(entry) }),
        addressRanges: fc.uniqueArray(fc.constantFrom(...RANGES), { minLength: 1, maxLength: 2 }),
      })
      .map(({ list, names, ports, addressRanges }) => ({
        ...listed(list, names),
        ports: list === 'blockedInternetDestinations' ? [] : ports,
        ...(list === 'privateEndpoints' ? { addressRanges } : {}),
      })),
    { maxLength: 5 },
  );
  const histories = fc.array(fc.record({ groups, shards: fc.constantFrom(1, 2, 4) }), { maxLength: 6 });

  interface Tunnel {
    readonly host: string;
    readonly lane: 'enforced' | 'sealed';
    readonly request: EgressRequest;
    readonly tunnelCheck: string;
    /** Addresses that it may lead to; empty for every public one. */
    readonly ranges: readonly string[];
  }

  const ASKED = PROBES.flatMap((host) =>
    [443, 5432].flatMap((asked) =>
      (['enforced', 'sealed'] as const).flatMap((lane) =>
        [{ kind: 'TLS', sni: host } as const, { kind: 'OTHER' } as const].map((inside) => ({
          host,
          lane,
          request: { via: 'CONNECT', host, port: asked, inside } as const,
        })),
      ),
    ),
  );

  /** Every tunnel that may be opened, and the tunnel check that its route leads to. */
  function open({ groups: found, shards }: Required<Omit<State, 'atMs'>>): readonly Tunnel[] {
    const index = indexTable(tableOf(found).spec, 0);
    return ASKED.filter(({ lane, request }) => decide(index, lane, request).verdict === 'ALLOW').map(
      (asked) => {
        const matches = matchesOf(index, asked.host);
        const ranges = [...new Set(matches.flatMap(({ group }) => group.addressRanges ?? []))].toSorted();
        const tunnelCheck =
          ranges.length > 0
            ? privateCheckName('tls', ranges)
            : tunnelCheckOf(matches[0]?.pattern ?? '', shards);
        return { ...asked, ranges, tunnelCheck };
      },
    );
  }

  const isWithin = (inner: readonly string[], outer: readonly string[]): boolean =>
    (inner.length === 0) === (outer.length === 0) &&
    inner.every((range) => outer.includes(range) || (range === RANGES[1] && outer.includes('10.0.0.0/8')));

  const isGranted = (tunnel: Tunnel, open: readonly Tunnel[]): boolean =>
    open.some(
      ({ lane, request, ranges }) =>
        lane === tunnel.lane && request === tunnel.request && isWithin(tunnel.ranges, ranges),
    );

  it('leaves no tunnel that is no longer allowed, and closes nothing where nothing is revoked', () => {
    fc.assert(
      fc.property(histories, (states) => {
        let memory = NO_TUNNELS;
        let tunnels: readonly Tunnel[] = [];
        let openBefore: readonly Tunnel[] = [];
        for (const state of states) {
          const openNow = open(state);
          const after = next(memory, state);
          const isNarrower = openBefore.some((tunnel) => !isGranted(tunnel, openNow));
          expect(after.revocations > memory.revocations && !isNarrower).toBe(false);
          tunnels = tunnels.filter(
            ({ tunnelCheck }) => after.revoked[tunnelCheck] === memory.revoked[tunnelCheck],
          );
          expect(tunnels.filter((tunnel) => !isGranted(tunnel, openNow))).toEqual([]);
          tunnels = [...tunnels, ...openNow];
          openBefore = openNow;
          memory = after;
        }
      }),
      { numRuns: 300 },
    );
  });
});
