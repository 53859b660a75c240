// Transparent TLS connections of many workspaces at the same time keep their own workspace, product, source and name.
// They all pass the SNI router of their table, which knows whose they are only by what their egress listener handed
// over.
import type { Denial } from '../../operator/model/denial.ts';
import type { Product } from '../../operator/model/product.ts';
import type { OriginPage } from '../outside/origin-page.ts';
import { openTunnel, type Tunnel } from '../outside/proxy-client.ts';
import { type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import { allow, workspaceYaml } from '../support/envoy/workspace-yaml.ts';

const CONNECTIONS = 100;
const DENIED = 100;
const HOSTS = Array.from({ length: 20 }, (_, at) => `host-${at}.example.com`);
const WORKSPACES = ['red', 'green', 'blue'] as const;
const PRODUCTS: readonly Product[] = ['JOBS', 'NOTEBOOKS', 'APPS', 'GENERAL'];
const SOURCES = ['127.0.0.11', '127.0.0.12', '127.0.0.13', '127.0.0.14', '127.0.0.15'];

let fixture: GatewayFixture;

// Workspaces under one policy share a table, and so an SNI router.
beforeAll(async () => {
  const shared = workspaceYaml('red', allow(HOSTS));
  const others = ['green', 'blue'].map((name) =>
    workspaceYaml(name, allow(HOSTS)).replace(
      `networkPolicyId: ${name}-policy`,
      'networkPolicyId: red-policy',
    ),
  );
  fixture = await startGateway({
    names: HOSTS.map((name) => ({ name })),
    files: { 'all.yaml': [shared, ...others].join('') },
  });
});

afterAll(() => fixture.stop());

/** The n-th of an endless list in which all combinations come. */
function nth<T>(values: readonly T[], n: number): T {
  return values[n % values.length] as T;
}

function clientOf(n: number) {
  const [workspace, product] = [nth(WORKSPACES, n), nth(PRODUCTS, n)];
  return { workspace, product, ...fixture.direct(workspace, 443, product), localAddress: nth(SOURCES, n) };
}

async function open(n: number): Promise<{ readonly host: string; readonly tunnel: Tunnel }> {
  const host = nth(HOSTS, n);
  return { host, tunnel: await openTunnel({ ...clientOf(n), url: `https://${host}/` }) };
}

test(`${CONNECTIONS} connections at once each reach their own host`, async () => {
  const opened = await Promise.all(Array.from({ length: CONNECTIONS }, (_, n) => open(n)));
  const pages = await Promise.all(opened.map(({ tunnel }) => tunnel.get('/')));
  expect(pages.map(({ body }) => (JSON.parse(body) as OriginPage).origin)).toEqual(
    opened.map(({ host }) => `${fixture.outside.addressOf(host)}:443`),
  );
  for (const { tunnel } of opened) tunnel.close();
});

test(`${DENIED} denied ones at once are each a row of their own workspace, product, source and name`, async () => {
  const denied = Array.from({ length: DENIED }, (_, n) => ({
    ...clientOf(n),
    host: `denied-${n}.example.net`,
  }));
  const outcomes = await Promise.all(
    denied.map((client) => openTunnel({ ...client, url: `https://${client.host}/` }).catch(() => 'refused')),
  );
  expect(new Set(outcomes)).toEqual(new Set(['refused']));
  await fixture.stopGateway();
  expect(fixture.denials.map(identityOfRow).toSorted()).toEqual(
    denied
      .map(({ workspace, product, localAddress, host }) => [workspace, product, localAddress, host].join(' '))
      .toSorted(),
  );
});

function identityOfRow({ workspace, product, source, destination }: Denial): string {
  return [workspace, product, source.replace(/:\d+$/, ''), destination].join(' ');
}
