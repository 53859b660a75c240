// The second layer of the address guard alone: Envoy is started with what the product gave it, with the first layer, the
// filter of its DNS caches, taken out. What it then dials nowhere, the second layer prevents.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findingOf } from '../../operator/denials/reading/log-finding.ts';
import type { XdsEnvoy } from '../../operator/gateway/xds/xds-envoy.ts';
import { parseAccessLogLine } from '../../operator/model/access-log-line.ts';
import { ask } from '../outside/proxy-client.ts';
import { pathsOf, startEditedEnvoy } from '../support/envoy/edited-envoy.ts';
import { type Client, type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import { allow, DRY_RUN, workspaceYaml } from '../support/envoy/workspace-yaml.ts';
import { until } from '../support/until.ts';

const OPEN = 'open.example.com';
const CLOSED = 'closed.example.com';
const METADATA = '169.254.169.254';
const FIRST_LAYER = 'resolved_address_filter';

let fixture: GatewayFixture;
let client: Client;
let rawClient: Client;
let envoy: XdsEnvoy;

beforeAll(async () => {
  fixture = await startGateway({
    names: [{ name: OPEN }],
    files: {
      'lab.yaml': workspaceYaml('lab', allow(['*.example.com'])),
      'raw.yaml': workspaceYaml('raw', allow(['*.example.com'], [{ port: 22, protocol: 'TCP' }])),
      'dry.yaml': workspaceYaml('dry', { ...allow([]), ...DRY_RUN }),
    },
  });
  await fixture.outside.addName({ name: CLOSED, address: fixture.outside.closedAddress });
  client = fixture.client('lab');
  rawClient = fixture.client('raw');
  envoy = await startEditedEnvoy(fixture, {
    listener: withoutFirstLayer,
    cluster: withoutFirstLayer,
  });
});

afterAll(async () => {
  await envoy?.stop();
  await fixture.stop();
});

/** What the log says was denied, as "REASON host"; the gateway that reads it was stopped before. */
async function denials(): Promise<readonly string[]> {
  const text = await readFile(join(pathsOf(fixture).envoyLog, 'access.log'), 'utf8');
  const lines = text.split('\n').flatMap((line) => parseAccessLogLine(line) ?? []);
  return lines.flatMap((line) => {
    const finding = findingOf(line);
    return finding === undefined ? [] : [`${finding.reason} ${line.context.authority}`];
  });
}

function withoutFirstLayer(text: string): string {
  expect(text).toContain(FIRST_LAYER);
  const without = (key: string, value: unknown): unknown => (key === FIRST_LAYER ? undefined : value);
  // The closed address stands in for a metadata service, which dry-run lanes deny and nothing else.
  const metadata = (value: unknown): unknown => (value === METADATA ? fixture.outside.closedAddress : value);
  return JSON.stringify(JSON.parse(text, (key, value) => metadata(without(key, value))));
}

it.each([
  ['a tunnel', 'https'],
  ['plain HTTP', 'http'],
])('still lets %s go where it may', async (_what, scheme) => {
  const result = await ask({ ...client, url: `${scheme}://${OPEN}/` });
  expect(result.outcome).toBe('ok');
});

it.each([
  ['a tunnel', 'https'],
  ['plain HTTP', 'http'],
])('does not dial a closed address for %s', async (_what, scheme) => {
  const result = await ask({ ...client, url: `${scheme}://${CLOSED}/` });
  expect(result.outcome).not.toBe('ok');
  expect(fixture.outside.dns.questionsFor(CLOSED).length).toBeGreaterThan(0);
  expect(fixture.outside.arrivalsFor(CLOSED)).toEqual([]);
});

it('still passes on a server that speaks first', async () => {
  const result = await ask({ ...rawClient, connect: `${OPEN}:22`, sends: 'nothing' });
  expect(result).toMatchObject({ outcome: 'ok', body: 'SSH-2.0-Stand-in\r\n' });
});

it('does not dial a closed address for any bytes', async () => {
  const result = await ask({ ...rawClient, connect: `${CLOSED}:22`, sends: 'nothing' });
  expect(result).toMatchObject({ outcome: 'reset' });
  expect(fixture.outside.dns.questionsFor(CLOSED).length).toBeGreaterThan(0);
  expect(fixture.outside.arrivalsFor(CLOSED)).toEqual([]);
});

it('leaves one row for each denied address, and none for the others', async () => {
  const rows = ['', ':22', ':443'].map((port) => `ADDRESS_DENIED ${CLOSED}${port}`);
  await until('the rows are written', async () => (await denials()).length >= rows.length);
  expect((await denials()).toSorted()).toEqual(rows);
});

it.each([
  ['server name', { url: `https://${CLOSED}/` }],
  ['bytes', { connect: `${CLOSED}:22`, sends: 'nothing' }],
] as const)('does not dial a metadata service in dry-run lanes, whatever the %s', async (_what, request) => {
  const result = await ask({ ...fixture.client('dry'), ...request });
  expect(result).toMatchObject({ outcome: 'reset' });
  expect(fixture.outside.arrivalsFor(CLOSED)).toEqual([]);
});
