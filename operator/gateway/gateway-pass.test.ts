import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GATEWAY_SETTINGS } from '../../test/fixtures/gateway-settings.ts';
import { policyManifest, readSnapshot, workspaceManifest } from '../../test/fixtures/object-fixture.ts';
import { type DesiredOutputs, desiredOutputs } from '../pipeline.ts';
import { xdsSocketPath } from '../render/envoy/ads.ts';
import { limitsPath } from '../render/envoy/connection-limits.ts';
import type { GatewaySettings } from '../render/envoy/envoy-config.ts';
import { egressResources } from './egress/egress-resources.ts';
import { GatewayPass, type GatewayPassParts, type PassWork } from './gateway-pass.ts';
import { productListeners } from './ports/product-listeners.ts';
import { ConnectionLimits } from './process/connection-limits.ts';
import { EnvoyAdmin } from './process/envoy-admin.ts';
import { TunnelCloser } from './tunnels/tunnel-closer.ts';
import { TunnelFile } from './tunnels/tunnel-file.ts';
import { EGRESS_ORDER } from './xds/delivery-order.ts';
import { forEachKind, type Resources } from './xds/resource-kind.ts';
import { XdsApplier } from './xds/xds-applier.ts';

const SNAPSHOT = readSnapshot(
  workspaceManifest('alpha'),
  policyManifest('default-policy', { allowedInternetDestinations: [{ destination: 'a.example.com' }] }),
);

const NOTHING: Resources = forEachKind(() => []);

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sallyport-pass-'));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

/** Real parts before an Envoy that does not run; says what was on disk when that was given its resources. */
async function scene() {
  const settings: GatewaySettings = { ...GATEWAY_SETTINGS, directory, maxConnections: 1000 };
  const paths = { own: join(directory, 'own.json'), tunnels: join(directory, 'tunnels.json') };
  const given: { readonly resources: Resources; readonly onDisk: readonly boolean[] }[] = [];
  const admin = new EnvoyAdmin(join(directory, 'admin.sock'));
  const applier = new XdsApplier({
    socketPath: xdsSocketPath(settings),
    directory: join(directory, 'resources'),
    admin,
    order: EGRESS_ORDER,
    isRunning: () => false,
  });
  const envoy: GatewayPassParts['envoy'] = {
    serve: async (resources = NOTHING) => {
      const onDisk = [paths.own, paths.tunnels, limitsPath(settings)].map((file) => existsSync(file));
      given.push({ resources, onDisk });
      return await applier.apply(resources);
    },
    serveRemembered: () => applier.serveRemembered(),
    close: () => applier.close(),
  };
  const fail = (error: Error): never => {
    throw error;
  };
  const tunnels = await TunnelFile.open(paths.tunnels);
  const served: DesiredOutputs[] = [];
  const pass = new GatewayPass({
    envoy,
    limits: new ConnectionLimits({ settings, active: () => admin.activeConnections(), onFailure: fail }),
    dns: { serve: async (_, compiled) => void served.push(compiled as DesiredOutputs) },
    tunnels,
    tunnelCloser: new TunnelCloser({ file: tunnels, listenersInUse: () => admin.listenersInUse() }),
    uses: { remember: () => undefined },
  });
  const egressListenersOf = (plans: Parameters<typeof productListeners>[0]) =>
    productListeners(plans, { 'alpha/JOBS': 10_008 }, '127.0.0.1');
  const work: PassWork<DesiredOutputs> = {
    compute: async (memory) =>
      desiredOutputs(SNAPSHOT, { settings, egressListenersOf, tunnels: memory }, Date.now()),
    remember: async () => {
      await writeFile(paths.own, '{}');
      return undefined;
    },
  };
  return { pass, work, given, paths, served };
}

test('all that a restart must know and the limits are on disk before Envoy is given anything', async () => {
  const { pass, work, given, served } = await scene();
  const { outputs, result, isAnswered, heldBack, unsaved } = await pass.run(work);
  await pass.close();
  expect(given).toEqual([{ resources: egressResources(outputs.envoy), onDisk: [true, true, true] }]);
  expect(served).toEqual([outputs]);
  expect({ result, isAnswered, heldBack, unsaved }).toEqual({
    result: { status: 'notRunning' },
    isAnswered: false,
    heldBack: [],
    unsaved: [],
  });
});

test('what cannot be stored is reported, holds nothing back and is tried again', async () => {
  const { pass, work, given, paths } = await scene();
  await mkdir(paths.tunnels);
  const remember = async (): Promise<string> => 'Cannot write "own.json"';
  const { unsaved, runAgainAtMs } = await pass.run({ ...work, remember });
  expect(unsaved).toEqual(['Cannot write "own.json"', expect.stringContaining('tunnels.json')]);
  expect(Number.isFinite(runAgainAtMs)).toBe(true);
  expect(given).toHaveLength(1);
  await rm(paths.tunnels, { recursive: true });
  expect((await pass.run(work)).unsaved).toEqual([]);
  await pass.close();
  expect(existsSync(paths.tunnels)).toBe(true);
});

test('prepare() stores nothing', async () => {
  const { pass, work, given, paths, served } = await scene();
  await pass.prepare(work);
  await pass.close();
  expect(given).toEqual([]);
  expect(served).toHaveLength(1);
  expect([paths.own, paths.tunnels].map((path) => existsSync(path))).toEqual([false, false]);
});
