// `sallyport render FOLDER --out DIR`: Envoy's whole configuration, as JSON to read and compare. Starts nothing.
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type ListenConfig, type ListenOptions, readListenConfig } from '../../config.ts';
import { ListenerPorts } from '../../gateway/ports/listener-ports.ts';
import { endpointsOf } from '../../gateway/ports/product-listeners.ts';
import { ConnectionLimits } from '../../gateway/process/connection-limits.ts';
import { envoyMemoryBytes } from '../../gateway/process/envoy-memory.ts';
import * as atomicFiles from '../../lib/atomic-file.ts';
import { makeDirectories } from '../../lib/make-directories.ts';
import { DEFAULT_MAX_CONNECTIONS, MAX_CONNECTIONS } from '../../model/limits.ts';
import { formatProblem } from '../../model/problem.ts';
import { desiredOutputs } from '../../pipeline.ts';
import { renderBootstrap } from '../../render/envoy/bootstrap.ts';
import type { EnvoyConfig, Json, NamedResource } from '../../render/envoy/envoy-config.ts';
import { type FolderReading, readFolder } from '../../sources/folder.ts';
import { exitStatus } from '../shared/exit-status.ts';

export interface RenderOptions extends ListenOptions {
  readonly out: string;
}

export function renderCommand(folder: string, options: RenderOptions): Promise<number> {
  return exitStatus(async () => {
    const reading = await readFolder(resolve(folder));
    process.stdout.write(await render(reading, resolve(options.out), readListenConfig(options)));
  });
}

/** Returns what it did, in a sentence; Problems go to standard error. */
async function render(reading: FolderReading, directory: string, listen: ListenConfig): Promise<string> {
  const ports = await ListenerPorts.open({
    path: join(directory, 'ports.json'),
    address: listen.listenAddress,
    range: listen.ports,
    files: atomicFiles,
  });
  const settings = {
    directory,
    resolvers: [],
    openRanges: [],
    denyRanges: [],
    ownAddresses: [],
    ownPlaces: [],
    maxConnectionsPerListener: DEFAULT_MAX_CONNECTIONS,
    maxConnections: MAX_CONNECTIONS,
    envoyMemoryBytes: envoyMemoryBytes(undefined),
  };
  const gateway = { settings, egressListenersOf: ports.egressListenersOf.bind(ports) };
  const outputs = desiredOutputs(reading.snapshot, gateway, Date.now());
  await makeOut(directory);
  await new ConnectionLimits({ settings, active: async () => new Map(), onFailure: fail }).serve(
    outputs.egressListeners,
  );
  await writeResources(directory, outputs.envoy);
  await writeJson(join(directory, 'bootstrap.json'), renderBootstrap(settings));
  await writeJson(join(directory, 'tables.json'), outputs.tables);
  await writeJson(join(directory, 'plans.json'), outputs.plans);
  await writeJson(join(directory, 'endpoints.json'), endpointsOf(outputs.plans, outputs.egressListeners));
  for (const problem of [...reading.problems, ...outputs.problems, ...ports.problems])
    process.stderr.write(`Problem  ${formatProblem(problem)}\n`);
  return `Wrote ${outputs.tables.length} tables and ${outputs.egressListeners.length} egress listeners to ${directory}\n`;
}

async function makeOut(directory: string): Promise<void> {
  await makeDirectories(directory).catch(({ message }: Error) => {
    throw new Error(`--out: Cannot make the directory "${directory}": ${message}`);
  });
}

/** As Envoy gets it over xDS: listeners and clusters, and a file for each route table. */
async function writeResources(directory: string, envoy: EnvoyConfig): Promise<void> {
  const bodies = (resources: readonly NamedResource[]): readonly Json[] => resources.map(({ body }) => body);
  const routes = join(directory, 'routes');
  // Tables of the last time would be taken for wanted ones.
  await rm(routes, { recursive: true, force: true });
  await makeDirectories(routes);
  const listeners = [...envoy.internalListeners, ...envoy.egressListeners];
  await writeJson(join(directory, 'listeners.json'), bodies(listeners));
  await writeJson(join(directory, 'clusters.json'), bodies(envoy.clusters));
  for (const { name, body } of envoy.routeTables) await writeJson(join(routes, `${name}.json`), body);
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await atomicFiles.writeFileAtomic(path, `${JSON.stringify(value, null, 2)}\n`);
}

function fail(error: Error): never {
  throw error;
}
