// Tunnels that are open at the same time keep their own workspace, product, source and name. What the proxy listener
// tells a tunnel check crosses a connection pool that is keyed by its hash: an object that cannot be hashed would give
// every further tunnel the first one's identity, and one tunnel after the other would not show it.
import type { AccessLogLine } from '../../operator/model/access-log-line.ts';
import type { Denial } from '../../operator/model/denial.ts';
import type { Product } from '../../operator/model/product.ts';
import { ByteReader } from '../outside/byte-reader.ts';
import { startTls } from '../outside/dial.ts';
import { readResponse } from '../outside/http-exchange.ts';
import type { OriginPage } from '../outside/origin-page.ts';
import { openTunnel, type Tunnel } from '../outside/proxy-client.ts';
import { type Client, type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import { allow, DRY_RUN, workspaceYaml } from '../support/envoy/workspace-yaml.ts';

/** Of which 100 leave a line; what is simply allowed leaves none, unless it lasted some seconds on a busy machine. */
const TUNNELS = 160;
const HOSTS = Array.from({ length: 25 }, (_, at) => `host-${at}.example.com`);
const WORKSPACES = ['red', 'green', 'blue', 'dry'] as const;
const PRODUCTS: readonly Product[] = ['JOBS', 'NOTEBOOKS', 'APPS'];
const SOURCES = [
  '127.0.0.11',
  '127.0.0.12',
  '127.0.0.13',
  '127.0.0.14',
  '127.0.0.15',
  '127.0.0.16',
  '127.0.0.17',
];

let fixture: GatewayFixture;

beforeAll(async () => {
  const files = WORKSPACES.map((name) => {
    const access = { ...allow(['*.example.com']), ...(name === 'dry' ? DRY_RUN : {}) };
    return [`${name}.yaml`, workspaceYaml(name, access)] as const;
  });
  fixture = await startGateway({ names: HOSTS.map((name) => ({ name })), files: Object.fromEntries(files) });
});

afterAll(() => fixture.stop());

interface Opened {
  readonly workspace: string;
  readonly product: Product;
  readonly host: string;
  /** The server name inside: every other tunnel, and each in dry-run, says another one than it asked for. */
  readonly sni: string;
  readonly source: string;
  readonly client: Client;
  readonly tunnel: Tunnel;
}

/** The n-th of an endless list in which all combinations come. */
function nth<T>(values: readonly T[], n: number): T {
  return values[n % values.length] as T;
}

async function open(n: number): Promise<Opened> {
  const [workspace, product, host] = [nth(WORKSPACES, n), nth(PRODUCTS, n), nth(HOSTS, n)];
  const client = fixture.client(workspace, product);
  const localAddress = nth(SOURCES, n);
  const tunnel = await openTunnel({ ...client, localAddress, connect: `${host}:443`, sends: 'nothing' });
  const source = `${localAddress}:${tunnel.socket.localPort}`;
  const isHonest = workspace !== 'dry' && Math.floor(n / WORKSPACES.length) % 2 === 0;
  const sni = isHonest ? host : nth(HOSTS, n + 7);
  return { workspace, product, host, sni, source, client, tunnel };
}

/** Where the answer came from, or "closed". */
async function speak({ host, sni, client, tunnel }: Opened): Promise<string> {
  tunnel.reader.release();
  try {
    const socket = await startTls(tunnel.socket, { host, sni, ca: client.ca }, () => undefined);
    socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    const { body } = await readResponse(new ByteReader(socket), 'GET');
    return (JSON.parse(body) as OriginPage).origin;
  } catch {
    return 'closed';
  }
}

test(`${TUNNELS} tunnels at once: each reaches its own host, and each line of the log is about its own tunnel`, async () => {
  const opened = await Promise.all(Array.from({ length: TUNNELS }, (_, n) => open(n)));
  const answers = await Promise.all(opened.map(speak));
  expect(answers).toEqual(opened.map(expectedAnswer));
  for (const { tunnel } of opened) tunnel.close();
  const denied = opened.filter(({ host, sni }) => host !== sni);
  expect(denied).toHaveLength(100);
  await fixture.logLines(isEndOfTunnel, denied.length);
  await fixture.stopGateway();
  const lines = (await fixture.logLines(isEndOfTunnel, denied.length)).map(identityOfLine);
  expect(new Set(lines).size).toBe(lines.length);
  expect(opened.map(identityOf)).toEqual(expect.arrayContaining(lines));
  expect(lines).toEqual(expect.arrayContaining(denied.map(identityOf)));
  expect(sorted(fixture.denials.map(identityOfRow))).toEqual(sorted(denied.map(identityOf)));
});

/**
 * The line of a tunnel check, which knows of workspace, product, source and name only what the egress listener passed
 * on.
 */
function isEndOfTunnel({ listener, type }: AccessLogLine): boolean {
  return listener !== 'proxy' && type === 'TcpConnectionEnd';
}

/** Dry-run lanes let another server name through, to the host that CONNECT asked for. */
function expectedAnswer({ workspace, host, sni }: Opened): string {
  const passes = host === sni || workspace === 'dry';
  return passes ? `${fixture.outside.addressOf(host)}:443` : 'closed';
}

// Without the server name: no listener passes it to another one, and in dry-run nobody waits long for it.
function identityOf({ workspace, product, source, host }: Opened): string {
  return [workspace, `id-of-${workspace}`, product, source, host].join(' ');
}

function identityOfRow({ workspace, workspaceId, product, source, destination }: Denial): string {
  return [workspace, workspaceId, product, source, destination].join(' ');
}

function identityOfLine({ context }: AccessLogLine): string {
  const { workspace, workspaceId, product, source, authority } = context;
  return [workspace, workspaceId, product, source, authority.replace(/:443$/, '')].join(' ');
}

function sorted(texts: readonly string[]): readonly string[] {
  return texts.toSorted();
}
