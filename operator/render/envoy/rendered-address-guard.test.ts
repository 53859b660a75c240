// Both layers of the address guard, as they stand in Envoy's configuration, against the two tables that they are made
// of: at the first and last address of every range, beside both, and in every spelling of an IPv4 address in an IPv6
// one.
import ipaddr from 'ipaddr.js';
import { GATEWAY_SETTINGS } from '../../../test/fixtures/gateway-settings.ts';
import { ADDRESS_RULE } from '../../model/access-log-line.ts';
import { METADATA_SERVICES } from '../../model/cloud-metadata.ts';
import type { EgressTable } from '../../model/egress-table.ts';
import { SPECIAL_PURPOSE_BLOCKS } from '../../model/special-purpose-registry.ts';
import type { EgressListener, GatewayLane, Json } from './envoy-config.ts';
import { renderEnvoy } from './render-envoy.ts';

interface Range {
  readonly bits: 32 | 128;
  readonly first: bigint;
  readonly last: bigint;
}

function rangeOf(address: string, length?: number): Range {
  const bytes = ipaddr.parse(address).toByteArray();
  const bits = bytes.length === 4 ? 32 : 128;
  const number = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const size = 1n << BigInt(bits - (length ?? bits));
  return { bits, first: number - (number % size), last: number - (number % size) + size - 1n };
}

function rangeOfText(text: string): Range {
  const [address = '', length] = text.split('/');
  return rangeOf(address, length === undefined ? undefined : Number(length));
}

type Address = Pick<Range, 'bits'> & { readonly number: bigint };

function isIn(ranges: readonly Range[], { bits, number }: Address): boolean {
  return ranges.some((range) => range.bits === bits && range.first <= number && number <= range.last);
}

function show({ bits, number }: Address): string {
  const bytes = Array.from({ length: bits / 8 }, (_, at) =>
    Number((number >> BigInt(bits - 8 * (at + 1))) & 255n),
  );
  return ipaddr.fromByteArray(bytes).toString();
}

const PORTS = [
  { port: 443, protocol: 'TLS' as const },
  { port: 5432, protocol: 'TCP' as const },
];
const TABLE: EgressTable = {
  kind: 'EgressTable',
  metadata: { name: 'acme-1' },
  spec: {
    networkPolicyId: 'acme',
    revision: 'r1',
    groups: [
      {
        list: 'allowedInternetDestinations',
        source: 'NetworkPolicy/acme',
        ports: PORTS,
        names: ['example.com'],
      },
      {
        list: 'privateEndpoints',
        source: 'PrivateEndpoint/corp',
        ports: PORTS,
        names: ['*.corp'],
        addressRanges: ['0.0.0.0/0', '::/0'],
      },
    ],
  },
};

function egressListenerIn(lane: GatewayLane, port: number): EgressListener {
  const whose = { workspace: 'w', workspaceId: '1', product: 'GENERAL', networkPolicyId: 'acme' } as const;
  return { name: `proxy-${lane}`, ...whose, lane, table: 'acme-1', address: '127.0.0.1', port, tlsPorts: [] };
}

const RENDERED = renderEnvoy({
  tables: [TABLE],
  egressListeners: [egressListenerIn('enforced', 10_000), egressListenerIn('dry-run', 10_008)],
  settings: GATEWAY_SETTINGS,
  atMs: 0,
});

/**
 * Every list of addresses that something in Envoy denies: of a cache, or of a filter that checks what is dialled.
 */
interface Layer {
  readonly where: string;
  /** A shadow of a filter denies nothing, and records what it would. */
  readonly kind: 'cache' | 'filter' | 'shadow';
  readonly ranges: readonly Range[];
}

interface AddressPolicy {
  readonly permissions: readonly {
    readonly matcher: { readonly typed_config: { readonly upstream_ip: Json } };
  }[];
}

function layersIn(where: string, value: unknown, kind: Layer['kind'] = 'filter'): readonly Layer[] {
  if (typeof value !== 'object' || value === null) return [];
  const object = value as Json;
  if ('resolved_address_filter' in object) {
    const { ranges } = object['resolved_address_filter'] as { readonly ranges: readonly Json[] };
    return [
      { where: `${where} ${String(object['name']).split('.')[0]}`, kind: 'cache', ranges: ranges.map(cidr) },
    ];
  }
  const policies = object['policies'] as { readonly [ADDRESS_RULE]?: AddressPolicy } | undefined;
  const permissions = policies?.[ADDRESS_RULE]?.permissions;
  if (permissions !== undefined) {
    return [{ where, kind, ranges: permissions.map((one) => cidr(one.matcher.typed_config.upstream_ip)) }];
  }
  return Object.entries(object).flatMap(([name, inner]) =>
    layersIn(where, inner, name === 'shadow_rules' ? 'shadow' : kind),
  );
}

function cidr(range: Json): Range {
  return rangeOf(String(range['address_prefix']), Number(range['prefix_len']));
}

const ALL_LAYERS = [...RENDERED.clusters, ...RENDERED.internalListeners, ...RENDERED.egressListeners].flatMap(
  ({ name, body }) => layersIn(name, body),
);
const LAYERS = ALL_LAYERS.filter(({ kind }) => kind !== 'shadow');
const SHADOWS = ALL_LAYERS.filter(({ kind }) => kind === 'shadow');
const ENFORCED = LAYERS.filter(({ where }) => /acme-1/.test(where) && !/dry-run/.test(where));
const DRY_RUN = LAYERS.filter(({ where }) => /dry-run|^watch|^pass/.test(where));
const PRIVATE = LAYERS.filter(({ where }) => /private/.test(where));

const METADATA = METADATA_SERVICES.flatMap(({ addresses }) => addresses).map(rangeOfText);
const NOT_REACHABLE = SPECIAL_PURPOSE_BLOCKS.filter(
  ({ globallyReachable }) => globallyReachable !== 'True',
).map(({ block }) => rangeOfText(block));
const MULTICAST = rangeOfText('224.0.0.0/4');
const GLOBAL_UNICAST = rangeOfText('2000::/3');

const V4_BITS = 0xffff_ffffn;
const PREFIX = (text: string): bigint => rangeOfText(text).first;
/** How an IPv4 address is written into an IPv6 one; the two with a rest leave it to chance. */
const SPELLINGS: readonly ((v4: bigint) => bigint)[] = [
  (v4) => PREFIX('::ffff:0:0') | v4,
  (v4) => v4,
  (v4) => PREFIX('::ffff:0:0:0') | v4,
  (v4) => PREFIX('64:ff9b::') | v4,
  (v4) => PREFIX('64:ff9b:1::') | v4,
  (v4) => PREFIX('64:ff9b:1:2:3:4::') | v4,
  (v4) => PREFIX('64:ff9b:1::') | ((v4 >> 16n) << 64n) | ((v4 & 0xffffn) << 40n),
  (v4) => PREFIX('2002::') | (v4 << 80n) | 0x1234n,
  (v4) => PREFIX('2001::') | (v4 ^ V4_BITS),
];

/** First, last and beside both; those of IPv4 in all spellings, too. */
const PROBES: readonly Address[] = [
  ...SPECIAL_PURPOSE_BLOCKS.map(({ block }) => rangeOfText(block)),
  ...METADATA,
  MULTICAST,
  GLOBAL_UNICAST,
].flatMap(({ bits, first, last }) => {
  const top = (1n << BigInt(bits)) - 1n;
  const numbers = [first, last, first - 1n, last + 1n].filter((number) => number >= 0n && number <= top);
  return numbers.flatMap((number) => [
    { bits, number },
    ...(bits === 32 ? SPELLINGS.map((spell) => ({ bits: 128 as const, number: spell(number) })) : []),
  ]);
});

function isNotPublic(address: Address): boolean {
  if (isIn([...NOT_REACHABLE, ...METADATA, MULTICAST], address)) return true;
  return address.bits === 128 && !isIn([GLOBAL_UNICAST], address);
}

/** By itself, and by every spelling that can be undone. */
function isMetadata(address: Address): boolean {
  const { bits, number } = address;
  if (isIn(METADATA, address)) return true;
  if (bits === 32) return false;
  const isIn6to4 = isIn([rangeOfText('2002::/16')], address);
  const inLastBits = isIn(ENDING_IN_IPV4, address);
  const inside = isIn6to4 ? (number >> 80n) & V4_BITS : inLastBits ? number & V4_BITS : undefined;
  return inside !== undefined && isIn(METADATA, { bits: 32, number: inside });
}

const ENDING_IN_IPV4 = ['::ffff:0:0/96', '::/96', '::ffff:0:0:0/96', '64:ff9b::/96', '64:ff9b:1::/96'].map(
  rangeOfText,
);
/** Behind local translation and Teredo anything may be. */
const HIDING = ['64:ff9b:1::/48', '2001::/32'].map(rangeOfText);

function wrongIn(layer: Layer, expected: (address: Address) => boolean): readonly string[] {
  return PROBES.filter((address) => isIn(layer.ranges, address) !== expected(address)).map(show);
}

it('finds both layers of every lane, and enough addresses to ask for', () => {
  for (const layers of [ENFORCED, DRY_RUN, PRIVATE]) {
    expect(new Set(layers.map(({ kind }) => kind))).toEqual(new Set(['cache', 'filter']));
  }
  expect(ENFORCED.length + DRY_RUN.length + PRIVATE.length).toBe(LAYERS.length);
  expect(PROBES.length).toBeGreaterThan(1000);
});

function valuesOf(key: string, value: unknown): readonly unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => (name === key ? [inner] : valuesOf(key, inner)));
}

it('is in no filter whose configuration a route table replaces, which goes by the name of the filter', () => {
  const replaced = valuesOf('typed_per_filter_config', RENDERED.routeTables).flatMap((one) =>
    Object.keys(one as Json),
  );
  const upstream = valuesOf('http_filters', RENDERED.clusters).flatMap((filters) =>
    valuesOf('name', filters),
  );
  expect(new Set(replaced).size).toBeGreaterThan(1);
  expect(upstream.length).toBeGreaterThan(1);
  expect(upstream.filter((name) => replaced.includes(String(name)))).toEqual([]);
});

it.each(ENFORCED.map((layer) => [`${layer.where} (${layer.kind})`, layer] as const))(
  'of an enforced lane, %s denies exactly what is not public',
  (_, layer) => {
    expect(wrongIn(layer, isNotPublic)).toEqual([]);
  },
);

function openMetadata({ ranges }: Layer, isHidden: (address: Address) => boolean): readonly string[] {
  return PROBES.filter((address) => isHidden(address) && !isIn(ranges, address)).map(show);
}

it.each([...DRY_RUN, ...PRIVATE].map((layer) => [`${layer.where} (${layer.kind})`, layer] as const))(
  '%s denies cloud metadata in every spelling, whatever else it opens',
  (_, layer) => {
    expect(openMetadata(layer, isMetadata)).toEqual([]);
    expect(isIn(layer.ranges, { bits: 32, number: rangeOfText('1.1.1.1').first })).toBe(false);
  },
);

it.each(DRY_RUN.map((layer) => [`${layer.where} (${layer.kind})`, layer] as const))(
  'of a dry-run lane, %s denies the prefixes in which a translator may hide it, too',
  (_, layer) => {
    expect(openMetadata(layer, (address) => isIn(HIDING, address))).toEqual([]);
  },
);

it('records in dry-run lanes exactly what enforced lanes deny for the same names', () => {
  const filterOf = (layers: readonly Layer[]) => layers.find(({ kind }) => kind === 'filter')?.ranges;
  const [ofAll, ofPrivate] = [false, true].map((isPrivate) =>
    SHADOWS.filter(({ where }) => where.includes('-to-') === isPrivate).map(({ ranges }) => ranges),
  );
  expect(ofAll).toEqual([filterOf(ENFORCED)]);
  expect(ofPrivate).toEqual([filterOf(PRIVATE)]);
});
