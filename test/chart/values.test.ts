// Values that the chart does not know, or whose kind is wrong, are named; each one that it knows is described and has a
// default.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { load } from 'js-yaml';
import { readAddress, readNameServer, readRange } from '../../operator/option-values.ts';
import { CHART, type ChartValues, Helm } from '../support/chart/helm.ts';

interface Schema {
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly $ref?: string;
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: unknown;
}

const SEED = 20_261_129;
const TEXTS = 600;
const schema = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8')) as Schema;
const defaults = load(readFileSync(join(CHART, 'values.yaml'), 'utf8')) as ChartValues;
let helm: Helm;

beforeAll(async () => {
  helm = await Helm.find();
});

afterAll(() => helm.remove());

/** "gateway.image.tag" -> its schema, for every value at every depth. */
function described({ properties = {} }: Schema, path = ''): readonly (readonly [string, Schema])[] {
  return Object.entries(properties).flatMap(([key, value]) => {
    const name = path === '' ? key : `${path}.${key}`;
    return [[name, value] as const, ...described(value, name)];
  });
}

function isRecord(value: unknown): value is ChartValues {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The keys that people may set; what a map or resources hold is theirs. */
function keysOf(values: ChartValues, { properties = {} }: Schema, path = ''): readonly string[] {
  return Object.entries(values).flatMap(([key, value]) => {
    const name = path === '' ? key : `${path}.${key}`;
    const inner = properties[key] ?? {};
    return [name, ...(isRecord(value) && inner.properties ? keysOf(value, inner, name) : [])];
  });
}

/** Every key of every depth, with a letter too many. */
function misspelt(values: ChartValues, { properties = {} }: Schema): ChartValues {
  return Object.fromEntries(
    Object.entries(values).flatMap(([key, value]) => {
      const inner = properties[key] ?? {};
      const wrong = [`${key}x`, value] as const;
      return isRecord(value) && inner.properties ? [[key, misspelt(value, inner)], wrong] : [wrong];
    }),
  );
}

it('describes every value, and closes every object', () => {
  const all = described(schema);
  expect(all.length).toBeGreaterThan(100);
  expect(all.filter(([, { description = '' }]) => !/^[A-Z].+[.]$/.test(description))).toEqual([]);
  const open = all.filter(
    ([, { properties, additionalProperties }]) => properties && additionalProperties !== false,
  );
  expect(open).toEqual([]);
});

it('has a default for every value, and no other', () => {
  const names = described(schema)
    .map(([name]) => name)
    .filter((name) => name !== 'global');
  expect(keysOf(defaults, schema).toSorted()).toEqual(names.toSorted());
});

it('rejects every misspelt value by its name', async () => {
  const { code, stderr } = await helm.template(misspelt(defaults, schema));
  expect(code).not.toBe(0);
  const unnamed = keysOf(defaults, schema).filter((name) => !stderr.includes(`'${name.split('.').at(-1)}x'`));
  expect(unnamed).toEqual([]);
});

/** A value of a kind that this one must not have. */
function wrongKind({ type, $ref }: Schema): unknown {
  return type === 'object' || type === 'array' || $ref !== undefined ? true : ['wrong'];
}

it('rejects every value of another kind by its path', async () => {
  const wrong = (inner: Schema): unknown =>
    inner.properties === undefined
      ? wrongKind(inner)
      : Object.fromEntries(Object.entries(inner.properties).map(([key, value]) => [key, wrong(value)]));
  const { stderr } = await helm.template(wrong(schema) as ChartValues);
  const leaves = described(schema).filter(([, { properties }]) => properties === undefined);
  const unnamed = leaves.filter(([name]) => !stderr.includes(`at '/${name.replaceAll('.', '/')}'`));
  expect(unnamed.map(([name]) => name)).toEqual([]);
});

it.each([
  [{ networkPolicies: { apiServer: 'anything' } }, "value must be one of 'ipBlock', 'anyAddress'"],
  [{ gateway: { replicas: 0 } }, "at '/gateway/replicas': minimum: got 0, want 1"],
  [{ clusterDns: ['kube-dns'] }, 'Cannot accept "kube-dns" in value "clusterDns": write an address such as'],
  [{ api: { enabled: true } }, 'Cannot let anybody connect to the REST API: list in "api.allowedFrom"'],
  [
    { monitoring: { serviceMonitor: { enabled: true } } },
    'Cannot let Prometheus read metrics: list in "monitoring.from"',
  ],
  [
    { monitoring: { from: [{ namespaceSelector: 'monitoring' }] } },
    "at '/monitoring/from/0/namespaceSelector': got string, want object",
  ],
  [
    { api: { allowedFrom: [{ podSelector: { matchLabel: {} } }] } },
    "at '/api/allowedFrom/0/podSelector': additional properties 'matchLabel' not allowed",
  ],
  [
    { gateway: { autoscaling: { enabled: true, minReplicas: 5, maxReplicas: 3 } } },
    'Cannot accept 5 in value "gateway.autoscaling.minReplicas": write at most maxReplicas, which is 3',
  ],
  [
    { gateway: { resources: { envoy: { requests: { memory: 'foo' } } } } },
    'Cannot accept "foo" in value "gateway.resources.envoy.requests.memory": write a quantity such as "256Mi"',
  ],
  [
    { operator: { resources: { limits: { memory: '1 Gi' } } } },
    'Cannot accept "1 Gi" in value "operator.resources.limits.memory": write a quantity such as "256Mi"',
  ],
  [
    { ingress: { resources: { envoy: { requests: { mem: '1Gi' } } } } },
    'Cannot accept value "ingress.resources.envoy.requests.mem": Kubernetes has no resource "mem"; write cpu',
  ],
  [
    { gateway: { resources: { envoy: { limits: { memory: '1Gi' } } } } },
    'Cannot set value "gateway.resources.envoy.limits.memory": set "gateway.envoyMemoryMiB" instead',
  ],
  [
    { collector: { replicas: 2 } },
    'Cannot accept 2 in value "collector.replicas": DuckDB is for one collector; write 1',
  ],
  [{ collector: { store: 'clickhouse' } }, 'write where it is in "collector.clickhouse.url"'],
  [{ collector: { store: 'otlp' } }, 'write where it is in "collector.otlp.url"'],
  [
    { collector: { clickhouse: { url: 'https://a.example' } } },
    'Cannot use value "collector.clickhouse.url": write "clickhouse" in "collector.store"',
  ],
  [
    { collector: { otlp: { url: 'https://a.example/v1/logs' } } },
    'Cannot let the collector connect to where rows go: list it in "collector.allowedTo"',
  ],
  [
    { collector: { export: { to: 's3://denials' } } },
    'Cannot export days of denials: write both the bucket in "collector.export.to"',
  ],
  [
    { collector: { export: { to: 's3://denials', url: 'https://s3.example' } } },
    'Cannot let the collector connect to where rows go: list it in "collector.allowedTo"',
  ],
  [
    { collector: { store: 'otlp', export: { to: 's3://denials', url: 'https://s3.example' } } },
    'Cannot use value "collector.export.to": write "duckdb" in "collector.store"',
  ],
])('says what is wrong with %j', async (values, sentence) => {
  const { code, stderr } = await helm.template(values);
  expect(code).not.toBe(0);
  expect(stderr).toContain(sentence);
});

/** Texts that look like addresses, ranges and name servers, of which some are. */
function addressTexts(): readonly string[] {
  const octet = fc.constantFrom('0', '7', '10', '99', '255', '256', '010', '', 'x');
  const hextet = fc.constantFrom('0', '1', 'fd00', 'AbC', '2001', '12345', '', 'g');
  const ipv4 = fc.oneof(
    fc.ipV4(),
    fc.array(octet, { minLength: 3, maxLength: 5 }).map((all) => all.join('.')),
  );
  const ipv6 = fc.array(hextet, { minLength: 2, maxLength: 9 }).map((all) => all.join(':'));
  const address = fc.oneof(ipv4, ipv6, ipv6, fc.constantFrom('::', '::1', 'fd00::', 'localhost'));
  const tail = fc.constantFrom('', '', '/0', '/8', '/32', '/33', '/128', '/129', '/08', '/', '/8/8');
  const port = fc.constantFrom('', ':53', ':0', ':65535', ':65536', ':', ':dns');
  const text = fc.oneof(
    fc.tuple(address, tail).map((parts) => parts.join('')),
    fc.tuple(address, port).map((parts) => parts.join('')),
    fc.tuple(ipv6, port).map(([host, behind]) => `[${host}]${behind}`),
  );
  // Some are well-formed by chance only; these are by design.
  const good = fc
    .tuple(fc.ipV4(), fc.constantFrom('', '/0', '/24', '/32', ':53'))
    .map((parts) => parts.join(''));
  return [...new Set(fc.sample(fc.oneof(text, text, good), { seed: SEED, numRuns: TEXTS }))];
}

function isAccepted(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch {
    return false;
  }
}

it('rejects all texts that the programs would not accept as addresses, and only these', async () => {
  const texts = addressTexts();
  const readers = {
    clusterDns: (text: string) => readAddress('--x', text),
    denyRanges: (text: string) => readRange('--x', text),
    resolvers: (text: string) => readNameServer('--x', text),
  };
  const { stderr } = await helm.template({
    clusterDns: texts,
    gateway: { denyRanges: texts, resolvers: texts },
  });
  for (const [value, read] of Object.entries(readers)) {
    const path = value === 'clusterDns' ? value : `gateway.${value}`;
    const isNamed = (text: string): boolean => stderr.includes(`Cannot accept "${text}" in value "${path}"`);
    const accepted = texts.filter((text) => isAccepted(() => read(text)));
    expect(accepted.length).toBeGreaterThan(TEXTS / 20);
    expect(texts.filter((text) => !isNamed(text))).toEqual(accepted);
  }
});

it('names every value of addresses that holds something else', async () => {
  const all = ['wrong'];
  const { code, stderr } = await helm.template({
    clusterDns: all,
    gateway: { listenAddress: 'wrong', denyRanges: all, resolvers: all },
    ingress: {
      ...{ listenAddress: 'wrong', trustedProxies: all, proxyProtocolFrom: all },
      authorize: { trustedProxies: all },
    },
    api: { trustedProxies: all },
  });
  expect(code).not.toBe(0);
  const named = [...stderr.matchAll(/Cannot accept "wrong" in value "(?<name>[^"]+)": write an? /g)];
  const wanted = described(schema)
    .map(([name]) => name)
    .filter((name) => /Dns$|Address$|Ranges$|resolvers$|Proxies$|ProtocolFrom$/.test(name));
  expect(named.map(({ groups }) => groups?.['name']).toSorted()).toEqual(wanted.toSorted());
});

it.each(['1.35.9', '1.29.0'])('refuses Kubernetes %s', async (version) => {
  const { code, stderr } = await helm.template({}, ['--kube-version', version]);
  expect(code).not.toBe(0);
  expect(stderr).toContain(
    `chart requires kubeVersion: >=1.36.0-0 which is incompatible with Kubernetes v${version}`,
  );
});

it.each(['1.36.0', '1.36.3-eks-1', '1.40.0'])('accepts Kubernetes %s', async (version) => {
  expect(await helm.template({}, ['--kube-version', version])).toMatchObject({ code: 0 });
});

it.each([
  { requests: { cpu: 1, memory: '1.5Gi' }, limits: { 'example.com/gpu': '1', memory: '1e9', cpu: 0.5 } },
  { requests: { 'ephemeral-storage': '1G', memory: 268_435_456 }, limits: {} },
])('accepts %j as resources', async (resources) => {
  const values = { operator: { resources }, gateway: { resources: { agent: resources } } };
  expect(await helm.template(values)).toMatchObject({ code: 0 });
});

it('can be part of another chart', async () => {
  expect(await helm.template({ global: { team: 'platform' } })).toMatchObject({ code: 0 });
});
