import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { policyManifest, readSnapshot, workspaceManifest } from '../../../test/fixtures/object-fixture.ts';
import { compileSnapshot } from '../../compile/plans.ts';
import { readIfExists, writeFileAtomic } from '../../lib/atomic-file.ts';
import { PRODUCTS } from '../../model/product.ts';
import type { WorkspacePlan } from '../../model/workspace-plan.ts';
import { ListenerPorts } from './listener-ports.ts';

const BLOCK = 8;

let directory: string;
let path: string;
/** Has the first port of the range. */
let server: Server;
let from: number;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sallyport-ports-'));
  path = join(directory, 'ports.json');
  server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  from = (server.address() as AddressInfo).port;
});

afterEach(async () => {
  server.close();
  await rm(directory, { recursive: true, force: true });
});

function plansOf(...workspaces: readonly string[]): readonly WorkspacePlan[] {
  const namespaces = workspaces.map((name) => workspaceManifest(name));
  return compileSnapshot(readSnapshot(...namespaces, policyManifest('default-policy'))).plans;
}

/** On an address where nobody else listens, unless another is given. */
function openPorts(blocks: number, address = '127.0.77.1'): Promise<ListenerPorts> {
  const range = { from, to: from + blocks * BLOCK - 1 };
  return ListenerPorts.open({ path, address, range, files: { readIfExists, writeFileAtomic } });
}

function portsOf(ports: ListenerPorts, plans: readonly WorkspacePlan[]): Readonly<Record<string, number>> {
  const egressListeners = ports.egressListenersOf(plans, []);
  return Object.fromEntries(
    egressListeners.map(({ workspace, product, port }) => [`${workspace}/${product}`, port]),
  );
}

test('ListenerPorts gives each product a block of 8, and the same one after a restart', async () => {
  const ports = await openPorts(30);
  const first = portsOf(ports, plansOf('alpha'));
  expect(new Set(Object.values(first)).size).toBe(PRODUCTS.length);
  expect(first['alpha/APPS']).toBe(from);
  await ports.save();
  const again = portsOf(await openPorts(30), plansOf('alpha', 'aaa'));
  expect(again).toMatchObject(first);
  expect(Object.keys(again)).toHaveLength(2 * PRODUCTS.length);
});

test('ListenerPorts does not hand a freed block to another workspace while others are left', async () => {
  const ports = await openPorts(30);
  const freed = new Set(Object.values(portsOf(ports, plansOf('alpha'))));
  const next = Object.values(portsOf(ports, plansOf('beta')));
  expect(next.filter((port) => freed.has(port))).toEqual([]);
});

test('ListenerPorts gives back its addresses to a workspace that was gone for a while, also over a restart', async () => {
  const ports = await openPorts(60);
  const before = portsOf(ports, plansOf('alpha', 'beta'));
  expect(portsOf(ports, [])).toEqual({});
  portsOf(ports, plansOf('gamma'));
  await ports.save();
  expect(portsOf(await openPorts(60), plansOf('alpha', 'beta', 'gamma'))).toMatchObject(before);
});

test('ListenerPorts takes up a file in which freed blocks are numbers', async () => {
  await writeFile(path, JSON.stringify({ blocks: {}, quarantine: [from] }));
  expect(portsOf(await openPorts(30), plansOf('alpha'))['alpha/APPS']).toBe(from + BLOCK);
});

test('ListenerPorts says which product is left without a port', async () => {
  const ports = await openPorts(PRODUCTS.length - 1);
  expect(Object.keys(portsOf(ports, plansOf('alpha')))).toHaveLength(PRODUCTS.length - 1);
  expect(ports.problems).toMatchObject([{ reason: 'PortsExhausted', object: 'alpha/SQL_UDF' }]);
});

test('giveUpTaken() passes over a new block whose port another process has', async () => {
  const ports = await openPorts(30, '127.0.0.1');
  expect(portsOf(ports, plansOf('alpha'))['alpha/APPS']).toBe(from);
  expect(await ports.giveUpTaken()).toBe(true);
  const after = portsOf(ports, plansOf('alpha'));
  expect(Object.keys(after)).toHaveLength(PRODUCTS.length);
  expect(Object.values(after)).not.toContain(from);
});

test('giveUpTaken() keeps a block that was remembered, and asks for nothing where all are free', async () => {
  const ports = await openPorts(30);
  const before = portsOf(ports, plansOf('alpha'));
  expect(await ports.giveUpTaken()).toBe(false);
  await ports.save();
  const remembered = await openPorts(30, '127.0.0.1');
  portsOf(remembered, plansOf('alpha'));
  expect(await remembered.giveUpTaken()).toBe(false);
  expect(portsOf(remembered, plansOf('alpha'))).toEqual(before);
});

test.each([
  '',
  'null',
  '[]',
  '{"blocks":null,"quarantine":[]}',
  '{"blocks":{"alpha/APPS":"x"},"quarantine":[]}',
])('ListenerPorts starts anew from a file that says %j', async (text) => {
  await writeFile(path, text);
  const ports = await openPorts(30);
  expect(portsOf(ports, plansOf('alpha'))['alpha/APPS']).toBe(from);
  await ports.save();
  expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ blocks: { 'alpha/APPS': from } });
});

test('a directory in place of the file is named, and ports are given all the same', async () => {
  await mkdir(path);
  const ports = await openPorts(30);
  expect(Object.keys(portsOf(ports, plansOf('alpha')))).toHaveLength(PRODUCTS.length);
  expect(await ports.save()).toBe(`Cannot write "${path}": a directory is in its place; remove that`);
});
