// A destination that is removed, blocked or expired ends the tunnels that it had opened, and at most those of its
// tunnel check shard with them; nothing else ends any. The witnesses are real tunnels: what has to end is waited for,
// and what must live on is asked then.
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { statePaths } from '../../operator/gateway/state/state-directory.ts';
import { shardOf } from '../../operator/render/envoy/resource-names.ts';
import type { TunnelMemory } from '../../operator/render/envoy/tunnel-memory.ts';
import { startTls } from '../outside/dial.ts';
import { ask, openTunnel, type Tunnel } from '../outside/proxy-client.ts';
import { type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import { allow, DRY_RUN, type WrittenAccess, workspaceYaml } from '../support/envoy/workspace-yaml.ts';
import { until } from '../support/until.ts';

/** With so many names a table has 4 shards, with 100 more it has 8; names that are apart stay apart. */
const FIRST_SHARDS = 4;
const FILLERS = Array.from({ length: 150 }, (_, at) => `filler-${at}.example.net`);
const MORE = Array.from({ length: 600 }, (_, at) => `more-${at}.example.net`);
const DOWNLOAD = 'download.example.com';
const apart = (name: string): boolean => shardOf(name, FIRST_SHARDS) !== shardOf(DOWNLOAD, FIRST_SHARDS);
const ELSEWHERE = MORE.filter(apart).slice(0, 100);

const CANDIDATES = Array.from({ length: 100 }, (_, at) => `candidate-${at}.example.com`);
const WITNESS = CANDIDATES.find(apart) ?? '';
const [GONE = '', NEIGHBOUR = ''] = CANDIDATES.filter(
  (name) => name !== WITNESS && shardOf(name, 8) === shardOf(WITNESS, 8),
);
const WILD = 'wild.example.org';
const [UNDER, BESIDE] = [`under.${WILD}`, `beside.${WILD}`];
const SSH = 'git.example.com';
const MOVING = 'moving.example.com';
const EXPIRING = 'expiring.example.com';
const DIRECT = 'direct.example.com';
const HELD = 'held.example.com';

let fixture: GatewayFixture;

beforeAll(async () => {
  const names = [DOWNLOAD, WITNESS, GONE, NEIGHBOUR, UNDER, BESIDE, SSH, MOVING, EXPIRING, DIRECT, HELD];
  fixture = await startGateway({
    names: names.map((name) => ({ name })),
    files: {
      'lab.yaml': workspaceYaml('lab', allow([...FILLERS, DOWNLOAD, WITNESS, GONE, NEIGHBOUR])),
      'wild.yaml': workspaceYaml('wild', allow([`*.${WILD}`])),
      'raw.yaml': workspaceYaml('raw', allow([SSH], [{ port: 22, protocol: 'TCP' }])),
      'moving.yaml': workspaceYaml('moving', allow([MOVING])),
      'held.yaml': workspaceYaml('held', allow([HELD])),
      'dry.yaml': workspaceYaml('dry', { ...allow([MOVING]), ...DRY_RUN }),
    },
  });
});

afterAll(() => fixture.stop());

async function edit(workspace: string, access: WrittenAccess): Promise<void> {
  await writeFile(join(fixture.folder, `${workspace}.yaml`), workspaceYaml(workspace, access));
  await fixture.gateway.refresh();
}

function tunnelTo(workspace: string, name: string): Promise<Tunnel> {
  return openTunnel({ ...fixture.client(workspace), url: `https://${name}/` });
}

function transparentTls(workspace: string): { readonly host: string; readonly port: number } {
  const found = fixture.gateway.endpoints.workspaces.find((one) => one.workspace === workspace);
  const place = found?.products.find(({ product }) => product === 'JOBS')?.tls ?? '';
  const { hostname: host, port } = new URL(`tcp://${place}`);
  return { host, port: Number(port) };
}

/** An idle origin ends a connection some seconds after its last answer, so a tunnel that is to stay is a download. */
async function isAlive(tunnel: Tunnel): Promise<boolean> {
  return (await tunnel.get('/')).status === 200;
}

interface Download {
  readonly tunnel: Tunnel;
  /** Resolves when more of it has come; throws where it has ended. */
  goesOn(): Promise<void>;
}

async function download(workspace: string, name: string): Promise<Download> {
  const tunnel = await tunnelTo(workspace, name);
  // It never comes to its end.
  tunnel.get('/slow/1000000/20').catch(() => undefined);
  const { socket } = tunnel;
  const goesOn = async (): Promise<void> => {
    const before = socket.bytesRead;
    await until(`more of ${name} comes`, () => socket.closed || socket.bytesRead > before + 200);
    if (socket.closed) throw new Error(`The download from ${name} has ended`);
  };
  return { tunnel, goesOn };
}

/** Ends when all have ended. */
async function untilClosed(tunnels: readonly Tunnel[]): Promise<void> {
  await Promise.all(tunnels.map(({ closed }) => closed));
}

test('a long download survives 100 additions, and 100 removals in other shards', async () => {
  const long = await download('lab', DOWNLOAD);
  const base = [DOWNLOAD, GONE, NEIGHBOUR, ...FILLERS];
  for (const count of ELSEWHERE.keys()) {
    await edit('lab', allow([...base, WITNESS, ...ELSEWHERE.slice(0, count + 1)]));
  }
  for (const count of ELSEWHERE.keys()) {
    await edit('lab', allow([...base, WITNESS, ...ELSEWHERE.slice(count + 1)]));
  }
  const witness = await download('lab', WITNESS);
  await witness.goesOn();
  await edit('lab', allow(base));
  await untilClosed([witness.tunnel]);
  await fixture.denialsWith({ destination: WITNESS, reason: 'DESTINATION_REVOKED' });
  await long.goesOn();
  long.tunnel.close();
});

test('a removal ends the tunnels of its name and of its shard, and records which of them may be opened again', async () => {
  const long = await download('lab', DOWNLOAD);
  const gone = await download('lab', GONE);
  const neighbour = await tunnelTo('lab', NEIGHBOUR);
  const endedByItself = await tunnelTo('lab', GONE);
  expect(await isAlive(endedByItself)).toBe(true);
  endedByItself.close();
  await edit('lab', allow([...FILLERS, DOWNLOAD, NEIGHBOUR]));
  expect(await ask({ ...fixture.client('lab'), url: `https://${GONE}/` })).toMatchObject({
    reason: 'DESTINATION_NOT_ALLOWED',
  });
  await untilClosed([gone.tunnel, neighbour]);
  const rule = expect.stringContaining(GONE);
  await fixture.denialsWith({ destination: NEIGHBOUR });
  const [row, ...others] = await fixture.denialsWith({ destination: GONE, reason: 'DESTINATION_REVOKED' });
  expect(row).toMatchObject({ accessType: 'DROP', port: 443, sni: GONE, workspace: 'lab', rule });
  expect(others).toEqual([]);
  expect(fixture.denials.filter(({ destination }) => destination === NEIGHBOUR)).toMatchObject([
    { accessType: 'DROP', reason: 'REVOKED_WITH_SHARD', rule: expect.stringContaining(NEIGHBOUR) },
  ]);
  const again = await tunnelTo('lab', NEIGHBOUR);
  expect(await isAlive(again)).toBe(true);
  await long.goesOn();
  expect(fixture.denials.filter(({ destination }) => destination === DOWNLOAD)).toEqual([]);
  for (const { close } of [again, long.tunnel]) close();
});

test('blocking a name under a wildcard ends its tunnel', async () => {
  const [under, beside] = [await tunnelTo('wild', UNDER), await tunnelTo('wild', BESIDE)];
  await edit('wild', {
    ...allow([`*.${WILD}`]),
    blockedInternetDestinations: [{ destination: UNDER }],
  });
  await untilClosed([under, beside]);
  await fixture.denialsWith({ destination: UNDER, reason: 'DESTINATION_REVOKED' });
  await fixture.denialsWith({ destination: BESIDE, reason: 'REVOKED_WITH_SHARD' });
});

test('a destination of any bytes that is removed ends its tunnels', async () => {
  const tunnel = await openTunnel({ ...fixture.client('raw'), connect: `${SSH}:22`, sends: 'nothing' });
  await tunnel.reader.readSome();
  await edit('raw', allow(['other.example.com']));
  await untilClosed([tunnel]);
  const [row] = await fixture.denialsWith({ destination: SSH });
  expect(row).toMatchObject({ accessType: 'DROP', reason: 'DESTINATION_REVOKED', port: 22 });
});

async function tunnelMemory(): Promise<TunnelMemory> {
  const text = await readFile(statePaths(join(fixture.folder, '../state')).tunnels, 'utf8');
  return JSON.parse(text) as TunnelMemory;
}

/** How often tunnel checks have ended their tunnels, all together. */
async function tunnelCloser(): Promise<number> {
  const { generations } = await tunnelMemory();
  return Object.values(generations).reduce((sum, count) => sum + count, 0);
}

test('a client that was allowed before a removal and sends its server name afterwards is closed too', async () => {
  const client = fixture.client('held');
  const held = await openTunnel({ ...client, connect: `${HELD}:443`, sends: 'nothing' });
  held.reader.release();
  const before = await tunnelCloser();
  await edit('held', allow(['other.example.com']));
  await until('the tunnel check is closed', async () => (await tunnelCloser()) === before + 1);
  const secure = await startTls(held.socket, { host: HELD, sni: undefined, ca: client.ca }, () => undefined);
  secure.write(`GET /slow/1000000/20 HTTP/1.1\r\nHost: ${HELD}\r\n\r\n`);
  await once(secure, 'data');
  await untilClosed([held]);
  await fixture.denialsWith({ destination: HELD, reason: 'DESTINATION_REVOKED' });
  expect(await tunnelCloser()).toBe(before + 1);
});

test('a removal that nobody has a tunnel to closes nothing', async () => {
  const [before, { revocations }] = [await tunnelCloser(), await tunnelMemory()];
  await edit('held', allow(['another.example.com']));
  expect((await tunnelMemory()).revocations).toBe(revocations + 1);
  await until('Envoy has been asked', async () => Object.keys((await tunnelMemory()).revoked).length === 0);
  expect(await tunnelCloser()).toBe(before);
});

test('an entry that expires ends its tunnel, without any event', async () => {
  const expiresAt = `${new Date(Date.now() + 4000).toISOString().slice(0, 19)}Z`;
  const destination = { destination: EXPIRING, expiresAt };
  await edit('expiring', { allowedInternetDestinations: [destination] });
  const { tunnel, goesOn } = await download('expiring', EXPIRING);
  await goesOn();
  await untilClosed([tunnel]);
  const [row] = await fixture.denialsWith({ destination: EXPIRING, reason: 'DESTINATION_REVOKED' });
  expect(Date.parse(row?.eventTime ?? '')).toBeGreaterThan(Date.parse(expiresAt));
});

test('another policy, and the end of dry-run, end all tunnels of the workspace', async () => {
  const others = await download('lab', DOWNLOAD);
  const [moved, enforced] = [await tunnelTo('moving', MOVING), await tunnelTo('dry', MOVING)];
  const sameNames = workspaceYaml('moving', allow([MOVING])).replaceAll('moving-policy', 'another-policy');
  await writeFile(join(fixture.folder, 'moving.yaml'), sameNames);
  await edit('dry', allow([MOVING]));
  await untilClosed([moved, enforced]);
  await others.goesOn();
  expect(fixture.denials.filter(({ destination }) => destination === MOVING)).toEqual([]);
  others.tunnel.close();
});

test('a connection of a client that knows of no proxy ends alike, with one row', async () => {
  await edit('direct', allow([DIRECT]));
  const { ca } = fixture.client('direct');
  const tunnel = await openTunnel({ address: transparentTls('direct'), ca, url: `https://${DIRECT}/` });
  await edit('direct', allow(['other.example.com']));
  await untilClosed([tunnel]);
  await fixture.denialsWith({ destination: DIRECT });
  // After it every row is there.
  await fixture.stopGateway();
  expect(fixture.denials.filter(({ destination }) => destination === DIRECT)).toMatchObject([
    { accessType: 'DROP', reason: 'DESTINATION_REVOKED', port: 443, sni: DIRECT, workspace: 'direct' },
  ]);
});
