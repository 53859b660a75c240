// What pods reach, by name and straight: of workspaces that differ, of one in dry-run, of one with full access, and of
// none. With CNI=bridge, which enforces nothing, what is straight is open: the negative control of this very table.
import { kubectlJson } from '../support/nodes/commands.ts';
import { GATEWAYS, OPERATORS, onePod, SYSTEM } from '../support/nodes/pods.ts';
import { type Attempt, arrivals, reach } from '../support/nodes/reach.ts';
import { TO_NODE } from '../support/nodes/workspaces.ts';

const ENFORCES = process.env['CNI'] !== 'bridge';
/** Of an attempt that isolation denies: nobody answers. */
const CLOSED = ENFORCES ? /^(silence|ECONNREFUSED|EHOSTUNREACH|EPERM)$/ : /^(open|200|404|ECONNREFUSED)$/;

interface Lane {
  readonly address: string;
  readonly firstPort: number;
}

interface Plan {
  readonly spec: {
    readonly lanes: readonly {
      readonly lane: string;
      readonly firstPort: number;
      readonly serviceAddresses: readonly string[];
    }[];
  };
}

async function laneOf(workspace: string): Promise<Lane> {
  const { spec } = await kubectlJson<Plan>(['-n', SYSTEM, 'get', 'workspaceplan', workspace]);
  const [lane] = spec.lanes;
  return { address: lane?.serviceAddresses[0] ?? '', firstPort: lane?.firstPort ?? 0 };
}

async function ipOf(namespace: string, labels: string): Promise<string> {
  return (await onePod(namespace, labels)).status.podIP ?? '';
}

let a: Lane;
let b: Lane;
let straight: Readonly<Record<string, Attempt>>;
let laneOfB: Readonly<Record<string, Attempt>>;
let laneOfA: Readonly<Record<string, Attempt>>;
let health: Readonly<Record<string, Attempt>>;
let nodeAddress: string;

beforeAll(async () => {
  [a, b] = [await laneOf('ws-a'), await laneOf('ws-b')];
  const gateway = await ipOf(SYSTEM, GATEWAYS);
  const operator = await ipOf(SYSTEM, OPERATORS);
  const dns = await ipOf('kube-system', 'k8s-app=kube-dns');
  const other = await ipOf('ws-b', 'app=client');
  const plain = await ipOf('plain', 'app=client');
  nodeAddress = (await apiServerAddresses())[0] ?? '';
  const tcp = (address: string, port: number): Attempt => ({ way: 'tcp', address, port });
  const udp = (address: string, port: number): Attempt => ({ way: 'udp', address, port });
  health = { 'gateway health': tcp(gateway, 8081), 'operator health': tcp(operator, 8081) };
  straight = {
    ...health,
    'internet TLS': tcp('5.5.5.5', 443),
    'internet HTTP': tcp('5.5.5.5', 80),
    'internet 8080': tcp('5.5.5.5', 8080),
    'internet DNS': udp('5.5.5.5', 53),
    'internet QUIC': udp('5.5.5.5', 443),
    'API server by Service': tcp('10.96.0.1', 443),
    'API server by node': tcp(nodeAddress, 6443),
    kubelet: tcp(nodeAddress, 10_250),
    'cluster DNS by Service': udp('10.96.0.10', 53),
    'cluster DNS by pod': udp(dns, 53),
    'pod of another workspace': tcp(other, 80),
    'pod of no workspace': tcp(plain, 80),
  };
  laneOfB = lane(b, gateway);
  laneOfA = lane(a, gateway);
});

async function apiServerAddresses(): Promise<readonly string[]> {
  const { subsets } = await kubectlJson<{
    subsets: readonly { readonly addresses: readonly { readonly ip: string }[] }[];
  }>(['get', 'endpoints', 'kubernetes']);
  return subsets.flatMap(({ addresses }) => addresses.map(({ ip }) => ip));
}

function lane({ address, firstPort }: Lane, gateway: string): Readonly<Record<string, Attempt>> {
  const tcp = (host: string, port: number): Attempt => ({ way: 'tcp', address: host, port });
  return {
    'proxy by Service': tcp(address, 3128),
    'TLS by Service': tcp(address, 443),
    'HTTP by Service': tcp(address, 80),
    'DNS by Service': { way: 'udp', address, port: 53 },
    'proxy by gateway': tcp(gateway, firstPort),
    'TLS by gateway': tcp(gateway, firstPort + 1),
    'DNS by gateway': { way: 'udp', address: gateway, port: firstPort + 3 },
  };
}

function everyOne<Name extends string>(attempts: Readonly<Record<Name, unknown>>, outcome: unknown) {
  return Object.fromEntries(Object.keys(attempts).map((name) => [name, outcome]));
}

const closed: unknown = expect.stringMatching(CLOSED);

test('a restricted workspace reaches what its policy names, by every way, and nothing else by name', async () => {
  const listed = 'https://allowed.example/';
  const found = await reach('ws-a', {
    'CONNECT, listed': { way: 'proxy', url: listed },
    'CONNECT, not listed': { way: 'proxy', url: 'https://denied.example/' },
    'CONNECT, listed elsewhere': { way: 'proxy', url: 'https://b-allowed.example/' },
    'CONNECT, listed, at a node': { way: 'proxy', url: `https://${TO_NODE}:443/` },
    'CONNECT, listed, at metadata': { way: 'proxy', url: 'https://to-metadata.example/' },
    'HTTP, listed': { way: 'proxy', url: 'http://allowed.example/' },
    'HTTP, not listed': { way: 'proxy', url: 'http://denied.example/' },
    'TLS by DNS, listed': { way: 'dns', url: listed },
    'TLS by DNS, not listed': { way: 'dns', url: 'https://denied.example/' },
    'TLS to the lane, not listed': { way: 'to', url: 'https://denied.example/', address: a.address },
    'HTTP by DNS, listed': { way: 'dns', url: 'http://allowed.example/' },
    'HTTP to the lane, not listed': { way: 'to', url: 'http://denied.example/', address: a.address },
  });
  expect(found).toEqual({
    'CONNECT, listed': '200',
    'CONNECT, not listed': '403 DESTINATION_NOT_ALLOWED',
    'CONNECT, listed elsewhere': '403 DESTINATION_NOT_ALLOWED',
    'CONNECT, listed, at a node': expect.not.stringMatching(/^200/),
    'CONNECT, listed, at metadata': expect.not.stringMatching(/^200/),
    'HTTP, listed': '200',
    'HTTP, not listed': '403 DESTINATION_NOT_ALLOWED',
    'TLS by DNS, listed': '200',
    'TLS by DNS, not listed': 'ENOTFOUND',
    'TLS to the lane, not listed': expect.stringMatching(/^(closed|ECONNRESET)$/),
    'HTTP by DNS, listed': '200',
    'HTTP to the lane, not listed': '403 DESTINATION_NOT_ALLOWED',
  });
});

test('it reaches its own lane, no other one, and nothing straight', async () => {
  expect(await reach('ws-a', laneOfA)).toEqual(everyOne(laneOfA, 'open'));
  const elsewhere = await reach('ws-a', laneOfB);
  expect(elsewhere).toEqual(everyOne(laneOfB, ENFORCES ? closed : 'open'));
  expect(await reach('ws-a', straight)).toEqual(everyOne(straight, closed));
});

test('a workspace in dry-run reaches what is not listed, through its lane', async () => {
  const found = await reach('ws-dry', {
    listed: { way: 'proxy', url: 'https://allowed.example/' },
    'not listed': { way: 'proxy', url: 'https://denied.example/' },
    'not listed, by DNS': { way: 'dns', url: 'https://denied.example/' },
    'not listed, HTTP': { way: 'proxy', url: 'http://denied.example/' },
    metadata: { way: 'proxy', url: 'https://to-metadata.example/' },
  });
  expect(found).toEqual({
    listed: '200',
    'not listed': '200',
    'not listed, by DNS': '200',
    'not listed, HTTP': '200',
    metadata: expect.not.stringMatching(/^200/),
  });
});

test('full access and no workspace are as without the product, but for the gateways', async () => {
  const open = { way: 'to', url: 'https://denied.example/', address: '5.5.5.6' } as const;
  for (const namespace of ['ws-open', 'plain']) {
    expect(await reach(namespace, { open })).toEqual({ open: '200' });
    const lanes = await reach(namespace, laneOfA);
    expect(lanes).toEqual(everyOne(laneOfA, ENFORCES ? closed : 'open'));
    expect(await reach(namespace, health)).toEqual(everyOne(health, ENFORCES ? closed : 'open'));
  }
});

test('what came to the outside from pods of restricted workspaces came through gateways', async () => {
  const all = await arrivals();
  const peers = new Set(all.map(({ peer }) => peer));
  const restricted = [await ipOf('ws-a', 'app=client'), await ipOf('ws-b', 'app=client')];
  const seen = restricted.filter((address) => peers.has(address));
  expect(seen).toEqual([]);
  // No gateway goes to that port; the bridge gives pods the address of their node.
  const straightArrivals = all.filter(({ port }) => port === 8080);
  if (!ENFORCES) expect(straightArrivals).not.toEqual([]);
});
