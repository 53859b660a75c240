// New connections and held tunnels from a client pod, while something happens to the gateways; and what became of them.
import { kubectl } from './commands.ts';
import { runInPod } from './pods.ts';

export interface LoadReport {
  readonly ok: number;
  /** How often each failure occurred. */
  readonly failed: Readonly<Record<string, number>>;
  /** When connections failed, first and last, in milliseconds after the start. */
  readonly fromMs?: number;
  readonly toMs?: number;
  /** Connections that took longer than 900 ms. */
  readonly slow: number;
  readonly worstMs: number;
  /** Tunnels that were to be held, that were cut, and that ended by themselves. */
  readonly heldOpened: number;
  readonly heldCut: number;
  readonly heldEnded: number;
}

const RATE = 50;
const HELD = 10;

export interface LoadOptions {
  readonly seconds: number;
  /** How long held tunnels live. */
  readonly heldSeconds: number;
  /** Begins this many seconds after the load. */
  readonly afterSeconds?: number;
}

/** From ws-a. */
export async function underLoad(options: LoadOptions, event: () => Promise<unknown>): Promise<LoadReport> {
  const { seconds, heldSeconds, afterSeconds = 3 } = options;
  await kubectl(['-n', 'ws-a', 'rollout', 'status', 'deploy/client', '--timeout=60s']);
  const running = runInPod('ws-a', 'load', [RATE, seconds, HELD, heldSeconds].map(String));
  const happened = new Promise((resolve) => setTimeout(resolve, afterSeconds * 1000)).then(event);
  const [text] = await Promise.all([running, happened]);
  return JSON.parse(text.trim().split('\n').at(-1) ?? '') as LoadReport;
}

export function failures({ failed }: LoadReport): number {
  return Object.values(failed).reduce((sum, count) => sum + count, 0);
}

/** One line for people. */
export function describe({ ok, failed, fromMs, toMs, slow, worstMs, ...held }: LoadReport): string {
  const when = fromMs === undefined ? '' : ` from ${fromMs} to ${toMs} ms`;
  const tunnels = `held ${held.heldOpened}, cut ${held.heldCut}, ended ${held.heldEnded}`;
  return `${ok} ok, failed ${JSON.stringify(failed)}${when}, slow ${slow}, worst ${worstMs} ms; ${tunnels}`;
}
