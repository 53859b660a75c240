// What a real Envoy says of itself on its admin socket, and how long a caller waits for it.
import { join } from 'node:path';
import { EnvoyAdmin, EnvoyNotRunning, EnvoySilent } from '../../operator/gateway/process/envoy-admin.ts';
import {
  ask,
  type EgressEnvoy,
  type EnvoyFixture,
  egressListener,
  envoyFixture,
  routeTable,
} from '../support/envoy/envoy-fixture.ts';
import { freePorts } from '../support/free-ports.ts';
import { until } from '../support/until.ts';

let fixture: EnvoyFixture;
let egress: EgressEnvoy;
let port: number;

beforeAll(async () => {
  fixture = await envoyFixture();
  egress = fixture.egress();
  [port = 0] = await freePorts(1);
  const egressListeners = [egressListener(fixture.directory, 'a', port, 'p-1.eu.shop')];
  await egress.apply({
    clusters: [],
    internalListeners: [],
    egressListeners,
    routeTables: [routeTable('p-1.eu.shop', 'a', 'x')],
  });
});

afterAll(async () => {
  await fixture.remove();
});

test('counters() reads numbers, serverInfo() the version', async () => {
  await ask(port);
  const counters = await egress.envoy.admin.counters('^http\\.egress\\.downstream_rq_total$');
  expect(counters.get('http.egress.downstream_rq_total')).toBeGreaterThan(0);
  expect(await egress.envoy.admin.serverInfo()).toMatchObject({
    version: expect.stringMatching(/^1\.\d+\.\d+$/),
    state: 'LIVE',
  });
  expect(await egress.envoy.admin.warming()).toBe(0);
});

test('a socket that nobody listens on differs from other failures', async () => {
  const nobody = new EnvoyAdmin(join(fixture.directory, 'nobody.sock'));
  await expect(nobody.serverInfo()).rejects.toThrow(EnvoyNotRunning);
  expect(await nobody.ready()).toBe(false);
});

test('an Envoy that is stopped differs from one that is gone', async () => {
  const hasty = new EnvoyAdmin(join(fixture.directory, 'admin.sock'), { timeoutMs: 50 });
  process.kill(egress.envoy.pid ?? 0, 'SIGSTOP');
  await expect(hasty.serverInfo()).rejects.toThrow(EnvoySilent);
  process.kill(egress.envoy.pid ?? 0, 'SIGCONT');
  await until('Envoy answers again', async () => await egress.envoy.admin.ready());
  hasty.close();
});
