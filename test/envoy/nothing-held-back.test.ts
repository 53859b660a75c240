// What Envoy rejects, a port that is taken and a file that cannot be written hold back nothing else.
import { rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { egressResources } from '../../operator/gateway/egress/egress-resources.ts';
import { ResourceFiles } from '../../operator/gateway/xds/resource-files.ts';
import type { ClassifiedNames } from '../../operator/render/envoy/destination-classes.ts';
import type { EnvoyConfig } from '../../operator/render/envoy/envoy-config.ts';
import {
  ask,
  type EgressEnvoy,
  type EnvoyFixture,
  egressListener,
  envoyFixture,
  joinConfigs,
  routeTable,
  workspaceConfig,
} from '../support/envoy/envoy-fixture.ts';
import { versionsInEnvoy } from '../support/envoy/xds-fixture.ts';
import { freePorts } from '../support/free-ports.ts';
import { until } from '../support/until.ts';

let fixture: EnvoyFixture;
let egress: EgressEnvoy;
let ports: number[];

beforeEach(async () => {
  fixture = await envoyFixture();
  // What was rejected is offered again with each call.
  egress = fixture.egress({ delivery: { retryMs: 0 } });
  ports = await freePorts(3);
});

afterEach(() => fixture.remove());

function workspace(name: string, index: number, text: string): EnvoyConfig {
  return workspaceConfig(fixture.directory, name, ports[index] ?? 0, text);
}

/** What Envoy calls the same in every rejected table of these tests. */
const twoWildcards = ['*', '*'];

test('gives a port to another listener at once, whoever had it before', async () => {
  const { directory } = fixture;
  const on = (name: string, port: number | undefined): EnvoyConfig => ({
    ...workspace('a', 0, 'a'),
    routeTables: [
      routeTable('table.a', 'a', 'check-tls-a'),
      routeTable(`table.${name}`, name, 'check-tls-a'),
    ],
    egressListeners: [egressListener(directory, name, port ?? 0, `table.${name}`)],
  });
  expect(await egress.apply(on('first', ports[1]))).toMatchObject({ status: 'applied' });
  expect(await egress.apply(on('second', ports[1]))).toMatchObject({ status: 'applied' });
  expect(await ask(ports[1] ?? 0)).toBe('200 second');
});

test('lets two listeners exchange their ports', async () => {
  const { directory } = fixture;
  const config = (first: number, second: number): EnvoyConfig => ({
    ...joinConfigs(workspace('a', first, 'a'), workspace('b', second, 'b')),
    egressListeners: [
      egressListener(directory, 'listener-a', ports[first] ?? 0, 'table.a'),
      egressListener(directory, 'listener-b', ports[second] ?? 0, 'table.b'),
    ],
  });
  await egress.apply(config(0, 1));
  expect(await egress.apply(config(1, 0))).toMatchObject({ status: 'applied' });
  expect(await Promise.all(ports.slice(0, 2).map((port) => ask(port)))).toEqual(['200 b', '200 a']);
});

test('leaves a port to the listener that has it where another one wants it, too', async () => {
  const rightful = workspace('b', 0, 'b');
  await egress.apply(rightful);
  for (const name of ['a', 'c']) {
    const result = await egress.apply(joinConfigs(workspace(name, 0, name), rightful));
    expect(result).toMatchObject({ status: 'heldBack', heldBack: [{ name: `listener-${name}` }] });
    expect(await ask(ports[0] ?? 0)).toBe('200 b');
  }
});

test('removes what is not wanted any more while something else is rejected', async () => {
  const thief = createServer();
  await new Promise<void>((resolve) => thief.listen(ports[2], '127.0.0.1', resolve));
  const taken = workspace('c', 2, 'c');
  await egress.apply(joinConfigs(workspace('a', 0, 'a1'), workspace('b', 1, 'b'), taken));
  const result = await egress.apply(joinConfigs(workspace('a', 0, 'a2'), taken));
  await new Promise((resolve) => thief.close(resolve));
  expect(result).toMatchObject({ status: 'heldBack', heldBack: [{ name: 'listener-c' }] });
  expect(await Promise.all(ports.slice(0, 2).map((port) => ask(port)))).toEqual(['200 a2', 'ECONNREFUSED']);
  await until('its cluster is gone', async () => {
    return (await versionsInEnvoy(fixture.directory)).cluster['check-tls-b'] === undefined;
  });
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
])('%s', async (_what, before, after, answer) => {
  const config = workspace('a', 0, 'a1');
  const [table = routeTable('table.a', 'a1', 'check-tls-a')] = config.routeTables;
  const others = workspace('b', 1, 'b1');
  const start = joinConfigs({ ...config, routeTables: [{ ...table, classes: before }] }, others);
  await egress.apply(start);
  const bad = { ...routeTable('table.a', 'a2', 'check-tls-a', twoWildcards), classes: after };
  const result = await egress.apply(joinConfigs({ ...config, routeTables: [bad] }, others));
  expect(result).toMatchObject({
    status: 'heldBack',
    heldBack: expect.arrayContaining([expect.objectContaining({ name: 'table.a' })]),
  });
  expect(await Promise.all(ports.slice(0, 2).map((port) => ask(port)))).toEqual([answer, '200 b1']);
  const good = { ...routeTable('table.a', 'a3', 'check-tls-a'), classes: after };
  expect(await egress.apply(joinConfigs({ ...config, routeTables: [good] }, others))).toMatchObject({
    status: 'applied',
  });
  expect(await ask(ports[0] ?? 0)).toBe('200 a3');
});

test.each(['route', 'cluster', 'listener'])(
  'changes go to Envoy where the files of a %s cannot be written, and they are written when they can',
  async (kind) => {
    await egress.apply(joinConfigs(workspace('a', 0, 'a1'), workspace('b', 1, 'b1')));
    const folder = join(fixture.directory, 'resources', kind);
    await rename(folder, `${folder}.kept`);
    await writeFile(folder, '');
    const next = joinConfigs(workspace('a', 0, 'a2'), workspace('c', 2, 'c1'));
    const { result, unsaved } = await egress.envoy.serve(egressResources(next));
    expect(result).toEqual({ status: 'applied' });
    expect(unsaved).toEqual(expect.arrayContaining([expect.stringContaining(`Cannot write "${folder}`)]));
    expect(await Promise.all(ports.map((port) => ask(port)))).toEqual(['200 a2', 'ECONNREFUSED', '200 c1']);
    await rm(folder);
    await rename(`${folder}.kept`, folder);
    expect(await egress.envoy.serve(egressResources(next))).toEqual({ result, unsaved: [] });
    await egress.envoy.close();
    const stored = await new ResourceFiles(join(fixture.directory, 'resources')).read();
    const wanted = stored?.map(({ versions: [wantedOne] }) => wantedOne?.name).toSorted();
    expect(wanted).toEqual([
      'check-tls-a',
      'check-tls-a',
      'check-tls-c',
      'check-tls-c',
      'listener-a',
      'listener-c',
      'table.a',
      'table.c',
    ]);
  },
);
