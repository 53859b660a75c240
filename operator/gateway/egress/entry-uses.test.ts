import fc from 'fast-check';
import { Registry } from 'prom-client';
import {
  manifest,
  policyManifest,
  readSnapshot,
  workspaceManifest,
} from '../../../test/fixtures/object-fixture.ts';
import { samplesOf } from '../../../test/support/samples.ts';
import { decide, type EgressRequest } from '../../compile/decide.ts';
import { compileSnapshot } from '../../compile/plans.ts';
import { indexTable } from '../../compile/table-index.ts';
import type { EgressTable } from '../../model/egress-table.ts';
import { type EntryUse, type EntryUsesFile, useKey } from '../../model/entry-uses.ts';
import type { EgressListener } from '../../render/envoy/envoy-config.ts';
import { forwardName } from '../../render/envoy/resource-names.ts';
import { EnvoySilent, type ForwardedHost } from '../process/envoy-admin.ts';
import { measureEntryUses } from './entry-use-metrics.ts';
import { EntryUses } from './entry-uses.ts';

const START_MS = Date.parse('2026-03-01T00:00:00Z');

const BUCKET = { storageDestinationType: 'AWS_S3', bucketName: 'acme-data', region: 'us-west-2' };

function tableOf(...destinations: readonly object[]): EgressTable {
  const access = { allowedInternetDestinations: destinations, allowedStorageDestinations: [BUCKET] };
  const assignment = manifest('PolicyAssignment', 'alpha', { networkPolicyId: 'acme' });
  const [table] = compileSnapshot(
    readSnapshot(workspaceManifest('alpha'), assignment, policyManifest('acme', access)),
  ).tables;
  if (table === undefined) throw new Error('no table');
  return table;
}

const TABLE = tableOf({ destination: 'a.example.com' }, { destination: '*.example.com' });
const CLUSTER = forwardName(TABLE.metadata.name);

class Counted {
  hosts: readonly ForwardedHost[] | Error = [];
  nowMs = START_MS;
  readonly uses: EntryUses;

  constructor(known?: EntryUsesFile, isAdopted = false) {
    this.uses = new EntryUses({
      hosts: async () => {
        if (this.hosts instanceof Error) throw this.hosts;
        return this.hosts;
      },
      isAdopted: () => isAdopted,
      nowMs: () => this.nowMs,
      known,
    });
  }

  async check(...hosts: readonly ForwardedHost[]): Promise<void> {
    this.hosts = hosts;
    this.nowMs += 10_000;
    await this.uses.check();
  }

  entries(): readonly (readonly [string, number, string | null])[] {
    const entries = this.uses.snapshot().policies.flatMap((one) => one.entries);
    return entries.map(({ entry, connections, lastUsed }) => [entry, connections, lastUsed]);
  }

  sinceOf(entry: string): string | undefined {
    return this.uses
      .snapshot()
      .policies.flatMap((one) => one.entries)
      .find((use) => use.entry === entry)?.since;
  }
}

function host(name: string, requests: number, active = 0, cluster = CLUSTER): ForwardedHost {
  return { cluster, host: name, port: 443, requests, active };
}

test('EntryUses counts requests by the entry that decides, and starts again where Envoy does', async () => {
  const counted = new Counted();
  counted.uses.remember([TABLE], []);
  await counted.check(host('a.example.com', 2), host('acme-data.s3.us-west-2.amazonaws.com', 1));
  await counted.check(host('A.example.com', 2), host('b.example.com', 4));
  await counted.check(host('A.example.com', 5), host('b.example.com', 1));
  expect(counted.entries()).toEqual([
    ['*.example.com', 5, '2026-03-01T00:00:30.000Z'],
    ['a.example.com', 7, '2026-03-01T00:00:30.000Z'],
    ['s3://acme-data', 1, '2026-03-01T00:00:10.000Z'],
  ]);
});

test('EntryUses takes a new host for a use, also where Envoy counts its requests anew already', async () => {
  const counted = new Counted();
  counted.uses.remember([TABLE], []);
  await counted.check(host('a.example.com', 0));
  await counted.check(host('a.example.com', 0));
  expect(counted.entries()[1]).toEqual(['a.example.com', 1, '2026-03-01T00:00:10.000Z']);
});

test('EntryUses takes an open connection for a use, and other clusters and ports for none', async () => {
  const counted = new Counted();
  counted.uses.remember([TABLE], []);
  await counted.check(host('a.example.com', 1, 1));
  await counted.check(host('a.example.com', 1, 1), host('b.example.com', 1, 0, 'forward-other'));
  await counted.check({ ...host('b.example.com', 1), port: 8443 }, host('evil.example', 1));
  expect(counted.entries()).toEqual([
    ['*.example.com', 0, null],
    ['a.example.com', 1, '2026-03-01T00:00:20.000Z'],
    ['s3://acme-data', 0, null],
  ]);
});

test('EntryUses counts lanes in dry-run for each table that has one', async () => {
  const listener = { table: TABLE.metadata.name, lane: 'dry-run' } as EgressListener;
  const counted = new Counted();
  counted.uses.remember([TABLE], []);
  await counted.check(host('a.example.com', 1, 0, 'forward-dry-run'));
  expect(counted.entries()[1]).toEqual(['a.example.com', 0, null]);
  counted.uses.remember([TABLE], [listener]);
  await counted.check(host('a.example.com', 2, 0, 'forward-dry-run'));
  expect(counted.entries()[1]).toEqual(['a.example.com', 1, '2026-03-01T00:00:20.000Z']);
});

test('EntryUses continues what is known, and counts new entries from now on', async () => {
  const before = new Counted();
  before.uses.remember([TABLE], []);
  await before.check(host('a.example.com', 3));
  const counted = new Counted(before.uses.snapshot());
  counted.nowMs += 60_000;
  counted.uses.remember([tableOf({ destination: 'a.example.com' }, { destination: 'new.example.com' })], []);
  expect(counted.entries().map(([entry, connections]) => [entry, connections])).toEqual([
    ['a.example.com', 3],
    ['new.example.com', 0],
    ['s3://acme-data', 0],
  ]);
  expect(counted.sinceOf('a.example.com')).toBe('2026-03-01T00:00:00.000Z');
  expect(counted.sinceOf('new.example.com')).toBe('2026-03-01T00:01:00.000Z');
});

test('EntryUses counts anew after a time in which it may have missed something', async () => {
  const counted = new Counted();
  counted.uses.remember([TABLE], []);
  await counted.check();
  expect(counted.sinceOf('a.example.com')).toBe('2026-03-01T00:00:00.000Z');
  for (const _ of [1, 2, 3]) {
    counted.hosts = new EnvoySilent('busy');
    counted.nowMs += 10_000;
    await counted.uses.check();
  }
  await counted.check();
  expect(counted.sinceOf('a.example.com')).toBe('2026-03-01T00:00:50.000Z');
});

test('EntryUses of an agent that finds an Envoy of before does not count its requests again', async () => {
  const counted = new Counted(undefined, true);
  counted.uses.remember([TABLE], []);
  await counted.check(host('a.example.com', 40, 1), host('b.example.com', 9));
  await counted.check(host('a.example.com', 41, 0));
  expect(counted.entries()[1]).toEqual(['a.example.com', 1, '2026-03-01T00:00:20.000Z']);
  expect(counted.sinceOf('a.example.com')).toBe('2026-03-01T00:00:10.000Z');
});

test('measureEntryUses() has a series for each entry that was used', async () => {
  const counted = new Counted();
  counted.uses.remember([TABLE], []);
  await counted.check(host('a.example.com', 2));
  const registry = new Registry();
  measureEntryUses(registry, () => counted.uses.snapshot());
  const name = 'sallyport_destination_connections_total';
  const samples = [`${name}{policy="acme",list="allowedInternetDestinations",entry="a.example.com"} 2`];
  expect(await samplesOf(registry, name)).toEqual(samples);
  expect(await samplesOf(registry, name)).toEqual(samples);
});

test('EntryUses never calls an entry unused that decide() took', async () => {
  const port = fc.constantFrom(443, 80, 8443);
  const protocol = fc.constantFrom('TLS', 'HTTP', 'TCP');
  const entry = fc.record(
    {
      destination: fc.constantFrom('a.example.com', '*.example.com', '*.b.example.com'),
      ports: fc.array(fc.record({ port, protocol }), { minLength: 1, maxLength: 3 }),
    },
    { requiredKeys: ['destination'] },
  );
  const name = fc.constantFrom(
    'a.example.com',
    'c.b.example.com',
    'd.example.com',
    'acme-data.s3.us-west-2.amazonaws.com',
  );
  const asked = fc.record({ name, port, protocol });
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 5 }), asked, async (entries, request) => {
      const table = tableOf(...entries);
      const counted = new Counted();
      counted.uses.remember([table], []);
      await counted.check({ ...host(request.name, 1), port: request.port });
      const { verdict, rule } = decide(indexTable(table.spec, START_MS), 'enforced', requestOf(request));
      const used = counted.uses
        .snapshot()
        .policies.flatMap((one) => one.entries.filter(({ connections }) => connections > 0));
      const key = rule === undefined ? '' : useKey(rule as Pick<EntryUse, 'list' | 'entry'>);
      return verdict !== 'ALLOW' || used.map(useKey).includes(key);
    }),
    { seed: 11, numRuns: 300 },
  );
});

function requestOf({
  name,
  port,
  protocol,
}: {
  name: string;
  port: number;
  protocol: string;
}): EgressRequest {
  if (protocol === 'HTTP') return { via: 'HTTP', host: name, port };
  const inside = protocol === 'TCP' ? ({ kind: 'OTHER' } as const) : ({ kind: 'TLS', sni: name } as const);
  return { via: 'CONNECT', host: name, port, inside };
}
