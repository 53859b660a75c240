// Polls of a running Envoy. An Envoy that is busy or not running is no failure.
import { Loop, SYSTEM_CLOCK } from '../../lib/loop.ts';
import { EnvoyNotRunning, EnvoySilent } from './envoy-admin.ts';

const MAX_PAUSE_MS = 2000;
/** In an Envoy with thousands of listeners a poll takes long, so polls are rarer there. */
const PAUSE_PER_POLL = 20;

export interface EnvoyPoll {
  readonly check: () => Promise<void>;
  /** The least time between two polls. */
  readonly pauseMs: number;
  /** Asked once more at the end, so that nothing is missed. */
  readonly isAskedLast?: true;
}

export class EnvoyPolls {
  readonly #polls: readonly EnvoyPoll[];
  readonly #onFailure: (error: Error) => void;
  readonly #loops: readonly Loop[];

  constructor(polls: readonly EnvoyPoll[], onFailure: (error: Error) => void) {
    this.#polls = polls;
    this.#onFailure = onFailure;
    this.#loops = polls.map(
      ({ check, pauseMs }) =>
        new Loop({
          job: async () => {
            const startMs = SYSTEM_CLOCK.nowMs();
            await check();
            const endMs = SYSTEM_CLOCK.nowMs();
            return { runAgainAtMs: endMs + Math.max(pauseMs, (endMs - startMs) * PAUSE_PER_POLL) };
          },
          minIntervalMs: pauseMs,
          retryIntervalMs: MAX_PAUSE_MS,
          maxIntervalMs: Math.max(MAX_PAUSE_MS, pauseMs),
          clock: SYSTEM_CLOCK,
          onFailure: (error) => onFailure(error as Error),
        }),
    );
  }

  start(): void {
    for (const loop of this.#loops) loop.trigger();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#loops.map((loop) => loop.stop()));
    for (const { check, isAskedLast } of this.#polls) {
      if (isAskedLast) await check().catch((error: unknown) => this.#onFailure(error as Error));
    }
  }
}

/** Envoy's answer, or the given substitute while Envoy does not run or does not answer in time. */
export async function askEnvoy<Answer, Gone, Silent>(
  ask: () => Promise<Answer>,
  away: { readonly gone: Gone; readonly silent: Silent },
): Promise<Answer | Gone | Silent> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof EnvoyNotRunning) return away.gone;
    if (error instanceof EnvoySilent) return away.silent;
    throw error;
  }
}
