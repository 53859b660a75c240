// Configuration in files -> a real Envoy: brought into force in the safe order, and what is held back.
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { ConfigApplier, type ConfigApplierOptions } from '../../operator/gateway/config/config-applier.ts';
import { EnvoyAdmin } from '../../operator/gateway/process/envoy-admin.ts';
import type { EnvoyProcess } from '../../operator/gateway/process/envoy-process.ts';
import * as atomicFiles from '../../operator/lib/atomic-file.ts';
import type { EnvoyConfig } from '../../operator/render/envoy/envoy-config.ts';
import {
  ask,
  configFiles,
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
import { freePorts } from '../support/free-ports.ts';
import { until } from '../support/until.ts';

let fixture: EnvoyFixture;
let envoy: EnvoyProcess;
let applier: ConfigApplier;
let ports: number[];

beforeEach(async () => {
  fixture = await envoyFixture(atomicFiles, process.env['PATH']);
  envoy = fixture.supervisor();
  await envoy.start();
  applier = newApplier();
  ports = await freePorts(3);
});

afterEach(async () => {
  await applier.close();
  await fixture.remove();
});

function newApplier(more: Partial<ConfigApplierOptions> = {}): ConfigApplier {
  const { directory } = fixture;
  return new ConfigApplier({ directory, admin: envoy.admin, files: atomicFiles, drainMs: 0, ...more });
}

function workspace(name: string, index: number, text: string): EnvoyConfig {
  return workspaceConfig(fixture.directory, name, ports[index] ?? 0, text);
}

/** What Envoy calls the same in every rejected table of these tests. */
const twoWildcards = ['*', '*'];

function filesOnDisk(): Promise<string[]> {
  return configFiles(fixture.directory);
}

test('apply() brings a workspace into force and reports the version of its table', async () => {
  const result = await applier.apply(workspace('a', 0, 'hello'));
  expect(result).toEqual({
    status: 'applied',
    revisions: { 'table.a': expect.stringMatching(/^[0-9a-f]{16}$/) },
  });
  expect(await ask(ports[0] ?? 0)).toBe('200 hello');
  expect(await filesOnDisk()).toEqual(['cds/clusters.json', 'lds/listeners.json', 'rds/table.a.json']);
});

test('apply() of a change of destinations alone writes one route table and nothing else', async () => {
  const parts = [workspace('a', 0, 'one'), workspace('b', 1, 'one')];
  const before = await applier.apply(joinConfigs(...parts));
  const written: string[] = [];
  const files = {
    ...atomicFiles,
    writeFileAtomic: (path: string, ...rest: [string, { evenIfUnchanged?: boolean }?]) => {
      written.push(path);
      return atomicFiles.writeFileAtomic(path, ...rest);
    },
  };
  const next = newApplier({ files });
  const after = await next.apply(joinConfigs(...parts.slice(0, 1), workspace('b', 1, 'two')));
  expect(written).toEqual([join(fixture.directory, 'rds/table.b.json')]);
  expect(after).toMatchObject({ status: 'applied' });
  expect(after).not.toEqual(before);
  expect(await ask(ports[1] ?? 0)).toBe('200 two');
});

test('apply() changes a tunnel check, which ends its tunnels, only when the tables deny what must end', async () => {
  const config = workspace('a', 0, 'one');
  await applier.apply(config);
  const written: string[] = [];
  const files = {
    ...atomicFiles,
    writeFileAtomic: (path: string, ...rest: [string, { evenIfUnchanged?: boolean }?]) => {
      written.push(path.slice(fixture.directory.length + 1));
      return atomicFiles.writeFileAtomic(path, ...rest);
    },
  };
  const next = { ...workspace('a', 0, 'two'), internalListeners: [tunnelCheck('check-tls-a', 1)] };
  expect(await newApplier({ files }).apply(next)).toMatchObject({ status: 'applied' });
  expect(written).toEqual(['rds/table.a.json', 'lds/listeners.json']);
});

test('apply() removes listeners, clusters and tables that the configuration no longer has', async () => {
  await applier.apply(joinConfigs(workspace('a', 0, 'a'), workspace('b', 1, 'b')));
  const result = await applier.apply(workspace('a', 0, 'a'));
  expect(result).toMatchObject({ status: 'applied', revisions: { 'table.a': expect.anything() } });
  expect(await ask(ports[1] ?? 0)).toBe('ECONNREFUSED');
  expect(await filesOnDisk()).not.toContain('rds/table.b.json');
  expect(await readFile(join(fixture.directory, 'cds/clusters.json'), 'utf8')).not.toContain('check-tls-b');
  expect(await readFile(join(fixture.directory, 'lds/listeners.json'), 'utf8')).not.toContain('check-tls-b');
});

test('apply() retains what is no longer named until connections have drained', async () => {
  const slow = newApplier({ drainMs: 300 });
  await slow.apply(joinConfigs(workspace('a', 0, 'a'), workspace('b', 1, 'b')));
  await slow.apply(workspace('a', 0, 'a'));
  expect(await filesOnDisk()).toContain('rds/table.b.json');
  await until('the table is gone', async () => !(await filesOnDisk()).includes('rds/table.b.json'));
  await slow.close();
  expect(await ask(ports[0] ?? 0)).toBe('200 a');
});

test('apply() keeps the last good table when Envoy rejects a new one, also on disk, and others go on', async () => {
  await applier.apply(joinConfigs(workspace('a', 0, 'a1'), workspace('b', 1, 'b1')));
  const bad = {
    ...workspace('a', 0, 'a2'),
    routeTables: [routeTable('table.a', 'a2', 'check-tls-a', twoWildcards)],
  };
  const result = await applier.apply(joinConfigs(bad, workspace('b', 1, 'b2'), workspace('c', 2, 'c1')));
  expect(result).toMatchObject({
    status: 'heldBack',
    heldBack: [
      {
        layer: 'table',
        name: 'table.a',
        text: 'Only a single wildcard domain is permitted in route table.a',
        isFormer: true,
      },
    ],
  });
  expect(await Promise.all(ports.map((port) => ask(port)))).toEqual(['200 a1', '200 b2', '200 c1']);
  expect(await readFile(join(fixture.directory, 'rds/table.a.json'), 'utf8')).toContain('a1');
  expect(await applier.apply(joinConfigs(workspace('a', 0, 'a3'), workspace('b', 1, 'b2')))).toMatchObject({
    status: 'applied',
  });
  expect(await ask(ports[0] ?? 0)).toBe('200 a3');
});

test('apply() distinguishes a good table from a rejected one where Envoy reads the whole folder with each rename', async () => {
  const watched = ({ egressListeners, ...rest }: EnvoyConfig): EnvoyConfig => {
    const path = join(fixture.directory, 'rds');
    const text = JSON.stringify(egressListeners).replaceAll(
      '.json"}',
      `.json","watched_directory":{"path":"${path}"}}`,
    );
    return { ...rest, egressListeners: JSON.parse(text) as EnvoyConfig['egressListeners'] };
  };
  await applier.apply(
    watched(joinConfigs(workspace('a', 0, 'a1'), workspace('b', 1, 'b1'), workspace('c', 2, 'c1'))),
  );
  const bad = {
    ...workspace('a', 0, 'a2'),
    routeTables: [routeTable('table.a', 'a2', 'check-tls-a', twoWildcards)],
  };
  const result = await applier.apply(
    watched(joinConfigs(bad, workspace('b', 1, 'b2'), workspace('c', 2, 'c2'))),
  );
  expect(result).toMatchObject({ status: 'heldBack', heldBack: [{ layer: 'table', name: 'table.a' }] });
  expect(await Promise.all(ports.map((port) => ask(port)))).toEqual(['200 a1', '200 b2', '200 c2']);
});

test('apply() rejects a resource with a field that Envoy does not know', async () => {
  await applier.apply(workspace('a', 0, 'a1'));
  const table = routeTable('table.a', 'a2', 'check-tls-a');
  const bad = {
    ...workspace('a', 0, 'a2'),
    routeTables: [{ ...table, body: { ...table.body, nonsense: true } }],
  };
  const result = await applier.apply(bad);
  expect(result).toMatchObject({
    status: 'heldBack',
    heldBack: [{ layer: 'table', name: 'table.a', text: expect.stringContaining('nonsense') }],
  });
  expect(await ask(ports[0] ?? 0)).toBe('200 a1');
});

test('apply() puts an egress listener back when the new table that it names is rejected', async () => {
  await applier.apply(workspace('a', 0, 'a1'));
  const bad: EnvoyConfig = {
    ...workspace('a', 0, ''),
    routeTables: [routeTable('table.new', 'x', 'check-tls-a', twoWildcards)],
    egressListeners: [egressListener(fixture.directory, 'listener-a', ports[0] ?? 0, 'table.new')],
  };
  const result = await applier.apply(joinConfigs(bad, workspace('b', 1, 'b1')));
  expect(result).toMatchObject({
    status: 'heldBack',
    heldBack: [
      { layer: 'table', name: 'table.new', isFormer: false },
      { layer: 'listener', name: 'listener-a', isFormer: true },
    ],
  });
  expect(await ask(ports[0] ?? 0)).toBe('200 a1');
  expect(await ask(ports[1] ?? 0)).toBe('200 b1');
});

test('apply() keeps the last good listener and cluster when Envoy rejects new ones', async () => {
  await applier.apply(workspace('a', 0, 'a1'));
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
  const result = await applier.apply({ ...next, clusters: [badCluster], egressListeners: [badDoor] });
  expect(result).toMatchObject({
    status: 'heldBack',
    heldBack: [
      { layer: 'cluster', name: 'check-tls-a', text: expect.stringContaining('nonsense') },
      { layer: 'listener', name: 'listener-a', text: expect.stringContaining('nonsense') },
    ],
  });
  expect(await ask(ports[0] ?? 0)).toBe('200 a2');
});

test('apply() names the egress listener whose port another process has, and takes it once the port is free', async () => {
  const thief = createServer();
  await new Promise<void>((resolve) => thief.listen(ports[0], '127.0.0.1', resolve));
  const config = joinConfigs(workspace('a', 0, 'a1'), workspace('b', 1, 'b1'));
  const patient = newApplier({ retryMs: 0 });
  expect(await patient.apply(config)).toMatchObject({
    status: 'heldBack',
    heldBack: [
      {
        layer: 'listener',
        name: 'listener-a',
        text: expect.stringContaining('Address already in use'),
        isFormer: false,
      },
    ],
  });
  expect(await ask(ports[1] ?? 0)).toBe('200 b1');
  await new Promise((resolve) => thief.close(resolve));
  expect(await patient.apply(config)).toMatchObject({ status: 'applied' });
  expect(await ask(ports[0] ?? 0)).toBe('200 a1');
});

test('apply() lets nobody through a tunnel check that Envoy never accepted, and everything else continues', async () => {
  const bad = {
    ...workspace('b', 1, 'b1'),
    internalListeners: [
      { name: 'check-tls-b', body: { ...tunnelCheck('check-tls-b').body, internal_listener: { x: 1 } } },
    ],
  };
  const result = await applier.apply(joinConfigs(workspace('a', 0, 'a1'), bad));
  expect(result).toMatchObject({
    status: 'heldBack',
    heldBack: [{ layer: 'listener', name: 'check-tls-b', isFormer: false }],
  });
  expect(await ask(ports[0] ?? 0)).toBe('200 a1');
  expect(await ask(ports[1] ?? 0)).toBe('200 b1');
  expect(await ask(ports[1] ?? 0, '/elsewhere')).toMatch(/^503 /);
});

test('apply() keeps tables away from Envoy for which this machine has no room', async () => {
  const small = newApplier({ tableLimit: 1 });
  const result = await small.apply(joinConfigs(workspace('a', 0, 'a1'), workspace('b', 1, 'b1')));
  expect(result).toMatchObject({
    status: 'heldBack',
    heldBack: [
      {
        layer: 'table',
        name: 'table.b',
        text: 'Cannot watch route table "table.b": this machine allows 1 tables, raise fs.inotify.max_user_instances',
      },
      { layer: 'listener', name: 'listener-b', isFormer: false },
    ],
  });
  expect(await ask(ports[0] ?? 0)).toBe('200 a1');
  expect(await ask(ports[1] ?? 0)).toBe('ECONNREFUSED');
});

test('apply() writes the files while Envoy is down, and Envoy comes up with them', async () => {
  await applier.apply(workspace('a', 0, 'a1'));
  await envoy.stop();
  envoy = fixture.supervisor();
  applier = newApplier();
  expect(await applier.apply(joinConfigs(workspace('a', 0, 'a2'), workspace('b', 1, 'b1')))).toEqual({
    status: 'notRunning',
    problems: [],
  });
  await envoy.start();
  expect(await Promise.all(ports.slice(0, 2).map((port) => ask(port)))).toEqual(['200 a2', '200 b1']);
  expect(await applier.apply(joinConfigs(workspace('a', 0, 'a2'), workspace('b', 1, 'b1')))).toMatchObject({
    status: 'applied',
  });
});

test('a new applier continues where a killed one stopped, and removes rejected resources from disk', async () => {
  await applier.apply(workspace('a', 0, 'a1'));
  const path = join(fixture.directory, 'rds/table.a.json');
  await atomicFiles.writeFileAtomic(
    path,
    (await readFile(path, 'utf8')).replace('"*"', '"*","*"').replace(/info":"\w+/, 'info":"x'),
  );
  await writeFile(`${path}.0a1b2c3d.tmp`, 'torn');
  const next = newApplier();
  expect(await next.apply(workspace('a', 0, 'a2'))).toMatchObject({ status: 'applied' });
  expect(await ask(ports[0] ?? 0)).toBe('200 a2');
  expect(await filesOnDisk()).toEqual(['cds/clusters.json', 'lds/listeners.json', 'rds/table.a.json']);
});

test('apply() reports that Envoy does not answer in time, and reads the outcome later', async () => {
  await applier.apply(workspace('a', 0, 'a1'));
  const pid = envoy.pid ?? 0;
  const hasty = newApplier({
    timeoutMs: 2_000,
    admin: new EnvoyAdmin(join(fixture.directory, 'admin.sock'), { timeoutMs: 2_000 }),
  });
  expect(await hasty.apply(workspace('a', 0, 'a1'))).toMatchObject({ status: 'applied' });
  process.kill(pid, 'SIGSTOP');
  expect(await hasty.apply(workspace('a', 0, 'a2'))).toMatchObject({
    status: 'timeout',
    step: 'routeTables',
  });
  expect(await hasty.apply(workspace('a', 0, 'a2'))).toMatchObject({ status: 'timeout', step: 'query' });
  process.kill(pid, 'SIGCONT');
  expect(await hasty.apply(workspace('a', 0, 'a2'))).toMatchObject({ status: 'applied' });
  expect(await ask(ports[0] ?? 0)).toBe('200 a2');
});

test('apply() never lets a client of another workspace or of a changed table see a 404 or a 503', async () => {
  await applier.apply(workspace('a', 0, 'a'));
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
    expect(await applier.apply(joinConfigs(moved, workspace('b', 1, `b${round}`)))).toMatchObject({
      status: 'applied',
    });
    expect(await applier.apply(moved)).toMatchObject({ status: 'applied' });
  }
  busy = false;
  await client;
  expect([...answers.keys()]).toEqual(['200 a']);
  expect(await ask(ports[1] ?? 0)).toBe('ECONNREFUSED');
  expect(await filesOnDisk()).toEqual(['cds/clusters.json', 'lds/listeners.json', 'rds/table.x4.json']);
  expect(await applier.apply(emptyConfig)).toEqual({ status: 'applied', revisions: {} });
});
