import fc from 'fast-check';
import { GATEWAY_SETTINGS } from '../../../test/fixtures/gateway-settings.ts';
import { type RouteRequest, routeChooser } from '../../../test/fixtures/route-choice.ts';
import { type Decision, decide, type EgressRequest } from '../../compile/decide.ts';
import { indexTable } from '../../compile/table-index.ts';
import { type DestinationGroup, type EgressTable, ENTRY_LISTS } from '../../model/egress-table.ts';
import { classifyNames } from './destination-classes.ts';
import type { EgressListener, GatewayLane } from './envoy-config.ts';
import { renderEnvoy } from './render-envoy.ts';

type Groups = readonly DestinationGroup[];

const BUCKET = 'acme-data.s3.us-west-2.amazonaws.com';
const NAMES = [
  'example.com',
  'a.example.com',
  'b.a.example.com',
  'c.b.a.example.com',
  'x.example.com',
  'notexample.com',
  BUCKET,
  'other.s3.us-west-2.amazonaws.com',
  's3.us-west-2.amazonaws.com',
  'sts.us-west-2.amazonaws.com',
  'acct.blob.core.windows.net',
  'acct.database.windows.net',
  'storage.googleapis.com',
  'stranger.storage.googleapis.com',
  'pubsub.googleapis.com',
  'stranger.nyc3.digitaloceanspaces.com',
  'metadata.google.internal',
  'other.google.internal',
];
const PATTERNS = [
  ...NAMES,
  '*.example.com',
  '*.a.example.com',
  '*.b.a.example.com',
  '*.us-west-2.amazonaws.com',
  '*.s3.us-west-2.amazonaws.com',
  '*.amazonaws.com',
  '*.windows.net',
  '*.core.windows.net',
  '*.googleapis.com',
  '*.nyc3.digitaloceanspaces.com',
  '*.com',
  '*.net',
  '*.google.internal',
];
const PORTS = [80, 443, 5432];

function tableOf(groups: Groups): EgressTable {
  const spec = { networkPolicyId: 'acme', revision: 'r1', groups: [...groups] };
  return { kind: 'EgressTable', metadata: { name: 'acme-1' }, spec };
}

const groups: fc.Arbitrary<Groups> = fc.array(
  fc
    .record({
      list: fc.constantFrom(...ENTRY_LISTS),
      ports: fc.uniqueArray(
        fc.record({
          port: fc.constantFrom(...PORTS),
          protocol: fc.constantFrom('TLS' as const, 'HTTP' as const, 'TCP' as const),
        }),
        { maxLength: 3, selector: ({ port, protocol }) => `${port}/${protocol}` },
      ),
      names: fc.uniqueArray(fc.constantFrom(...PATTERNS), { minLength: 1, maxLength: 8 }),
    })
    .map((group) => ({
      ...group,
      source: 'NetworkPolicy/acme',
      ports: group.list === 'blockedInternetDestinations' ? [] : group.ports,
      ...(group.list === 'privateEndpoints' ? { addressRanges: ['10.0.0.0/8'] } : {}),
    })),
  { maxLength: 6 },
);

const inside = fc.oneof(
  fc.record({ kind: fc.constant('TLS' as const), sni: fc.constantFrom(...NAMES, null) }),
  fc.constant({ kind: 'OTHER' as const }),
  fc.constant({ kind: 'TLS' as const, sni: 'same' }),
);

const requests: fc.Arbitrary<EgressRequest> = fc
  .record({
    via: fc.constantFrom('HTTP', 'CONNECT'),
    host: fc.constantFrom(...NAMES),
    port: fc.constantFrom(...PORTS, 8443),
    inside,
  })
  .map(({ via, host, port, inside: bytes }) => {
    if (via === 'HTTP') return { via: 'HTTP', host, port };
    return {
      via: 'CONNECT',
      host,
      port,
      inside: bytes.kind === 'TLS' && bytes.sni === 'same' ? { ...bytes, sni: host } : bytes,
    };
  });

const lanes = fc.constantFrom<GatewayLane>('dry-run', 'sealed-dry-run', 'enforced', 'sealed');

/** What the rendered routes and the tunnel checks behind them make of a request. */
function envoyDecision(
  table: EgressTable,
  lane: GatewayLane,
  request: EgressRequest,
): Pick<Decision, 'verdict' | 'reason'> {
  const input = {
    tables: [table],
    egressListeners: [egressListenerIn(lane)],
    settings: GATEWAY_SETTINGS,
    atMs: 0,
  };
  const [rendered] = renderEnvoy(input).routeTables;
  const choice = routeChooser(rendered?.body ?? {})(routeRequest(request));
  const [, decision, reason] = /^(drop|dry-run):(.+)$/.exec(choice?.name ?? '') ?? [];
  if (reason === undefined) return guardDecision(choice?.cluster ?? '', request);
  return { verdict: decision === 'drop' ? 'DROP' : 'DRY_RUN_DENIAL', reason: reason as Decision['reason'] };
}

function egressListenerIn(lane: GatewayLane): EgressListener {
  const whose = { workspace: 'w', workspaceId: '1', product: 'GENERAL', networkPolicyId: 'acme' } as const;
  return { name: 'proxy', ...whose, lane, table: 'acme-1', address: '127.0.0.1', port: 10_000, tlsPorts: [] };
}

function routeRequest({ via, host, port }: EgressRequest): RouteRequest {
  const authority = via === 'HTTP' && port === 80 ? host : `${host}:${port}`;
  return { isConnect: via === 'CONNECT', authority, headers: {} };
}

/** A tunnel check that reads the ClientHello compares the server name with the host; the others let every byte through. */
function guardDecision(tunnelCheck: string, request: EgressRequest): Pick<Decision, 'verdict' | 'reason'> {
  const isWatched = /^check-watch-dry-run/.test(tunnelCheck);
  const plannedChecks = isWatched || /^check-(?:tls-acme|private-tls-)/.test(tunnelCheck);
  if (request.via === 'HTTP' || !plannedChecks) return { verdict: 'ALLOW', reason: 'DESTINATION_ALLOWED' };
  const verdict = isWatched ? 'DRY_RUN_DENIAL' : 'DROP';
  if (request.inside.kind === 'OTHER') return { verdict, reason: 'NOT_TLS' };
  if (request.inside.sni === null) return { verdict, reason: 'NO_SNI' };
  if (request.inside.sni !== request.host) return { verdict, reason: 'SNI_MISMATCH' };
  return { verdict: 'ALLOW', reason: 'DESTINATION_ALLOWED' };
}

function group(
  list: DestinationGroup['list'],
  names: string[],
  ports: DestinationGroup['ports'] = [],
): DestinationGroup {
  return { list, source: 'NetworkPolicy/acme', ports, names };
}

describe('classifyNames()', () => {
  const TLS = [{ port: 443, protocol: 'TLS' as const }];

  it('agrees with decide(): the routes of a table mean what the table says, in all four lanes', () => {
    fc.assert(
      fc.property(groups, lanes, fc.array(requests, { minLength: 1, maxLength: 8 }), (found, lane, asked) => {
        const table = tableOf(found);
        const index = indexTable(table.spec, 0);
        const expected = asked.map((request) => decide(index, lane, request));
        const actual = asked.map((request) => envoyDecision(table, lane, request));
        expect(actual).toEqual(expected.map(({ verdict, reason }) => ({ verdict, reason })));
      }),
      { numRuns: 400 },
    );
  });

  it('agrees with decide() where a table denies everything', () => {
    const table = tableOf([]);
    const denied: EgressTable = { ...table, spec: { ...table.spec, denyReason: 'POLICY_NOT_FOUND' } };
    fc.assert(
      fc.property(lanes, requests, (lane, request) => {
        const { verdict, reason } = decide(indexTable(denied.spec, 0), lane, request);
        expect(envoyDecision(denied, lane, request)).toEqual({ verdict, reason });
      }),
    );
  });

  it('merges what a broader entry blocks into the narrower one', () => {
    const table = tableOf([
      group('allowedInternetDestinations', ['a.example.com', 'example.org'], TLS),
      group('blockedInternetDestinations', ['*.example.com']),
    ]);
    expect(classifyNames(indexTable(table.spec, 0))).toMatchObject([
      { class: { kind: 'allowed' }, patterns: ['example.org'] },
      { class: { kind: 'blocked' }, patterns: ['*.example.com', 'a.example.com'] },
    ]);
  });

  it('leaves cloud metadata to its own virtual host, listed or not', () => {
    const table = tableOf([
      group('allowedInternetDestinations', ['metadata.google.internal', '*.google.internal'], TLS),
    ]);
    expect(classifyNames(indexTable(table.spec, 0)).flatMap(({ patterns }) => patterns)).toEqual([
      '*.google.internal',
    ]);
  });

  it('gives a name every address range of the private endpoints that cover it', () => {
    const table = tableOf([
      { ...group('privateEndpoints', ['api.example.com'], TLS), addressRanges: ['192.168.0.0/16'] },
      { ...group('privateEndpoints', ['*.example.com'], TLS), addressRanges: ['10.0.0.0/8'] },
    ]);
    expect(classifyNames(indexTable(table.spec, 0))).toMatchObject([
      { class: { addressRanges: ['10.0.0.0/8', '192.168.0.0/16'] }, patterns: ['api.example.com'] },
      { class: { addressRanges: ['10.0.0.0/8'] }, patterns: ['*.example.com'] },
    ]);
  });

  it('does not depend on the order of groups', () => {
    fc.assert(
      fc.property(groups, (found) => {
        const there = classifyNames(indexTable(tableOf(found).spec, 0));
        expect(classifyNames(indexTable(tableOf(found.toReversed()).spec, 0))).toEqual(there);
      }),
    );
  });
});
