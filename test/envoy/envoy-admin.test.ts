// What a real Envoy says of itself on its admin socket, and how long a caller waits for it.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigApplier } from '../../operator/gateway/config/config-applier.ts';
import { EnvoyAdmin, EnvoyNotRunning, EnvoySilent } from '../../operator/gateway/process/envoy-admin.ts';
import type { EnvoyProcess } from '../../operator/gateway/process/envoy-process.ts';
import * as atomicFiles from '../../operator/lib/atomic-file.ts';
import {
  ask,
  type EnvoyFixture,
  egressListener,
  envoyFixture,
  routeTable,
} from '../support/envoy/envoy-fixture.ts';
import { freePorts } from '../support/free-ports.ts';
import { until } from '../support/until.ts';

let fixture: EnvoyFixture;
let envoy: EnvoyProcess;
let port: number;

beforeAll(async () => {
  fixture = await envoyFixture(atomicFiles, process.env['PATH']);
  envoy = fixture.supervisor();
  await envoy.start();
  [port = 0] = await freePorts(1);
  const { directory } = fixture;
  const applier = new ConfigApplier({ directory, admin: envoy.admin, files: atomicFiles });
  const egressListeners = [egressListener(directory, 'a', port, 'p-1.eu.shop')];
  await applier.apply({
    clusters: [],
    internalListeners: [],
    egressListeners,
    routeTables: [routeTable('p-1.eu.shop', 'a', 'x')],
  });
  await applier.close();
});

afterAll(async () => {
  await fixture.remove();
});

test('versions() reports each file by its own version, with dots in the names of tables', async () => {
  const written = async (name: string): Promise<string> => {
    const text = await readFile(join(fixture.directory, name), 'utf8');
    return (JSON.parse(text) as { version_info: string }).version_info;
  };
  const live = await envoy.admin.versions();
  expect(live.lds).toBe(await written('lds/listeners.json'));
  expect(live.cds).toBe(await written('cds/clusters.json'));
  expect([...live.rds]).toEqual([['p-1.eu.shop', await written('rds/p-1.eu.shop.json')]]);
});

test('rejectedUpdates() counts what Envoy rejected, by subscription', async () => {
  const before = await envoy.admin.rejectedUpdates();
  const path = join(fixture.directory, 'rds/p-1.eu.shop.json');
  const good = await readFile(path, 'utf8');
  await atomicFiles.writeFileAtomic(path, good.replace('"domains"', '"nonsense"'));
  await until(
    'the rejection is counted',
    async () => (await envoy.admin.rejectedUpdates()).size > before.size,
  );
  expect((await envoy.admin.rejectedUpdates()).get('http.egress.rds.p-1.eu.shop')).toBe(1);
  await atomicFiles.writeFileAtomic(path, good);
});

test('counters() and memory() read numbers, serverInfo() the version', async () => {
  await ask(port);
  const counters = await envoy.admin.counters('^http\\.egress\\.downstream_rq_total$');
  expect(counters.get('http.egress.downstream_rq_total')).toBeGreaterThan(0);
  expect((await envoy.admin.memory()).physicalBytes).toBeGreaterThan(1_000_000);
  expect(await envoy.admin.serverInfo()).toMatchObject({
    version: expect.stringMatching(/^1\.\d+\.\d+$/),
    state: 'LIVE',
  });
  expect(await envoy.admin.warming()).toBe(0);
});

test('a socket that nobody listens on differs from other failures', async () => {
  const nobody = new EnvoyAdmin(join(fixture.directory, 'nobody.sock'));
  await expect(nobody.versions()).rejects.toThrow(EnvoyNotRunning);
  expect(await nobody.ready()).toBe(false);
});

test('an Envoy that is stopped differs from one that is gone', async () => {
  const hasty = new EnvoyAdmin(join(fixture.directory, 'admin.sock'), { timeoutMs: 50 });
  process.kill(envoy.pid ?? 0, 'SIGSTOP');
  await expect(hasty.versions()).rejects.toThrow(EnvoySilent);
  process.kill(envoy.pid ?? 0, 'SIGCONT');
  await until('Envoy answers again', async () => await envoy.admin.ready());
  hasty.close();
});
