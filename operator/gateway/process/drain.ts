// The end of a gateway that others replace: it takes no new clients from Services, asks those that it has to go, and
// waits until the last request and the last tunnel have ended, or no longer. Envoy and its configuration stay in force meanwhile.
import { setTimeout as delay } from 'node:timers/promises';
import type { EnvoyAdmin } from './envoy-admin.ts';
import { askEnvoy } from './envoy-polls.ts';

export interface DrainOptions {
  readonly envoy: Pick<EnvoyAdmin, 'askClientsToClose' | 'activeRequests'>;
  /** How long requests and tunnels may take to end. */
  readonly longestMs: number;
  /** The first step: others do what only one of them may do. */
  readonly leave: () => Promise<void>;
  readonly onProgress: (what: string, requests?: number) => void;
}

/** Until every node has heard that this gateway takes no new connections, after it has left. */
const LEAST_MS = 5000;
const POLL_MS = 500;
/** Whoever asks may ask a moment before the drain begins. */
const BEGIN_MS = 10_000;

export class Drain {
  readonly #options: DrainOptions;
  #done: Promise<void> | undefined;
  #isDone = false;

  constructor(options: DrainOptions) {
    this.#options = options;
  }

  get isDraining(): boolean {
    return this.#done !== undefined;
  }

  /** Returns at once; a second call changes nothing. */
  begin(): void {
    this.#done ??= this.#drain().finally(() => {
      this.#isDone = true;
    });
  }

  /** Resolves when the drain has ended; soon where none begins, or when nobody waits for it any more. */
  async ended(isAwaited: () => boolean = () => true): Promise<string> {
    const askedMs = performance.now();
    // It looks again and again: whoever waited would be remembered as long as the drain takes.
    while (!this.#isDone && isAwaited()) {
      const isLate = performance.now() - askedMs >= BEGIN_MS;
      if (isLate && !this.isDraining) return 'this gateway does not drain\n';
      await delay(POLL_MS, undefined, { ref: false });
    }
    return 'drained\n';
  }

  async #drain(): Promise<void> {
    const { envoy, longestMs, leave, onProgress } = this.#options;
    const startedMs = performance.now();
    onProgress('draining: waiting for requests and tunnels to end');
    await Promise.all([
      leave().catch(() => undefined),
      askEnvoy(() => envoy.askClientsToClose(), { gone: undefined, silent: undefined }),
    ]);
    const leftMs = performance.now();
    for (;;) {
      await delay(POLL_MS, undefined, { ref: false });
      const requests = await this.#requests();
      const takesMs = performance.now() - startedMs;
      if (requests === 0 && performance.now() - leftMs >= LEAST_MS)
        return onProgress('drained: no request is in progress');
      if (takesMs >= longestMs) return onProgress('the drain ends with requests in progress', requests);
    }
  }

  /** An idle connection waits for nothing: its client has been asked to close it, or opens another. */
  #requests(): Promise<number> {
    return askEnvoy(() => this.#options.envoy.activeRequests(), { gone: 0, silent: 1 });
  }
}
