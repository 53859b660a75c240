// A configuration -> a real Envoy, over xDS: brought into force in the safe order, and what is held back.
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import type { EnvoyConfig } from '../../operator/render/envoy/envoy-config.ts';
import {
  ask,
  type EgressEnvoy,
  type EnvoyFixture,
  egressListener,
  emptyConfig,
  envoyFixture,
  joinConfigs,
  routeTable,
  tunnelCheck,
  tunnelCheckCluster,
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
  egress = fixture.egress();
  ports = await freePorts(3);
});

afterEach(() => fixture.remove());

function workspace(name: string, index: number, text: string): EnvoyConfig {
  return workspaceConfig(fixture.directory, name, ports[index] ?? 0, text);
}

/** What Envoy calls the same in every rejected table of these tests. */
const twoWildcards = ['*', '*'];

/** Names of everything that Envoy has. */
async function inEnvoy(): Promise<readonly string[]> {
  const { cluster, route, listener } = await versionsInEnvoy(fixture.directory);
  return [...Object.keys(cluster), ...Object.keys(route), ...Object.keys(listener)].toSorted();
}

const ADDED =
  '^(listener_manager\\.listener|cluster_manager\\.cluster)_(added|modified|removed|in_place_updated)$';
const PARTS_OF_A = ['check-tls-a', 'check-tls-a', 'listener-a', 'table.a'];

test('a workspace is brought into force', async () => {
  expect(await egress.apply(workspace('a', 0, 'hello'))).toEqual({ status: 'applied' });
  expect(await ask(ports[0] ?? 0)).toBe('200 hello');
});

test('listeners, clusters and tables go that the configuration no longer has', async () => {
  await egress.apply(joinConfigs(workspace('a', 0, 'a'), workspace('b', 1, 'b')));
  expect(await egress.apply(workspace('a', 0, 'a'))).toEqual({ status: 'applied' });
  expect(await ask(ports[1] ?? 0)).toBe('ECONNREFUSED');
  await until('nothing else is left', async () => (await inEnvoy()).length === PARTS_OF_A.length);
  expect(await inEnvoy()).toEqual(PARTS_OF_A);
});

test('what is no longer named stays until connections have drained; ports close at once', async () => {
  egress = fixture.egress({ delivery: { drainMs: 1500 } });
  await egress.apply(joinConfigs(workspace('a', 0, 'a'), workspace('b', 1, 'b')));
  await egress.apply(workspace('a', 0, 'a'));
  expect(await ask(ports[1] ?? 0)).toBe('ECONNREFUSED');
  expect((await inEnvoy()).filter((name) => name === 'check-tls-b')).toHaveLength(2);
  await until('it is gone', async () => !(await inEnvoy()).includes('check-tls-b'));
  expect(await ask(ports[0] ?? 0)).toBe('200 a');
});

test('the last good table stays when Envoy rejects a new one, and others go on', async () => {
  await egress.apply(joinConfigs(workspace('a', 0, 'a1'), workspace('b', 1, 'b1')));
  const bad = {
    ...workspace('a', 0, 'a2'),
    routeTables: [routeTable('table.a', 'a2', 'check-tls-a', twoWildcards)],
  };
  const result = await egress.apply(joinConfigs(bad, workspace('b', 1, 'b2'), workspace('c', 2, 'c1')));
  expect(result).toMatchObject({
    status: 'heldBack',
    heldBack: [
      {
        kind: 'route',
        name: 'table.a',
        text: 'Only a single wildcard domain is permitted in route table.a',
        isFormer: true,
      },
    ],
  });
  expect(await Promise.all(ports.map((port) => ask(port)))).toEqual(['200 a1', '200 b2', '200 c1']);
  expect(await egress.apply(joinConfigs(workspace('a', 0, 'a3'), workspace('b', 1, 'b2')))).toMatchObject({
    status: 'applied',
  });
  expect(await ask(ports[0] ?? 0)).toBe('200 a3');
});

test('Envoy is not sent a resource with a field that Envoy does not know', async () => {
  await egress.apply(workspace('a', 0, 'a1'));
  const table = routeTable('table.a', 'a2', 'check-tls-a');
  const bad = {
    ...workspace('a', 0, 'a2'),
    routeTables: [{ ...table, body: { ...table.body, nonsense: true } }],
  };
  const result = await egress.apply(bad);
  expect(result).toMatchObject({
    status: 'heldBack',
    heldBack: [{ kind: 'route', name: 'table.a', text: expect.stringContaining('nonsense') }],
  });
  expect(await ask(ports[0] ?? 0)).toBe('200 a1');
});

test('an egress listener closes whose new table is rejected, and opens with a good one', async () => {
  await egress.apply(workspace('a', 0, 'a1'));
  const onNewTable = (domains: readonly string[]): EnvoyConfig => ({
    ...workspace('a', 0, ''),
    routeTables: [routeTable('table.new', 'x', 'check-tls-a', [...domains])],
    egressListeners: [egressListener(fixture.directory, 'listener-a', ports[0] ?? 0, 'table.new')],
  });
  const result = await egress.apply(joinConfigs(onNewTable(twoWildcards), workspace('b', 1, 'b1')));
  expect(result).toMatchObject({
    status: 'heldBack',
    heldBack: [
      { kind: 'route', name: 'table.new', isFormer: false },
      { kind: 'listener', name: 'listener-a', isFormer: false },
    ],
  });
  expect(await ask(ports[0] ?? 0)).toMatch(/^ECONN(?:REFUSED|RESET)$/);
  expect(await ask(ports[1] ?? 0)).toBe('200 b1');
  expect(await egress.apply(joinConfigs(onNewTable(['*']), workspace('b', 1, 'b1')))).toEqual({
    status: 'applied',
  });
  expect(await ask(ports[0] ?? 0)).toBe('200 x');
});

test('the last good listener and cluster stay when Envoy rejects new ones', async () => {
  await egress.apply(workspace('a', 0, 'a1'));
  const next = workspace('a', 0, 'a2');
  const [cluster] = next.clusters;
  const [clientPorts] = next.egressListeners;
  const badCluster = { name: 'check-tls-a', body: { ...cluster?.body, cluster_type: { name: 'nonsense' } } };
  const badDoor = {
    ...clientPorts,
    name: 'listener-a',
    routes: 'table.a',
    body: { ...clientPorts?.body, listener_filters: [{ name: 'nonsense' }] },
  };
  const result = await egress.apply({ ...next, clusters: [badCluster], egressListeners: [badDoor] });
  expect(result).toMatchObject({
    status: 'heldBack',
    heldBack: [
      { kind: 'cluster', name: 'check-tls-a', text: expect.stringContaining('nonsense') },
      { kind: 'listener', name: 'listener-a', text: expect.stringContaining('nonsense') },
    ],
  });
  expect(await ask(ports[0] ?? 0)).toBe('200 a2');
});

test('names the egress listener whose port another process has, and takes it once the port is free', async () => {
  const thief = createServer();
  await new Promise<void>((resolve) => thief.listen(ports[0], '127.0.0.1', resolve));
  const config = joinConfigs(workspace('a', 0, 'a1'), workspace('b', 1, 'b1'));
  expect(await egress.apply(config)).toMatchObject({
    status: 'heldBack',
    heldBack: [
      {
        kind: 'listener',
        name: 'listener-a',
        text: expect.stringContaining('Address already in use'),
        isFormer: false,
      },
    ],
  });
  expect(await ask(ports[1] ?? 0)).toBe('200 b1');
  await new Promise((resolve) => thief.close(resolve));
  await until('it has the port', async () => (await egress.apply(config)).status === 'applied');
  expect(await ask(ports[0] ?? 0)).toBe('200 a1');
});

test('lets nobody through a tunnel check that Envoy never accepted, and everything else continues', async () => {
  const bad = {
    ...workspace('b', 1, 'b1'),
    internalListeners: [
      { name: 'check-tls-b', body: { ...tunnelCheck('check-tls-b').body, internal_listener: { x: 1 } } },
    ],
  };
  const result = await egress.apply(joinConfigs(workspace('a', 0, 'a1'), bad));
  expect(result).toMatchObject({
    status: 'heldBack',
    heldBack: [{ kind: 'listener', name: 'check-tls-b', isFormer: false }],
  });
  expect(await ask(ports[0] ?? 0)).toBe('200 a1');
  expect(await ask(ports[1] ?? 0)).toBe('200 b1');
  expect(await ask(ports[1] ?? 0, '/elsewhere')).toMatch(/^503 /);
});

test('a new process continues where a killed one stopped, without sending Envoy anything again', async () => {
  await egress.apply(workspace('a', 0, 'a1'));
  const { pid } = egress.envoy;
  const before = await egress.envoy.admin.counters(ADDED);
  await egress.envoy.close();
  const next = fixture.egress();
  expect(await next.envoy.serveRemembered()).toBe(true);
  expect(next.envoy.pid).toBe(pid);
  expect(await next.apply(workspace('a', 0, 'a1'))).toEqual({ status: 'applied' });
  expect(await next.envoy.admin.counters(ADDED)).toEqual(before);
  expect(await next.apply(workspace('a', 0, 'a2'))).toEqual({ status: 'applied' });
  expect(await ask(ports[0] ?? 0)).toBe('200 a2');
});

test('stop() ends an Envoy that hangs in the middle of a change', async () => {
  await egress.apply(workspace('a', 0, 'a1'));
  const { pid = 0 } = egress.envoy;
  process.kill(pid, 'SIGSTOP');
  const changing = egress.apply(workspace('a', 0, 'a2'));
  await egress.envoy.stop();
  expect(await changing).toEqual({ status: 'notRunning' });
  // Until then it is there as a dead child.
  await until('it is gone', () => !existsSync(`/proc/${pid}`));
});

test('an Envoy that does not answer is reported, and has everything once it answers', async () => {
  egress = fixture.egress({ delivery: { timeoutMs: 2000 } });
  await egress.apply(workspace('a', 0, 'a1'));
  const { pid = 0 } = egress.envoy;
  process.kill(pid, 'SIGSTOP');
  expect(await egress.apply(workspace('a', 0, 'a2'))).toEqual({ status: 'timeout' });
  expect(await egress.apply(workspace('a', 0, 'a3'))).toEqual({ status: 'timeout' });
  process.kill(pid, 'SIGCONT');
  await until('it is in force', async () => {
    return (await egress.apply(workspace('a', 0, 'a3'))).status === 'applied';
  });
  expect(await ask(ports[0] ?? 0)).toBe('200 a3');
});

test('never lets a client of another workspace or of a changed table see a 404 or a 503', async () => {
  await egress.apply(workspace('a', 0, 'a'));
  const answers = new Map<string, number>();
  let busy = true;
  const client = (async () => {
    while (busy) {
      const answer = await ask(ports[0] ?? 0);
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }
  })();
  const { directory } = fixture;
  for (let round = 0; round < 5; round += 1) {
    const moved: EnvoyConfig = {
      internalListeners: [tunnelCheck(`check-tls-x${round}`)],
      clusters: [tunnelCheckCluster(`check-tls-x${round}`)],
      routeTables: [routeTable(`table.x${round}`, 'a', `check-tls-x${round}`)],
      egressListeners: [egressListener(directory, 'listener-a', ports[0] ?? 0, `table.x${round}`)],
    };
    expect(await egress.apply(joinConfigs(moved, workspace('b', 1, `b${round}`)))).toMatchObject({
      status: 'applied',
    });
    expect(await egress.apply(moved)).toMatchObject({ status: 'applied' });
  }
  busy = false;
  await client;
  expect([...answers.keys()]).toEqual(['200 a']);
  expect(await ask(ports[1] ?? 0)).toBe('ECONNREFUSED');
  expect(await egress.apply(emptyConfig)).toEqual({ status: 'applied' });
});
