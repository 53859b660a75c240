// One agent with its Envoy in a process of its own: where it listens, when it wrote a table, and how it ends.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { type FSWatcher, watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connectStatus } from './probe.ts';
import { cpuSeconds, type Memory, memoryOf } from './process-usage.ts';
import type { Place } from './tunnel.ts';

export interface GatewayPlace {
  readonly name: string;
  readonly address: string;
  readonly state: string;
  readonly child: ChildProcess;
}

export interface AtRest {
  readonly cpuPercent: number;
  readonly memory: Memory;
}

const LIMIT_MS = 60_000;
/** Closer together they would take from Envoy and the API server what is measured, on a machine of two cores. */
const BETWEEN_MS = 5;

export class GatewayProcess {
  readonly name: string;
  readonly #place: GatewayPlace;

  constructor(place: GatewayPlace) {
    this.name = place.name;
    this.#place = place;
  }

  /** Where a lane's first port listens. */
  proxy(port: number): Place {
    return { host: this.#place.address, port };
  }

  /** The moment when CONNECT through this port first gets this status; a port that nobody listens at gives none. */
  async untilStatus(port: number, name: string, wanted: number): Promise<number> {
    const deadlineMs = performance.now() + LIMIT_MS;
    const proxy = this.proxy(port);
    while ((await connectStatus(proxy, name).catch(() => undefined)) !== wanted) {
      if (performance.now() > deadlineMs) throw new Error(`Waited ${LIMIT_MS} ms for ${wanted} of "${name}"`);
      await delay(BETWEEN_MS);
    }
    return performance.now();
  }

  /** Tells when a route table is stored first from now on, just before Envoy gets it; NaN until then. */
  watchTables(): { readonly watcher: FSWatcher; readonly atMs: () => number } {
    let atMs = Number.NaN;
    const watcher = watch(join(this.#place.state, 'envoy/resources/route'), (_event, name) => {
      if (name?.endsWith('.binpb') === true && Number.isNaN(atMs)) atMs = performance.now();
    });
    return { watcher, atMs: () => atMs };
  }

  /** Of the agent and of its Envoy: memory now, and the share of a core over `restMs` in which nothing is changed. */
  async atRest(restMs: number): Promise<Readonly<Record<'agent' | 'envoy', AtRest>>> {
    const text = await readFile(join(this.#place.state, 'envoy/envoy.json'), 'utf8');
    const pids = { agent: this.#place.child.pid ?? 0, envoy: (JSON.parse(text) as { pid: number }).pid };
    const cpu = async () => [await cpuSeconds(pids.agent), await cpuSeconds(pids.envoy)] as const;
    const before = await cpu();
    await delay(restMs);
    const after = await cpu();
    const percent = (at: 0 | 1): number => ((after[at] - before[at]) * 100_000) / restMs;
    return {
      agent: { cpuPercent: percent(0), memory: await memoryOf(pids.agent) },
      envoy: { cpuPercent: percent(1), memory: await memoryOf(pids.envoy) },
    };
  }

  async stop(): Promise<void> {
    const { child } = this.#place;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  }
}
