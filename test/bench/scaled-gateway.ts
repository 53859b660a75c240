// A gateway with as many workspaces as one likes: what the agent does is done in this process, and Envoy is real. The
// operator's part, compiling, is done before a change starts, so that it is in no figure.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { planCluster } from '../../operator/compile/cluster-plans.ts';
import { compileSnapshot } from '../../operator/compile/plans.ts';
import { NO_PORT_BLOCKS } from '../../operator/compile/port-blocks.ts';
import { EGRESS_RULES, egressResources, placeKeys } from '../../operator/gateway/egress/egress-resources.ts';
import { GatewayPass, type PassOutputs, type PassWork } from '../../operator/gateway/gateway-pass.ts';
import { laneListeners } from '../../operator/gateway/ports/lane-listeners.ts';
import { ConnectionLimits } from '../../operator/gateway/process/connection-limits.ts';
import { envoyBinary } from '../../operator/gateway/process/find-envoy.ts';
import { TunnelCloser } from '../../operator/gateway/tunnels/tunnel-closer.ts';
import { TunnelFile } from '../../operator/gateway/tunnels/tunnel-file.ts';
import { EGRESS_ORDER } from '../../operator/gateway/xds/delivery-order.ts';
import type { Resources } from '../../operator/gateway/xds/resource-kind.ts';
import { XdsEnvoy } from '../../operator/gateway/xds/xds-envoy.ts';
import type { ObservedObject } from '../../operator/model/snapshot.ts';
import type { WorkspacePlan } from '../../operator/model/workspace-plan.ts';
import { type CompiledObjects, gatewayOutputs } from '../../operator/pipeline.ts';
import { xdsSocketPath } from '../../operator/render/envoy/ads.ts';
import { renderBootstrap } from '../../operator/render/envoy/bootstrap.ts';
import type { GatewaySettings } from '../../operator/render/envoy/envoy-config.ts';
import { closeTunnels } from '../../operator/render/envoy/tunnel-memory.ts';
import { clusterState } from '../fixtures/cluster-fixture.ts';
import type { Place } from './tunnel.ts';

/** A start with thousands of listeners takes minutes on a busy machine. */
const LIMIT_MS = 600_000;
const ADDRESS = '127.77.0.1';

export class ScaledGateway {
  readonly #envoy: XdsEnvoy;
  readonly #settings: GatewaySettings;
  readonly #pass: GatewayPass;
  readonly #tunnels: TunnelFile;
  #compiled: CompiledObjects = { tables: [], plans: [] };
  #outputs: PassOutputs | undefined;
  readonly #delivered = new Map<string, CompiledObjects['tables' | 'plans'][number]>();
  #dueAtMs = Number.POSITIVE_INFINITY;

  private constructor(envoy: XdsEnvoy, settings: GatewaySettings, tunnels: TunnelFile) {
    this.#envoy = envoy;
    this.#settings = settings;
    this.#tunnels = tunnels;
    const { admin } = envoy;
    this.#pass = new GatewayPass({
      envoy,
      limits: new ConnectionLimits({ settings, active: () => admin.activeConnections(), onFailure: fail }),
      // Envoy alone is measured here.
      dns: { serve: async () => undefined },
      tunnels,
      tunnelCloser: new TunnelCloser({ file: tunnels, listenersInUse: () => admin.listenersInUse() }),
      uses: { remember: () => undefined },
    });
  }

  /** With nothing in it. */
  static async start(directory: string): Promise<ScaledGateway> {
    const settings: GatewaySettings = {
      directory,
      resolvers: [{ address: ADDRESS, port: 53 }],
      openRanges: [],
      denyRanges: [],
      ownAddresses: [],
      ownPlaces: [],
      maxConnectionsPerListener: 1000,
      maxConnections: 60_000,
      envoyMemoryBytes: 2e9,
    };
    await mkdir(directory, { recursive: true });
    const envoy = new XdsEnvoy({
      directory,
      binary: await envoyBinary(process.env['PATH'] ?? ''),
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
    const gateway = new ScaledGateway(envoy, settings, tunnels);
    await gateway.apply();
    return gateway;
  }

  get pid(): number {
    return this.#envoy.pid ?? 0;
  }

  get tables(): number {
    return this.#compiled.tables.length;
  }

  /** What Envoy has now. */
  get resources(): Resources {
    const { envoy } = this.#outputs ?? {};
    return envoy === undefined ? NOTHING : egressResources(envoy);
  }

  /** The next apply() brings these into force. As a watch delivers it: what has not changed is the very same object. */
  compile(objects: readonly ObservedObject[]): void {
    const snapshot = { objects, unreadable: [] };
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
    this.#compiled = { tables: tables.map(same), plans: plans.map(same) };
  }

  /** Where the enforced lane of this workspace sends its requests. */
  proxy(workspace: string): Place {
    const plan: WorkspacePlan | undefined = this.#compiled.plans.find(
      ({ metadata }) => metadata.name === workspace,
    );
    const port = plan?.spec.lanes?.find(({ lane }) => lane === 'enforced')?.firstPort ?? 0;
    return { host: ADDRESS, port };
  }

  /** The next apply() ends the tunnels of so many tunnel checks. */
  async revoke(count: number): Promise<void> {
    const checks = this.resources.listener.flatMap((listener) =>
      'tunnelCheck' in listener ? [String(listener.tunnelCheck)] : [],
    );
    const seen = [...new Set(checks)]
      .slice(0, count)
      .map((tunnelCheck) => ({ tunnelCheck, revocation: -1, hasTunnels: true }));
    await this.#tunnels.keep(closeTunnels(this.#tunnels.memory, seen));
  }

  /** Until Envoy has answered for all of it. As the agent does it, an Envoy that is busy with thousands is asked again. */
  async apply(): Promise<void> {
    const deadlineMs = performance.now() + LIMIT_MS;
    for (;;) {
      const { outputs, result, runAgainAtMs } = await this.#pass.run(this.#work);
      this.#outputs = outputs;
      this.#dueAtMs = runAgainAtMs;
      if (result.status === 'applied') return;
      if (result.status !== 'timeout' || performance.now() > deadlineMs)
        throw new Error(`Envoy did not take it: ${JSON.stringify(result).slice(0, 500)}`);
    }
  }

  /** As the agent does it, a moment after a change: revoked tunnels are searched for. */
  async settle(): Promise<void> {
    if (this.#dueAtMs === Number.POSITIVE_INFINITY) return;
    await delay(this.#dueAtMs - Date.now());
    await this.apply();
  }

  async stop(): Promise<void> {
    await this.#pass.close();
    await this.#envoy.stop();
  }

  readonly #work: PassWork<PassOutputs> = {
    compute: async (tunnels) => {
      const egressListenersOf = (plans: CompiledObjects['plans']) => laneListeners(plans, ADDRESS);
      const gateway = { settings: this.#settings, egressListenersOf, tunnels };
      return { ...this.#compiled, ...gatewayOutputs(this.#compiled, gateway, Date.now()) };
    },
    remember: async () => undefined,
  };
}

const NOTHING: Resources = { cluster: [], secret: [], route: [], scope: [], listener: [] };

function fail(error: Error): never {
  throw error;
}
