// One gateway with 1,000 and with 1,500 workspaces of two lanes each, under 200 policies: how long its start takes, how
// soon each kind of change is in force and what it takes of Envoy's main thread, and what both need of memory. There are
// ports for 1,536 such workspaces.
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { encodeResources } from '../../operator/gateway/xds/encode-resources.ts';
import type { Resources } from '../../operator/gateway/xds/resource-kind.ts';
import type { ObservedObject } from '../../operator/model/snapshot.ts';
import type { BenchReport, BenchSettings } from './bench-report.ts';
import { type GatewayScale, gatewayScaleReport, type ScaledChange } from './gateway-scale-report.ts';
import { connectStatus } from './probe.ts';
import { mainThreadMs, memoryOf } from './process-usage.ts';
import { ScaledGateway } from './scaled-gateway.ts';
import { policy, snapshotObjects, workspaceName, workspaceObjects } from './snapshot-objects.ts';

const WORKSPACES = [1000, 1500];
const TABLES = 200;
const DESTINATIONS = 250;
const TURNS = 10;
const GUARDS = 50;
const DENIED = 403;
const ALLOWED = 200;
const PAUSE_MS = 1;
const LONGEST_MS = 120_000;
/** Number of the first workspace that is added. */
const NEW = 9000;
/** No policy allows it. */
const ANY = 'unlisted.example.org';

/** Whether Envoy decides by the change. */
type Decides = () => Promise<boolean>;

export async function benchGatewayScale({ work, say, isQuick }: BenchSettings): Promise<BenchReport> {
  const share = isQuick ? 0.1 : 1;
  const found: GatewayScale[] = [];
  for (const workspaces of WORKSPACES.map((count) => count * share)) {
    say(`One gateway with ${workspaces} workspaces and ${TABLES * share} policies`);
    const bench = new GatewayScaleBench(
      await ScaledGateway.start(join(work, `gateway-${workspaces}`)),
      snapshotObjects({ workspaces, policies: TABLES * share, destinations: DESTINATIONS, metastores: 0 }),
    );
    try {
      found.push(await bench.run(workspaces, say));
    } finally {
      await bench.stop();
    }
  }
  return gatewayScaleReport(found, DESTINATIONS);
}

class GatewayScaleBench {
  readonly #gateway: ScaledGateway;
  #objects: readonly ObservedObject[];

  constructor(gateway: ScaledGateway, objects: readonly ObservedObject[]) {
    this.#gateway = gateway;
    this.#objects = objects;
  }

  async run(workspaces: number, say: (text: string) => void): Promise<GatewayScale> {
    const gateway = this.#gateway;
    gateway.compile(this.#objects);
    const loop = monitorEventLoopDelay({ resolution: 1 });
    loop.enable();
    const startMs = performance.now();
    await gateway.apply();
    const start = { tookMs: performance.now() - startMs, longestBlockMs: loop.max / 1e6 };
    const afterStart = await memoryOf(gateway.pid);
    loop.reset();
    say('Changes');
    const changes = [
      await this.#times('a destination less, or more', TURNS * 2, (turn) => this.#change(turn)),
      await this.#times('a workspace added', TURNS, (turn) => this.#add(turn)),
      await this.#times('a workspace removed', TURNS, (turn) => this.#remove(turn)),
      await this.#times('a tunnel check revoked', TURNS, () => this.#revoke(1)),
      await this.#times(`${GUARDS} tunnel checks revoked`, TURNS / 2, () => this.#revoke(GUARDS)),
    ];
    const longestBlockMs = loop.max / 1e6;
    const memory = { afterStart, afterChanges: await memoryOf(gateway.pid) };
    const { resources, tables } = gateway;
    const encoding = await encodingOf(resources);
    const listeners = resources.listener.length;
    return { workspaces, tables, listeners, start, changes, longestBlockMs, memory, encoding };
  }

  stop(): Promise<void> {
    return this.#gateway.stop();
  }

  async #times(
    what: string,
    count: number,
    prepare: (turn: number) => Promise<Decides | undefined>,
  ): Promise<ScaledChange> {
    const inForceMs: number[] = [];
    const appliedMs: number[] = [];
    let envoyMs = 0;
    for (let turn = 0; turn < count; turn += 1) {
      const decides = await prepare(turn);
      const before = await mainThreadMs(this.#gateway.pid);
      const startMs = performance.now();
      const applied = this.#gateway.apply().then(() => appliedMs.push(performance.now() - startMs));
      // Envoy may decide by it before it has answered.
      if (decides === undefined) await applied;
      else await this.#until(what, decides);
      inForceMs.push(performance.now() - startMs);
      await applied;
      envoyMs += (await mainThreadMs(this.#gateway.pid)) - before;
      await this.#gateway.settle();
    }
    return { what, inForceMs, appliedMs, envoyMs: envoyMs / count };
  }

  async #until(what: string, decides: Decides): Promise<void> {
    const deadlineMs = performance.now() + LONGEST_MS;
    while (!(await decides())) {
      if (performance.now() > deadlineMs)
        throw new Error(`Waited ${LONGEST_MS} ms in vain until Envoy decides by this: ${what}`);
      await delay(PAUSE_MS);
    }
  }

  /** Back again in every second turn. */
  async #change(turn: number): Promise<Decides> {
    const isRemoval = turn % 2 === 0;
    const changed = policy(1, isRemoval ? DESTINATIONS - 1 : DESTINATIONS);
    this.#deliver(
      this.#objects.map((object) =>
        object.kind === changed.kind && object.metadata.name === changed.metadata.name ? changed : object,
      ),
    );
    const name = `host-${DESTINATIONS - 1}.team-1.example.com`;
    const proxy = this.#gateway.proxy('team-0001');
    return async () => (await connectStatus(proxy, name)) === (isRemoval ? DENIED : ALLOWED);
  }

  async #add(turn: number): Promise<Decides> {
    this.#deliver([...this.#objects, ...workspaceObjects(NEW + turn, 'policy-1')]);
    const proxy = this.#gateway.proxy(workspaceName(NEW + turn));
    return async () => (await connectStatus(proxy, ANY).catch(() => undefined)) === DENIED;
  }

  /** The last one first: ports are given out anew here, and the others retain theirs. */
  async #remove(turn: number): Promise<Decides> {
    const name = workspaceName(NEW + TURNS - 1 - turn);
    const proxy = this.#gateway.proxy(name);
    this.#deliver(this.#objects.filter(({ metadata }) => metadata.name !== name));
    return async () => (await connectStatus(proxy, ANY).catch(() => undefined)) === undefined;
  }

  /** Only Envoy's answer says that it is in force. */
  async #revoke(count: number): Promise<undefined> {
    await this.#gateway.revoke(count);
  }

  #deliver(objects: readonly ObservedObject[]): void {
    this.#objects = objects;
    this.#gateway.compile(objects);
  }
}

/** What the encoding of everything takes where nothing is remembered of it. */
async function encodingOf(resources: Resources): Promise<GatewayScale['encoding']> {
  const fresh = structuredClone(resources);
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  const before = process.cpuUsage();
  const encoded = await encodeResources(fresh);
  const { user, system } = process.cpuUsage(before);
  loop.disable();
  const bytes = Object.values(encoded)
    .flatMap((kind) => [...kind.values()])
    .reduce((sum, one) => sum + (one.encoded?.entry.length ?? 0), 0);
  return { cpuMs: (user + system) / 1000, longestBlockMs: loop.max / 1e6, megabytes: bytes / 2 ** 20 };
}
