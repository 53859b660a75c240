// Waits until Envoy has answered for all that it was sent, and serves it: what it has accepted may still wait for its route
// table, or for its hosts.
import { setTimeout as delay } from 'node:timers/promises';
import { EnvoyNotRunning, EnvoySilent } from '../process/envoy-admin.ts';
import type { DeltaServer } from './delta-server.ts';

export interface EnvoyWaitOptions {
  readonly server: Pick<DeltaServer, 'stream' | 'disconnect'>;
  /** How many listeners and clusters of Envoy wait for something. */
  readonly warming: () => Promise<number>;
  /** Whether an Envoy runs, connected or not. */
  readonly isRunning: () => boolean;
}

const SHORTEST_POLL_MS = 5;
/** An Envoy that dies without a connection causes no event. */
const LONGEST_PAUSE_MS = 200;

export class EnvoyWait {
  readonly #options: EnvoyWaitOptions;
  #waiting: (() => void)[] = [];

  constructor(options: EnvoyWaitOptions) {
    this.#options = options;
  }

  async untilInForce(limitMs: number): Promise<'inForce' | 'timeout' | 'notRunning'> {
    const { server, isRunning } = this.#options;
    const deadlineMs = performance.now() + limitMs;
    const isQuiet = await this.#untilQuiet(deadlineMs);
    if (!isRunning()) return 'notRunning';
    if (!isQuiet) {
      // An answer may have been lost; on a new connection Envoy says what it has.
      server.disconnect();
      return 'timeout';
    }
    return (await this.#untilWarm(deadlineMs)) ? 'inForce' : 'timeout';
  }

  /** Envoy has connected, gone or answered. */
  wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async #untilQuiet(deadlineMs: number): Promise<boolean> {
    const { server, isRunning } = this.#options;
    while (server.stream?.isQuiet !== true) {
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0 || !isRunning()) return false;
      await this.#event(leftMs);
    }
    return true;
  }

  async #untilWarm(deadlineMs: number): Promise<boolean> {
    const { server, isRunning } = this.#options;
    while (performance.now() < deadlineMs) {
      const askedMs = performance.now();
      if (server.stream?.isQuiet === true && (await this.#isWarm())) return true;
      if (!isRunning()) return false;
      // Most of Envoy's time is left to what it is asked about.
      await delay(Math.max(SHORTEST_POLL_MS, 2 * (performance.now() - askedMs)));
    }
    return false;
  }

  /** Asks Envoy only where it must be: with thousands of listeners the answer takes it a while. */
  async #isWarm(): Promise<boolean> {
    const { server, warming } = this.#options;
    const { stream } = server;
    const accepts = stream?.warming;
    if (stream === undefined || accepts === undefined) return stream !== undefined;
    try {
      if ((await warming()) > 0) return false;
      stream.warmedUp(accepts);
      return true;
    } catch (error) {
      if (error instanceof EnvoyNotRunning || error instanceof EnvoySilent) return false;
      throw error;
    }
  }

  async #event(limitMs: number): Promise<void> {
    const limit = new AbortController();
    const event = new Promise<void>((resolve) => this.#waiting.push(resolve));
    const pauseMs = Math.min(limitMs, LONGEST_PAUSE_MS);
    const pause = delay(pauseMs, undefined, { signal: limit.signal }).catch(() => undefined);
    await Promise.race([event, pause]);
    limit.abort();
  }
}
