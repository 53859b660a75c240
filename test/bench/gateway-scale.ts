// One gateway with the largest load that is promised: 200 tables, 1,000 workspaces with two lanes each. In this
// process is what the agent does; Envoy is real. How long a start takes, what Envoy needs of memory, and how soon one
// destination more or less in one policy decides.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { planCluster } from '../../operator/compile/cluster-plans.ts';
import { compileSnapshot } from '../../operator/compile/plans.ts';
import { NO_PORT_BLOCKS } from '../../operator/compile/port-blocks.ts';
import { EGRESS_RULES, placeKeys } from '../../operator/gateway/egress/egress-resources.ts';
import { GatewayPass, type PassOutputs, type PassWork } from '../../operator/gateway/gateway-pass.ts';
import { laneListeners } from '../../operator/gateway/ports/lane-listeners.ts';
import { ConnectionLimits } from '../../operator/gateway/process/connection-limits.ts';
import { envoyBinary } from '../../operator/gateway/process/find-envoy.ts';
import { TunnelCloser } from '../../operator/gateway/tunnels/tunnel-closer.ts';
import { TunnelFile } from '../../operator/gateway/tunnels/tunnel-file.ts';
import { EGRESS_ORDER } from '../../operator/gateway/xds/delivery-order.ts';
import { XdsEnvoy } from '../../operator/gateway/xds/xds-envoy.ts';
import type { ObservedObject } from '../../operator/model/snapshot.ts';
import { type CompiledObjects, gatewayOutputs } from '../../operator/pipeline.ts';
import { xdsSocketPath } from '../../operator/render/envoy/ads.ts';
import { renderBootstrap } from '../../operator/render/envoy/bootstrap.ts';
import type { GatewaySettings } from '../../operator/render/envoy/envoy-config.ts';
import { clusterState } from '../fixtures/cluster-fixture.ts';
import { type BenchReport, type BenchSettings, figure } from './bench-report.ts';
import { untilStatus } from './probe.ts';
import { type Memory, memoryOf } from './process-usage.ts';
import { atMost } from './propagation-report.ts';
import { policy, snapshotObjects } from './snapshot-objects.ts';
import { median } from './statistics.ts';

const WORKSPACES = 1000;
const TABLES = 200;
const DESTINATIONS = 250;
const CHANGES = 20;
const LIMIT_MS = 120_000;
const ADDRESS = '127.77.0.1';
const DENIED = 403;
const ALLOWED = 200;
const INOTIFY_LIMIT = '/proc/sys/fs/inotify/max_user_instances';
/** One for each table and lane, and some for everybody else. */
const INOTIFY_WANTED = 1024;

const MEMORY_WANTED_MB = 400;
const CHANGE_WANTED_MS = 300;

interface GatewayScale {
  readonly workspaces: number;
  readonly tables: number;
  readonly destinations: number;
  readonly egressListeners: number;
  /** From the first file to the last listener. */
  readonly startMs: number;
  readonly memory: Memory;
  /** From the changed policy to the other verdict; compiling and rendering included. */
  readonly changesMs: readonly number[];
}

export async function benchGatewayScale(settings: BenchSettings): Promise<BenchReport> {
  const found = await gatewayAtScale(settings);
  const { workspaces, tables, destinations, egressListeners, startMs, memory, changesMs } = found;
  const longestMs = Math.max(...changesMs);
  return {
    tables: [
      {
        title: `One gateway: ${workspaces} workspaces, ${tables} tables of ${destinations} destinations, ${egressListeners} listeners`,
        head: ['START MS', 'CHANGE P50 MS', 'MAX MS', 'ENVOY MB', 'HIGHEST MB'],
        rows: [[startMs, median(changesMs), longestMs, memory.nowMb, memory.peakMb].map(figure)],
      },
    ],
    targets: [
      atMost('memory of Envoy, MB', memory.peakMb, MEMORY_WANTED_MB),
      atMost('a change until it decides, longest, ms', longestMs, CHANGE_WANTED_MS),
    ],
    figures: { ...found },
  };
}

/** Raises the kernel's limit of file watches while it runs, and throws where it may not. */
async function gatewayAtScale({ work, say, isQuick }: BenchSettings): Promise<GatewayScale> {
  const before = await readFile(INOTIFY_LIMIT, 'utf8');
  if (Number(before) < INOTIFY_WANTED) await writeFile(INOTIFY_LIMIT, `${INOTIFY_WANTED}`);
  try {
    const share = isQuick ? 0.1 : 1;
    const gateway = await ScaledGateway.start(join(work, 'gateway'), share);
    try {
      say(`One gateway with ${WORKSPACES * share} workspaces and ${TABLES * share} tables`);
      const startMs = await gateway.fill();
      say(`${CHANGES} changes`);
      const changesMs = await gateway.change(CHANGES);
      return { ...gateway.size(), startMs, memory: await memoryOf(gateway.pid), changesMs };
    } finally {
      await gateway.stop();
    }
  } finally {
    await writeFile(INOTIFY_LIMIT, before);
  }
}

class ScaledGateway {
  readonly #envoy: XdsEnvoy;
  readonly #settings: GatewaySettings;
  readonly #pass: GatewayPass;
  readonly #share: number;
  /** None until fill(). */
  #objects: readonly ObservedObject[] = [];
  #egressListeners = 0;
  readonly #delivered = new Map<string, CompiledObjects['tables' | 'plans'][number]>();
  #dueAtMs = Number.POSITIVE_INFINITY;

  private constructor(envoy: XdsEnvoy, settings: GatewaySettings, tunnels: TunnelFile, share: number) {
    this.#envoy = envoy;
    this.#settings = settings;
    const { admin } = envoy;
    this.#pass = new GatewayPass({
      envoy,
      limits: new ConnectionLimits({ settings, active: () => admin.activeConnections(), onFailure: fail }),
      // Envoy alone is measured here.
      dns: { serve: async () => undefined },
      tunnels,
      tunnelCloser: new TunnelCloser({ file: tunnels, listenersInUse: () => admin.listenersInUse() }),
    });
    this.#share = share;
  }

  static async start(directory: string, share: number): Promise<ScaledGateway> {
    const settings: GatewaySettings = {
      directory,
      resolvers: [{ address: ADDRESS, port: 53 }],
      openRanges: [],
      denyRanges: [],
      ownAddresses: [],
      ownPlaces: [],
      maxConnectionsPerListener: 1000,
      maxConnections: 60_000,
      envoyMemoryBytes: 1e9,
    };
    await mkdir(directory, { recursive: true });
    const binary = await envoyBinary(process.env['PATH'] ?? '');
    const envoy = new XdsEnvoy({
      directory,
      binary,
      bootstrap: renderBootstrap(settings),
      concurrency: 1,
      delivery: {
        socketPath: xdsSocketPath(settings),
        order: EGRESS_ORDER,
        rules: EGRESS_RULES,
        placesOf: placeKeys,
        timeoutMs: LIMIT_MS,
      },
      onStart: () => undefined,
    });
    const tunnels = await TunnelFile.open(join(directory, 'tunnels.json'));
    const gateway = new ScaledGateway(envoy, settings, tunnels, share);
    // Empty, so that the time of a start is that of its resources.
    await gateway.#apply();
    return gateway;
  }

  get pid(): number {
    return this.#envoy.pid ?? 0;
  }

  size() {
    const tables = new Set(this.#compile().tables.map(({ metadata }) => metadata.name)).size;
    const workspaces = this.#objects.filter(({ kind }) => kind === 'Workspace').length;
    return {
      workspaces,
      tables,
      destinations: DESTINATIONS,
      egressListeners: this.#egressListeners,
    };
  }

  async fill(): Promise<number> {
    const [workspaces, policies] = [WORKSPACES * this.#share, TABLES * this.#share];
    this.#objects = snapshotObjects({ workspaces, policies, destinations: DESTINATIONS, metastores: 0 });
    const startMs = performance.now();
    await this.#apply();
    return performance.now() - startMs;
  }

  /** One destination less and back again, in another policy each time. */
  async change(count: number): Promise<readonly number[]> {
    const proxy = { host: ADDRESS, port: this.#firstPort('team-0001') };
    const name = `host-${DESTINATIONS - 1}.team-1.example.com`;
    const times: number[] = [];
    for (let turn = 0; turn < count; turn += 1) {
      const isRemoval = turn % 2 === 0;
      const changed = policy(1, isRemoval ? DESTINATIONS - 1 : DESTINATIONS);
      const startMs = performance.now();
      this.#objects = this.#objects.map((object) =>
        object.kind === changed.kind && object.metadata.name === changed.metadata.name ? changed : object,
      );
      const applied = this.#apply();
      times.push((await untilStatus(proxy, name, isRemoval ? DENIED : ALLOWED, LIMIT_MS)) - startMs);
      await applied;
      await this.#disconnect();
    }
    return times;
  }

  async stop(): Promise<void> {
    await this.#pass.close();
    await this.#envoy.stop();
  }

  /** As the agent does it, a moment after a change. */
  async #disconnect(): Promise<void> {
    if (this.#dueAtMs === Number.POSITIVE_INFINITY) return;
    await delay(this.#dueAtMs - Date.now());
    await this.#apply();
  }

  #firstPort(workspace: string): number {
    const plan = this.#compile().plans.find(({ metadata }) => metadata.name === workspace);
    return plan?.spec.lanes?.find(({ lane }) => lane === 'enforced')?.firstPort ?? 0;
  }

  /** As a watch delivers it: what has not changed is the very same object. */
  #compile(): CompiledObjects {
    const snapshot = { objects: this.#objects, unreadable: [] };
    const state = { ...clusterState([]), snapshot };
    const { tables, plans } = planCluster(compileSnapshot(snapshot), state, { ...NO_PORT_BLOCKS });
    const same = <Compiled extends CompiledObjects['tables' | 'plans'][number]>(
      compiled: Compiled,
    ): Compiled => {
      const key = `${compiled.kind} ${compiled.metadata.name}`;
      const before = this.#delivered.get(key);
      if (isDeepStrictEqual(before, compiled)) return before as Compiled;
      this.#delivered.set(key, compiled);
      return compiled;
    };
    return { tables: tables.map(same), plans: plans.map(same) };
  }

  readonly #work: PassWork<PassOutputs> = {
    compute: async (tunnels) => {
      const compiled = this.#compile();
      const egressListenersOf = (plans: CompiledObjects['plans']) => laneListeners(plans, ADDRESS);
      const gateway = { settings: this.#settings, egressListenersOf, tunnels };
      return { ...compiled, ...gatewayOutputs(compiled, gateway, Date.now()) };
    },
    remember: async () => undefined,
  };

  async #apply(): Promise<void> {
    const deadlineMs = performance.now() + LIMIT_MS;
    // As the agent does it: an Envoy that is busy with thousands of listeners is asked again.
    for (;;) {
      const { outputs, result, runAgainAtMs } = await this.#pass.run(this.#work);
      this.#egressListeners = outputs.envoy.egressListeners.length;
      this.#dueAtMs = runAgainAtMs;
      if (result.status === 'applied') return;
      if (result.status !== 'timeout' || performance.now() > deadlineMs)
        throw new Error(`Envoy did not take it: ${JSON.stringify(result).slice(0, 500)}`);
    }
  }
}

function fail(error: Error): never {
  throw error;
}
