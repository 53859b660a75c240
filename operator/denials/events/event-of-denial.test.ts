import fc from 'fast-check';
import { load } from 'js-yaml';
import { storageHost } from '../../../test/fixtures/cloud-hosts.ts';
import { sampleDenial } from '../../../test/fixtures/denial-fixture.ts';
import { sampleInbound } from '../../../test/fixtures/inbound-fixture.ts';
import {
  manifest,
  policyManifest,
  readPolicy,
  readSnapshot,
  workspaceManifest,
} from '../../../test/fixtures/object-fixture.ts';
import { compileSnapshot } from '../../compile/plans.ts';
import { type DeniedTraffic, decideTraffic } from '../../compile/suggest/denied-traffic.ts';
import { suggestPolicy } from '../../compile/suggest/suggest-policy.ts';
import type { PlannedWorkspace } from '../../compile/suggest/suggestion.ts';
import { indexTable, type TableIndex } from '../../compile/table-index.ts';
import type { Denial } from '../../model/denial.ts';
import type { InboundDenial } from '../../model/inbound-denial.ts';
import type { Reason } from '../../model/reason.ts';
import { type DenialEvent, notedDenial, notedRequest } from './event-of-denial.ts';
import { EventSeriesPlan } from './event-series.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const AT_MS = Date.parse('2026-03-02T00:00:00Z');

function denied(reason: Reason, changes: Partial<Denial> = {}): Denial {
  return sampleDenial(0, { reason, policy: 'strict', destination: 'api.example', ...changes });
}

const eventOfDenial = (row: Denial): DenialEvent => notedDenial(row).event();

const OF_TLS =
  'To allow it, add under allowedInternetDestinations: - {destination: api.example, ports: [{port: 443, protocol: TLS}]}';

describe('notedDenial()', () => {
  test('says destination, port, policy, reason, and the entry that would allow it', () => {
    expect(eventOfDenial(denied('DESTINATION_NOT_ALLOWED'))).toEqual({
      ...{ type: 'Warning', reason: 'EgressDenied', action: 'Deny' },
      note: `Denied: api.example:443. Policy "strict": DESTINATION_NOT_ALLOWED, no allowed destination matches. ${OF_TLS}`,
    });
  });

  test('says the rule, and in dry-run that the connection passes', () => {
    const rule = 'blockedInternetDestinations "*.example"';
    expect(eventOfDenial(denied('DESTINATION_BLOCKED', { accessType: 'DRY_RUN_DENIAL', rule }))).toEqual({
      ...{ type: 'Warning', reason: 'EgressWouldBeDenied', action: 'Log' },
      note: `Would be denied, and passes since the policy is in dry-run: api.example:443. Policy "strict", rule ${rule}: DESTINATION_BLOCKED, a blocked destination matches, and blocked destinations take precedence. Next step: if it is needed, change blockedInternetDestinations by hand`,
    });
  });

  test('names port and protocol in the entry, or the bucket', () => {
    const entryOf = (row: Denial): string => eventOfDenial(row).note.split(': - ').at(-1) ?? '';
    expect(entryOf(denied('PORT_NOT_ALLOWED', { port: 8080, protocol: 'HTTP' }))).toBe(
      '{destination: api.example, ports: [{port: 8080, protocol: HTTP}]}',
    );
    const destination = 'acme-data.s3.us-west-2.amazonaws.com';
    expect(entryOf(denied('BUCKET_NOT_ALLOWED', { destination }))).toBe(
      '{storageDestinationType: AWS_S3, bucketName: acme-data, region: us-west-2}',
    );
  });

  test.each<[Reason, Partial<Denial>]>([
    ['DESTINATION_BLOCKED', {}],
    ['METADATA_ADDRESS', { destination: '169.254.169.254' }],
    ['ADDRESS_DENIED', {}],
    ['UNRESOLVED_OR_PRIVATE', {}],
    ['IP_LITERAL', { destination: '192.0.2.7' }],
    ['INTERNET_SEALED', {}],
    ['DESTINATION_NOT_ALLOWED', { destination: '*' }],
    ['DESTINATION_NOT_ALLOWED', { destination: 'a"\n- destination: "*' }],
    ['DESTINATION_NOT_ALLOWED', { destination: 'localhost' }],
    ['DESTINATION_NOT_ALLOWED', { sni: 'another.example' }],
    ['DESTINATION_NOT_ALLOWED', { protocol: 'TCP' }],
  ])('has no entry for %s of %j', (reason, changes) => {
    const { note } = eventOfDenial(denied(reason, changes));
    expect(note).not.toContain('To allow it');
    expect(note).not.toContain('\n');
  });

  test.each<[Reason, Partial<Denial>, string]>([
    ['UNRESOLVED_OR_PRIVATE', {}, 'Next step: check that the name resolves; .* create a PrivateEndpoint'],
    ['ADDRESS_DENIED', {}, 'Next step: .* create a PrivateEndpoint with this name and the address range'],
    ['IP_LITERAL', { destination: '192.0.2.7' }, 'Next step: no entry allows addresses: .* ask by name'],
    ['METADATA_ADDRESS', { destination: '169.254.169.254' }, 'Next step: nothing allows them, since .*'],
    ['DESTINATION_NOT_ALLOWED', { destination: 'db.team.svc' }, 'No allowed destination .*clusterAccess'],
    ['DESTINATION_NOT_ALLOWED', { destination: '*' }, 'Next step: if it is needed, add it'],
    ['TOO_MANY_NAMES', {}, 'Next step: try again'],
  ])('says what to do about %s of %j, whatever is cut', (reason, changes, step) => {
    const { note } = eventOfDenial(denied(reason, { rule: 'x'.repeat(2000), ...changes }));
    expect(note).toMatch(new RegExp(`\\. ${step}`));
    expect(Buffer.byteLength(note)).toBe(1024);
  });

  test('has one key for each destination, port, verdict and reason', () => {
    const keyOf = (changes: Partial<Denial>): string => notedDenial({ ...denied('NOT_TLS'), ...changes }).key;
    const keys = [{}, { port: 80 }, { accessType: 'DRY_RUN_DENIAL' as const }, { reason: 'NO_SNI' }].map(
      keyOf,
    );
    expect(new Set(keys).size).toBe(4);
    expect(keyOf({ source: '10.0.0.9:1', eventId: 'another', protocol: 'TLS' })).toBe(keys[0]);
  });
});

const odd = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 400 }),
  fc.string({
    unit: fc.constantFrom('\u0000', '\u009b', '\u202e', '\ud83d', '"', '\\', '\n', ': ', '\u{1f600}'),
    maxLength: 255,
  }),
  fc.constantFrom(
    'x'.repeat(65_536),
    `${'a'.repeat(63)}.`.repeat(3).concat('example'),
    '- a',
    '{',
    '&a',
    '!!js',
  ),
);
/** What YAML or people may take for something else, too. */
const label = fc.constantFrom(
  ...[
    'a',
    'example',
    'null',
    'true',
    '1e3',
    '0x1f',
    '2026-01-01',
    'xn--mnchen-3ya',
    '_dmarc',
    'x--y',
    '1',
    'no',
  ],
  'l'.repeat(63),
);
const host = fc
  .tuple(
    fc.array(label, { maxLength: 4 }),
    fc.constantFrom('com', 'example', 'e5', 'test', 'co.uk', 'zip', 'null'),
  )
  .map(([labels, last]) => [...labels, last].join('.'));
const storage = fc.constantFrom(
  ...['acme-data.s3.us-west-2.amazonaws.com', 'acme-data.s3.amazonaws.com', 's3.us-west-2.amazonaws.com'],
  ...['acct.blob.core.windows.net', 'b.storage.googleapis.com', 'storage.googleapis.com'],
);
const port = fc.constantFrom(443, 443, 80, 8443, 22, null);
const protocol = fc.constantFrom<Denial['protocol']>('TLS', 'HTTP', 'TCP', null);
const traffic = fc.record({
  ...{ destination: fc.oneof(host, host, storage, odd), port, protocol },
  sni: fc.constantFrom(null, null, 'other.example.com'),
});
type Asked = {
  readonly [Field in keyof Pick<Denial, 'destination' | 'port' | 'protocol' | 'sni'>]: Denial[Field];
};

type Access = Readonly<Record<string, readonly object[]>>;

function planned(access: Access): PlannedWorkspace {
  const assignment = manifest('PolicyAssignment', 'alpha', { networkPolicyId: 'acme' });
  const snapshot = readSnapshot(workspaceManifest('alpha'), assignment, policyManifest('acme', access));
  const { plans, tables } = compileSnapshot(snapshot);
  const [plan] = plans;
  const table = tables.find(({ metadata }) => metadata.name === plan?.spec.table);
  if (plan === undefined || table === undefined) throw new Error('no table');
  return { name: 'alpha', table: table.spec, products: plan.spec.products };
}

function indexOf(access: Access): TableIndex {
  return indexTable(planned(access).table, AT_MS);
}

function trafficOf(asked: Asked, reason = ''): DeniedTraffic {
  const evidence = { count: 1, firstSeen: '', lastSeen: '', products: [], workspaces: [], pods: [] };
  return { workspace: 'alpha', product: null, reason, isDryRun: true, evidence, ...asked };
}

function verdictOn(index: TableIndex, asked: Asked) {
  return decideTraffic(index, 'enforced', trafficOf(asked));
}

/** What else a too wide entry would allow. */
function neighboursOf({ destination }: Asked): readonly Asked[] {
  const names = [
    destination,
    `x.${destination}`,
    destination.slice(destination.indexOf('.') + 1),
    'other.com',
  ];
  const ports = [443, 80, 8443, 22];
  const kinds = ['TLS', 'HTTP', 'TCP'] as const;
  return names.flatMap((name) =>
    ports.flatMap((number) =>
      kinds.map((kind) => ({ destination: name, port: number, protocol: kind, sni: null })),
    ),
  );
}

/** Of a question for a name the port of HTTPS is assumed. */
const textOf = ({ destination, port: number, protocol: kind }: Asked): string =>
  JSON.stringify([destination, number ?? 443, number === null ? 'TLS' : (kind ?? 'TLS')]);

/** Any bytes may be TLS, too. */
const waysOf = (asked: Asked): readonly string[] =>
  (asked.protocol === 'TCP' ? (['TCP', 'TLS'] as const) : [asked.protocol]).map((kind) =>
    textOf({ ...asked, protocol: kind }),
  );

const ALLOWING = /\. To allow it, add under (\w+): (- .*)$/s;
const HOSTS_OF_ENTRY = 'allowedStorageDestinations';

describe('an Event of whatever a workload asks for', () => {
  const before: Access = {
    allowedInternetDestinations: [{ destination: 'a.example.com', ports: [{ port: 8443 }] }],
  };
  const old = indexOf(before);
  let entries = 0;

  test(`has a note that the API server takes, and an entry that allows just that (seed ${SEED})`, () => {
    const property = fc.property(traffic, fc.string({ maxLength: 300 }), (asked, policy) => {
      const { verdict, reason } = verdictOn(old, asked);
      fc.pre(verdict !== 'ALLOW');
      const { note } = eventOfDenial(denied(reason, { ...asked, policy, rule: 'ö'.repeat(300) }));
      expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1024);
      expect(note.isWellFormed()).toBe(true);
      expect(note).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
      const [, list = '', line = ''] = ALLOWING.exec(note) ?? [];
      if (list === '') return;
      entries += 1;
      const added = load(line) as readonly object[];
      expect(added).toHaveLength(1);
      const after = indexOf({ ...before, [list]: [...(before[list] ?? []), ...added] });
      expect(verdictOn(after, asked).verdict).toBe('ALLOW');
      const others = neighboursOf(asked).filter((one) => !waysOf(asked).includes(textOf(one)));
      // All hosts of a bucket are the bucket.
      for (const other of list === HOSTS_OF_ENTRY ? [] : others)
        expect([other, verdictOn(after, other).verdict]).toEqual([other, verdictOn(old, other).verdict]);
    });
    fc.assert(property, { seed: SEED, numRuns: 500 });
    expect(entries).toBeGreaterThan(50);
  });

  test(`has the entry that suggest makes of that denial (seed ${SEED})`, () => {
    const found = { allowedInternetDestinations: 0, allowedStorageDestinations: 0 };
    const policy = readPolicy(before);
    const workspaces = [planned(before)];
    const asked = traffic.chain((one) =>
      // Only of TLS there is a server name.
      fc.oneof(host, storage, storageHost).map((destination) => ({
        ...{ ...one, destination },
        sni: one.port !== null && one.protocol === 'TLS' ? one.sni : null,
      })),
    );
    const property = fc.property(asked, (one) => {
      const { reason } = verdictOn(old, one);
      const [, list = '', line = '[]'] = ALLOWING.exec(eventOfDenial(denied(reason, one)).note) ?? [];
      const { added } = suggestPolicy({
        ...{ policy, workspaces, traffic: [trafficOf(one, reason)], uses: undefined },
        ...{ wildcardZones: [], sinceMs: 0, atMs: AT_MS },
      });
      for (const entry of added) found[entry.list] += 1;
      expect(load(line)).toEqual(added.map(({ destination }) => destination));
      expect(added.map((entry) => entry.list)).toEqual(list === '' ? [] : [list]);
    });
    fc.assert(property, { seed: SEED, numRuns: 300 });
    expect(Math.min(...Object.values(found))).toBeGreaterThan(10);
  });

  test('a note that is too long is cut before its entry', () => {
    const destination = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(48)}.example.com`;
    const rule = 'x'.repeat(2000);
    const { note } = eventOfDenial(denied('PORT_NOT_ALLOWED', { destination, rule, port: 65_535 }));
    expect(Buffer.byteLength(note)).toBe(1024);
    expect(load(ALLOWING.exec(note)?.[2] ?? '')).toEqual([
      { destination, ports: [{ port: 65_535, protocol: 'TLS' }] },
    ]);
  });
});

test('notedRequest() has one series for all clients of a host, and says client, list and entry', () => {
  const [first, second] = [sampleInbound(7), sampleInbound(8)].map(notedRequest);
  expect(first?.key).toBe(second?.key);
  expect(first?.event()).toEqual({
    ...{ type: 'Warning', reason: 'IngressDenied', action: 'Deny' },
    note: 'Denied: a request from "192.0.2.7" to "a.example". IN_BLOCK_LIST, list "partners", entry "192.0.2.0/24". All such requests: kubectl sallyport denials --inbound',
  });
});

describe('requests to one host are one Event', () => {
  /** What is written of them at once: how many Events, and of how many requests. */
  function writesOf(rows: readonly InboundDenial[]) {
    const plan = new EventSeriesPlan<{ readonly isShared: boolean }>(() => undefined);
    const about = { apiVersion: 'v1', kind: 'PolicyAssignment', name: 'team-a', uid: 'uid-1' };
    for (const row of rows)
      plan.note({ denials: notedRequest(row), regarding: about, tenant: 'team-a', isCounted: true }, 0);
    return plan.due(0).map(({ series, count }) => `${count} ${series.event.note}`);
  }

  const toHosts = (
    hosts: readonly string[],
    changes: Partial<InboundDenial> = {},
  ): readonly InboundDenial[] => hosts.map((host, at) => sampleInbound(at, { ...changes, host }));
  const ports = Array.from({ length: 1000 }, (_, at) => `a.example:${at * 99}`);

  test('whatever port, case or dot they write, and another host has its own', () => {
    const writes = writesOf(toHosts([...ports, 'A.Example', 'a.example.', 'A.EXAMPLE:443', 'b.example']));
    expect(writes).toHaveLength(2);
    expect(writes[0]).toMatch(/^1003 Denied: a request from "192.0.2.0" to "a.example". IN_BLOCK_LIST/);
    expect(writes[1]).toMatch(/^1 Denied: .* to "b.example"/);
  });

  test('and so is what a proxy asks for with the name of the workspace, for each reason', () => {
    const strange = toHosts(
      ports.map((_, at) => `host-${at}.example`),
      { listener: 'authorize' },
    );
    const other = toHosts(['c.example'], { listener: 'authorize', reason: 'NOT_IN_ALLOW_LIST' });
    const writes = writesOf([...strange, ...other, ...toHosts(['a.example'])]);
    expect(writes.map((write) => write.split(' ', 1)[0])).toEqual(['1000', '1', '1']);
    expect(writes.at(-1)).toContain('to "a.example"');
  });
});
