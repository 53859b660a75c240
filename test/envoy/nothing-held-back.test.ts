// What Envoy rejects, a port that is taken and a file that cannot be written hold back nothing else.
import { mkdir, readFile, rename, rmdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { ConfigApplier } from '../../operator/gateway/config/config-applier.ts';
import type { EnvoyProcess } from '../../operator/gateway/process/envoy-process.ts';
import * as atomicFiles from '../../operator/lib/atomic-file.ts';
import type { ClassifiedNames } from '../../operator/render/envoy/destination-classes.ts';
import type { EnvoyConfig } from '../../operator/render/envoy/envoy-config.ts';
import {
  ask,
  configFiles,
  type EnvoyFixture,
  egressListener,
  envoyFixture,
  joinConfigs,
  routeTable,
  workspaceConfig,
} from '../support/envoy/envoy-fixture.ts';
import { freePorts } from '../support/free-ports.ts';

let fixture: EnvoyFixture;
let envoy: EnvoyProcess;
let applier: ConfigApplier;
let ports: number[];

beforeEach(async () => {
  fixture = await envoyFixture(atomicFiles, process.env['PATH']);
  envoy = fixture.supervisor();
  await envoy.start();
  const { directory } = fixture;
  // What was rejected is offered again with each call.
  applier = new ConfigApplier({ directory, admin: envoy.admin, files: atomicFiles, drainMs: 0, retryMs: 0 });
  ports = await freePorts(3);
});

afterEach(async () => {
  await applier.close();
  await fixture.remove();
});

function workspace(name: string, index: number, text: string): EnvoyConfig {
  return workspaceConfig(fixture.directory, name, ports[index] ?? 0, text);
}

/** What Envoy calls the same in every rejected table of these tests. */
const twoWildcards = ['*', '*'];

test('apply() gives a port to another listener at once, whoever had it before', async () => {
  const { directory } = fixture;
  const on = (name: string, port: number | undefined): EnvoyConfig => ({
    ...workspace('a', 0, 'a'),
    routeTables: [
      routeTable('table.a', 'a', 'check-tls-a'),
      routeTable(`table.${name}`, name, 'check-tls-a'),
    ],
    egressListeners: [egressListener(directory, name, port ?? 0, `table.${name}`)],
  });
  expect(await applier.apply(on('first', ports[1]))).toMatchObject({ status: 'applied' });
  expect(await applier.apply(on('second', ports[1]))).toMatchObject({ status: 'applied' });
  expect(await ask(ports[1] ?? 0)).toBe('200 second');
});

test('apply() lets two listeners exchange their ports', async () => {
  const { directory } = fixture;
  const config = (first: number, second: number): EnvoyConfig => ({
    ...joinConfigs(workspace('a', first, 'a'), workspace('b', second, 'b')),
    egressListeners: [
      egressListener(directory, 'listener-a', ports[first] ?? 0, 'table.a'),
      egressListener(directory, 'listener-b', ports[second] ?? 0, 'table.b'),
    ],
  });
  await applier.apply(config(0, 1));
  expect(await applier.apply(config(1, 0))).toMatchObject({ status: 'applied' });
  expect(await Promise.all(ports.slice(0, 2).map((port) => ask(port)))).toEqual(['200 b', '200 a']);
});

test('apply() leaves a port to the listener that has it where another one wants it, too', async () => {
  const rightful = workspace('b', 0, 'b');
  await applier.apply(rightful);
  for (const name of ['a', 'c']) {
    const result = await applier.apply(joinConfigs(workspace(name, 0, name), rightful));
    expect(result).toMatchObject({ status: 'heldBack', heldBack: [{ name: `listener-${name}` }] });
    expect(await ask(ports[0] ?? 0)).toBe('200 b');
  }
});

test('apply() removes what is not wanted any more while something else is rejected', async () => {
  const thief = createServer();
  await new Promise<void>((resolve) => thief.listen(ports[2], '127.0.0.1', resolve));
  const taken = workspace('c', 2, 'c');
  await applier.apply(joinConfigs(workspace('a', 0, 'a1'), workspace('b', 1, 'b'), taken));
  const result = await applier.apply(joinConfigs(workspace('a', 0, 'a2'), taken));
  await new Promise((resolve) => thief.close(resolve));
  expect(result).toMatchObject({ status: 'heldBack', heldBack: [{ name: 'listener-c' }] });
  expect(await Promise.all(ports.slice(0, 2).map((port) => ask(port)))).toEqual(['200 a2', 'ECONNREFUSED']);
  expect(await configFiles(fixture.directory)).not.toContain('rds/table.b.json');
  expect(await readFile(join(fixture.directory, 'cds/clusters.json'), 'utf8')).not.toContain('check-tls-b');
});

function allowing(...patterns: readonly string[]): readonly ClassifiedNames[] {
  const internetPorts = [{ port: 443, protocol: 'TLS' as const }];
  return [{ class: { kind: 'allowed', commonPorts: [], internetPorts, addressRanges: [] }, patterns }];
}

/** Envoy resets a connection that comes in the moment in which its listener goes. */
const CLOSED: unknown = expect.stringMatching(/^ECONN(?:REFUSED|RESET)$/);

const BOTH = allowing('x.example', 'y.example');
const ONE = allowing('x.example');

test.each([
  ['closes the egress listeners of a rejected table that has lost something', BOTH, ONE, CLOSED],
  ['keeps the last good version of a rejected table that has lost nothing', ONE, BOTH, '200 a1'],
])('apply() %s', async (_what, before, after, answer) => {
  const config = workspace('a', 0, 'a1');
  const [table = routeTable('table.a', 'a1', 'check-tls-a')] = config.routeTables;
  const others = workspace('b', 1, 'b1');
  const start = joinConfigs({ ...config, routeTables: [{ ...table, classes: before }] }, others);
  await applier.apply(start);
  const bad = { ...routeTable('table.a', 'a2', 'check-tls-a', twoWildcards), classes: after };
  const result = await applier.apply(joinConfigs({ ...config, routeTables: [bad] }, others));
  expect(result).toMatchObject({
    status: 'heldBack',
    heldBack: expect.arrayContaining([expect.objectContaining({ name: 'table.a' })]),
  });
  expect(await Promise.all(ports.slice(0, 2).map((port) => ask(port)))).toEqual([answer, '200 b1']);
  const good = { ...routeTable('table.a', 'a3', 'check-tls-a'), classes: after };
  expect(await applier.apply(joinConfigs({ ...config, routeTables: [good] }, others))).toMatchObject({
    status: 'applied',
  });
  expect(await ask(ports[0] ?? 0)).toBe('200 a3');
});

test.each([
  ['a route table', 'rds/table.a.json'],
  ['the clusters', 'cds/clusters.json'],
  ['the listeners', 'lds/listeners.json'],
])(
  'apply() goes on where the file of %s cannot be written, and writes it when it can',
  async (_what, file) => {
    const before = joinConfigs(workspace('a', 0, 'a1'), workspace('b', 1, 'b1'));
    await applier.apply(before);
    const path = join(fixture.directory, file);
    await rename(path, `${path}.kept`);
    await mkdir(path);
    const next = joinConfigs(workspace('a', 0, 'a2'), workspace('b', 1, 'b2'), workspace('c', 2, 'c1'));
    const result = await applier.apply(next);
    expect(result).toMatchObject({
      status: 'heldBack',
      heldBack: expect.arrayContaining([
        expect.objectContaining({ text: `Cannot write "${path}": a directory is in its place; remove that` }),
      ]),
    });
    expect(await ask(ports[1] ?? 0)).toBe('200 b2');
    await rmdir(path);
    await rename(`${path}.kept`, path);
    expect(await applier.apply(next)).toMatchObject({ status: 'applied' });
    expect(await Promise.all(ports.map((port) => ask(port)))).toEqual(['200 a2', '200 b2', '200 c1']);
  },
);

test('apply() names the doors that stay open because the file of the listeners cannot be written', async () => {
  await applier.apply(joinConfigs(workspace('a', 0, 'a1'), workspace('b', 1, 'b1')));
  const path = join(fixture.directory, 'lds/listeners.json');
  await rename(path, `${path}.kept`);
  await mkdir(path);
  expect(await applier.apply(workspace('a', 0, 'a2'))).toMatchObject({
    status: 'heldBack',
    heldBack: [
      { layer: 'listener', name: 'listener-b', text: expect.stringContaining(path), isFormer: true },
    ],
  });
  expect(await ask(ports[0] ?? 0)).toBe('200 a2');
  await rmdir(path);
  expect(await applier.apply(workspace('a', 0, 'a2'))).toMatchObject({ status: 'applied' });
  expect(await ask(ports[1] ?? 0)).toBe('ECONNREFUSED');
});
