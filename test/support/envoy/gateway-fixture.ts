// A real gateway for tests: the embedded role on a folder of YAML, its Envoy, and outside servers that it may reach.
// In: the names that exist outside, and YAML as text. Out: clients of its egress listeners, and the denials that it
// stored. Nothing of it lives on after stop().
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRunConfig } from '../../../operator/config.ts';
import { EnvoyAdmin } from '../../../operator/gateway/process/envoy-admin.ts';
import { statePaths } from '../../../operator/gateway/state/state-directory.ts';
import { type AccessLogLine, parseAccessLogLine } from '../../../operator/model/access-log-line.ts';
import type { Denial } from '../../../operator/model/denial.ts';
import type { Problem } from '../../../operator/model/problem.ts';
import type { Product } from '../../../operator/model/product.ts';
import type { ShownDenials } from '../../../operator/roles/denial-log/calls.ts';
import { RunProcess } from '../../../operator/roles/run/process.ts';
import { SILENT_VIEW } from '../../../operator/roles/run/view.ts';
import {
  type OutsideServers,
  type OutsideServersOptions,
  startOutsideServers,
} from '../../outside/outside-servers.ts';
import type { AskOptions } from '../../outside/proxy-client.ts';
import { until } from '../until.ts';

export interface GatewayOptions extends OutsideServersOptions {
  /** By file name; a function where the text depends on the outside servers' addresses. */
  readonly files: Files | ((outside: OutsideServers) => Files);
  readonly maxConnections?: number;
  readonly envoyMemoryMb?: number;
  /** Of a lane in a second; without end unless given, since most tests expect every denial. */
  readonly denialRows?: number;
}

type Files = Readonly<Record<string, string>>;

export interface GatewayFixture {
  readonly outside: OutsideServers;
  readonly gateway: RunProcess;
  /** The folder that the gateway reads. */
  readonly folder: string;
  /** Where Envoy and the DNS write their lines. */
  readonly logFolder: string;
  /** Every denial that was stored, in the order of the log. */
  readonly denials: readonly Denial[];
  /** As they were reported last. */
  readonly problems: readonly Problem[];
  /** What was last said not to be in force, a sentence for each thing. */
  readonly heldBack: readonly string[];
  /** What went wrong, as it was reported, a sentence each. */
  readonly failures: readonly string[];
  /** What a workload of the workspace knows; JOBS unless a product is given. Throws where it has no egress listener. */
  client(workspace: string, product?: Product): Client;
  /** Where a workload without a proxy setting comes in that means this port of a server. */
  direct(workspace: string, port: number, product?: Product): Direct;
  /** All stored denials with these fields, as soon as there are at least `count`. */
  denialsWith(fields: Partial<Denial>, count?: number): Promise<readonly Denial[]>;
  /** Lines of the access log with these fields, as soon as there are at least `count`. */
  logLines(select: (line: AccessLogLine) => boolean, count: number): Promise<readonly AccessLogLine[]>;
  /** Text of Envoy's own log. */
  envoyLog(): Promise<string>;
  /** Envoy's counters by name; `filter` is a regular expression. */
  counters(filter: string): Promise<ReadonlyMap<string, number>>;
  /** Ends the gateway; after it every denial is in `denials`. */
  stopGateway(): Promise<void>;
  /** Ends everything and removes the folder. */
  stop(): Promise<void>;
}

export type Client = Required<Pick<AskOptions, 'proxy' | 'ca'>>;
type Direct = Required<Pick<AskOptions, 'address' | 'ca'>>;

export async function startGateway(options: GatewayOptions): Promise<GatewayFixture> {
  const outside = await startOutsideServers(options);
  const directory = await mkdtemp(join(tmpdir(), 'sallyport-'));
  const removeAll = async (): Promise<void> => {
    await outside.stop();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    return await startIn(directory, outside, options, removeAll);
  } catch (error) {
    await removeAll();
    throw error;
  }
}

async function startIn(
  directory: string,
  outside: OutsideServers,
  { files, maxConnections = 4096, denialRows = 1_000_000, envoyMemoryMb }: GatewayOptions,
  removeAll: () => Promise<void>,
): Promise<GatewayFixture> {
  const folder = join(directory, 'folder');
  await mkdir(folder);
  const texts = typeof files === 'function' ? files(outside) : files;
  for (const [name, text] of Object.entries(texts)) await writeFile(join(folder, name), text);
  const state = join(directory, 'state');
  const journal = new Journal();
  const gateway = await RunProcess.start(
    runConfig({ folder, state, outside }, { maxConnections, denialRows, envoyMemoryMb }),
    journal.view,
  );
  // Ingress has a loop of its own.
  await gateway.settled();
  const { envoy, envoyLog } = statePaths(state);
  let stopped: Promise<void> | undefined;
  const stopGateway = (): Promise<void> => (stopped ??= gateway.stop());
  return {
    outside,
    gateway,
    folder,
    logFolder: envoyLog,
    denials: journal.denials,
    failures: journal.failures,
    get problems() {
      return journal.problems;
    },
    get heldBack() {
      return journal.heldBack;
    },
    client: (workspace, product = 'JOBS') => ({
      proxy: egressListenerOf(gateway, workspace, product),
      ca: outside.caPem,
    }),
    direct: (workspace, port, product = 'JOBS') => ({
      address: directPlaceOf(gateway, workspace, product, port),
      ca: outside.caPem,
    }),
    denialsWith: (fields, count) => journal.denialsWith(fields, count),
    logLines: (select, count) => logLines(join(envoyLog, 'access.log'), select, count),
    envoyLog: () => readFile(join(envoyLog, 'envoy.log'), 'utf8'),
    counters: (filter) => countersOf(join(envoy, 'admin.sock'), filter),
    stopGateway,
    async stop() {
      await stopGateway();
      await removeAll();
    },
  };
}

interface Places {
  readonly folder: string;
  readonly state: string;
  readonly outside: OutsideServers;
}

interface Limits extends Required<Pick<GatewayOptions, 'maxConnections' | 'denialRows'>> {
  readonly envoyMemoryMb: number | undefined;
}

function runConfig(
  { folder, state, outside }: Places,
  { maxConnections, denialRows, envoyMemoryMb }: Limits,
) {
  const options = {
    state,
    listenAddress: outside.listenAddress,
    ports: '10000-31999',
    resolver: [outside.resolver],
    openRange: [outside.openRange],
    denyRange: [],
    maxConnections: `${maxConnections}`,
    accountId: 'account',
    denialRows: `${denialRows}`,
    ...(envoyMemoryMb === undefined ? {} : { envoyMemoryMb: `${envoyMemoryMb}` }),
    // Two workers on any machine, so that what they share is tested.
    concurrency: '2',
    apiPort: '0',
  };
  return readRunConfig(folder, options, process.env);
}

function endpointOf(gateway: RunProcess, workspace: string, product: Product) {
  const found = gateway.endpoints.workspaces.find((endpoints) => endpoints.workspace === workspace);
  return found?.products.find((endpoint) => endpoint.product === product);
}

function egressListenerOf(gateway: RunProcess, workspace: string, product: Product): Client['proxy'] {
  const proxy = endpointOf(gateway, workspace, product)?.proxy;
  if (proxy === undefined || proxy === null)
    throw new Error(`${product} of "${workspace}" has no egress listener`);
  return placeOf(proxy);
}

function directPlaceOf(gateway: RunProcess, workspace: string, product: Product, port: number) {
  const endpoint = endpointOf(gateway, workspace, product);
  const address = port === 80 ? endpoint?.http : port === 443 ? endpoint?.tls : endpoint?.tlsPorts[port];
  if (address === undefined || address === null) {
    throw new Error(`${product} of "${workspace}" has no egress listener for port ${port}`);
  }
  return placeOf(`http://${address}`);
}

function placeOf(url: string): Client['proxy'] {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

/** What the gateway has shown so far. */
class Journal {
  readonly denials: Denial[] = [];
  problems: readonly Problem[] = [];
  heldBack: readonly string[] = [];
  readonly failures: string[] = [];
  readonly view = {
    ...SILENT_VIEW,
    denialsPerSecond: 1_000_000,
    denials: ({ denials }: ShownDenials) => void this.denials.push(...denials),
    failure: (sentence: string) => void this.failures.push(sentence),
    problems: (_added: readonly Problem[], problems: readonly Problem[]) => {
      this.problems = problems;
    },
    heldBack: (sentences: readonly string[]) => {
      this.heldBack = sentences;
    },
  };

  async denialsWith(fields: Partial<Denial>, count = 1): Promise<readonly Denial[]> {
    const wanted = Object.entries(fields);
    const found = (): readonly Denial[] =>
      this.denials.filter((denial) =>
        wanted.every(([name, value]) => denial[name as keyof Denial] === value),
      );
    await until(`${count} denials have ${JSON.stringify(fields)}`, () => found().length >= count);
    return found();
  }
}

async function logLines(
  path: string,
  select: (line: AccessLogLine) => boolean,
  count: number,
): Promise<readonly AccessLogLine[]> {
  let found: readonly AccessLogLine[] = [];
  await until(`${count} such lines are in the access log`, async () => {
    const lines = (await readFile(path, 'utf8')).split('\n');
    found = lines.flatMap((line) => parseAccessLogLine(line) ?? []).filter(select);
    return found.length >= count;
  });
  return found;
}

async function countersOf(adminSocket: string, filter: string): Promise<ReadonlyMap<string, number>> {
  const admin = new EnvoyAdmin(adminSocket);
  try {
    return await admin.counters(filter);
  } finally {
    admin.close();
  }
}
