import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { policyManifest, readSnapshot, workspaceManifest } from '../../test/fixtures/object-fixture.ts';
import * as atomicFiles from '../lib/atomic-file.ts';
import { type DesiredOutputs, desiredOutputs } from '../pipeline.ts';
import { limitsPath } from '../render/envoy/connection-limits.ts';
import type { GatewaySettings } from '../render/envoy/envoy-config.ts';
import { ConfigApplier } from './config/config-applier.ts';
import { GatewayPass, type PassWork } from './gateway-pass.ts';
import { productListeners } from './ports/product-listeners.ts';
import { ConnectionLimits } from './process/connection-limits.ts';
import { EnvoyAdmin } from './process/envoy-admin.ts';
import { TunnelCloser } from './tunnels/tunnel-closer.ts';
import { TunnelFile } from './tunnels/tunnel-file.ts';

const SNAPSHOT = readSnapshot(
  workspaceManifest('alpha'),
  policyManifest('default-policy', { allowedInternetDestinations: [{ destination: 'a.example.com' }] }),
);

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sallyport-pass-'));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

/** Real parts before an Envoy that has not started yet; says of each of Envoy's files what was on disk before it. */
async function scene() {
  const settings: GatewaySettings = {
    directory,
    resolvers: [],
    openRanges: [],
    denyRanges: [],
    ownAddresses: [],
    ownPlaces: [],
    maxConnectionsPerListener: 100,
    maxConnections: 1000,
    envoyMemoryBytes: 1e9,
  };
  const paths = { own: join(directory, 'own.json'), tunnels: join(directory, 'tunnels.json') };
  const written = new Map<string, readonly boolean[]>();
  const admin = new EnvoyAdmin(join(directory, 'admin.sock'));
  const files: typeof atomicFiles = {
    ...atomicFiles,
    writeFileAtomic: (path, text, options) => {
      const before = [paths.own, paths.tunnels, limitsPath(settings)].map((file) => existsSync(file));
      written.set(relative(directory, path), before);
      return atomicFiles.writeFileAtomic(path, text, options);
    },
  };
  const fail = (error: Error): never => {
    throw error;
  };
  const tunnels = await TunnelFile.open(paths.tunnels);
  const served: DesiredOutputs[] = [];
  const pass = new GatewayPass({
    directory,
    applier: new ConfigApplier({ directory, admin, files }),
    limits: new ConnectionLimits({ settings, active: () => admin.activeConnections(), onFailure: fail }),
    dns: { serve: async (_, compiled) => void served.push(compiled as DesiredOutputs) },
    tunnels,
    tunnelCloser: new TunnelCloser({ file: tunnels, listenersInUse: () => admin.listenersInUse() }),
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
  return { pass, work, written, paths, served };
}

test('all that a restart must know and the limits are on disk before the first of Envoy’s files', async () => {
  const { pass, work, written, served } = await scene();
  const { outputs, result, isAnswered, heldBack, unsaved } = await pass.run(work);
  await pass.close();
  expect(Object.fromEntries(written)).toMatchObject({
    'lds/listeners.json': [true, true, true],
    'cds/clusters.json': [true, true, true],
  });
  expect([...written.values()].flat()).not.toContain(false);
  expect(served).toEqual([outputs]);
  expect({ result, isAnswered, heldBack, unsaved }).toEqual({
    result: { status: 'notRunning', problems: [] },
    isAnswered: false,
    heldBack: [],
    unsaved: [],
  });
});

test('what cannot be stored is reported, holds nothing back and is tried again', async () => {
  const { pass, work, written, paths } = await scene();
  await mkdir(paths.tunnels);
  const remember = async (): Promise<string> => 'Cannot write "own.json"';
  const { unsaved, runAgainAtMs } = await pass.run({ ...work, remember });
  expect(unsaved).toEqual(['Cannot write "own.json"', expect.stringContaining('tunnels.json')]);
  expect(Number.isFinite(runAgainAtMs)).toBe(true);
  expect(written.has('lds/listeners.json')).toBe(true);
  await rm(paths.tunnels, { recursive: true });
  expect((await pass.run(work)).unsaved).toEqual([]);
  await pass.close();
  expect(existsSync(paths.tunnels)).toBe(true);
});

test('prepare() remembers nothing, and leaves files alone that are there', async () => {
  const { pass, work, written, paths, served } = await scene();
  await pass.prepare(work);
  expect(written.has('lds/listeners.json')).toBe(true);
  written.clear();
  await pass.prepare(work);
  await pass.close();
  expect(written.size).toBe(0);
  expect(served).toHaveLength(2);
  expect([paths.own, paths.tunnels].map((path) => existsSync(path))).toEqual([false, false]);
});
