// A worker: runs some clients for a while, each opening one tunnel after the other.
// In: a TunnelRun per message. Out: a TunnelTally per message.
import { createSecureContext } from 'node:tls';
import { parentPort, workerData } from 'node:worker_threads';
import { type Place, runTunnel, type TunnelOptions } from './tunnel.ts';

export interface TunnelRun {
  readonly target: Place;
  readonly isProxy: boolean;
  readonly names: readonly string[];
  readonly clients: number;
  readonly durationMs: number;
}

export interface TunnelTally {
  /** Milliseconds, one for each tunnel that worked. */
  readonly latenciesMs: Float64Array;
  readonly failed: number;
  /** Of one of the failed. */
  readonly error: string | undefined;
}

/** PEM of the authority that the origin's certificate comes from. */
const ca = workerData as string;
const context = createSecureContext({ minVersion: 'TLSv1.3', ecdhCurve: 'X25519', ca });

parentPort?.on('message', (run: TunnelRun) => {
  void serve(run);
});

async function serve(run: TunnelRun): Promise<void> {
  const latenciesMs: number[] = [];
  let failed = 0;
  let error: string | undefined;
  const endMs = performance.now() + run.durationMs;
  const client = async (first: number): Promise<void> => {
    for (let turn = first; performance.now() < endMs; turn += 1) {
      const name = run.names[turn % run.names.length] ?? '';
      const startMs = performance.now();
      const fault = await tunnel({ target: run.target, isProxy: run.isProxy, name, context });
      if (fault === undefined) latenciesMs.push(performance.now() - startMs);
      else failed += 1;
      error ??= fault?.message;
    }
  };
  await Promise.all(Array.from({ length: run.clients }, (_, at) => client(at)));
  parentPort?.postMessage({
    latenciesMs: Float64Array.from(latenciesMs),
    failed,
    error,
  } satisfies TunnelTally);
}

function tunnel(options: TunnelOptions): Promise<Error | undefined> {
  return new Promise((resolve) => runTunnel(options, resolve));
}
