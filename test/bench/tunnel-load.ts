// The load of the connect benchmark: worker threads with an origin and with clients, the same for every target.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { createCertificateAuthority } from '../outside/certificates.ts';
import type { OriginOptions } from './origin-worker.ts';
import type { TunnelRun, TunnelTally } from './tunnel-worker.ts';

export interface TunnelLoadOptions {
  readonly originAddress: string;
  /** "*.bench.example": whom the origin's certificate is for. */
  readonly names: string;
}

export interface Burst {
  readonly tunnels: number;
  readonly perSecond: number;
  readonly latenciesMs: Float64Array;
  readonly failed: number;
  readonly error: string | undefined;
}

/** One thread would be the bottleneck; more than cores only take turns. */
const CLIENT_THREADS = 2;

export class TunnelLoad {
  readonly #origin: Worker;
  readonly #clients: readonly Worker[];

  private constructor(origin: Worker, clients: readonly Worker[]) {
    this.#origin = origin;
    this.#clients = clients;
  }

  /** Throws where the origin cannot listen. */
  static async start({ originAddress, names }: TunnelLoadOptions): Promise<TunnelLoad> {
    const authority = await createCertificateAuthority();
    const { cert, key } = await authority.leafFor(names);
    const options: OriginOptions = { address: originAddress, port: 443, cert, key };
    const origin = new Worker(new URL('./origin-worker.ts', import.meta.url), { workerData: options });
    await once(origin, 'message');
    const worker = new URL('./tunnel-worker.ts', import.meta.url);
    const clients = Array.from(
      { length: CLIENT_THREADS },
      () => new Worker(worker, { workerData: authority.caPem }),
    );
    return new TunnelLoad(origin, clients);
  }

  /** `clients` of the run are those of all threads together. */
  async run(run: TunnelRun): Promise<Burst> {
    const startMs = performance.now();
    const tallies = await Promise.all(
      this.#clients.map(async (worker) => {
        worker.postMessage({ ...run, clients: run.clients / CLIENT_THREADS } satisfies TunnelRun);
        const [tally] = (await once(worker, 'message')) as [TunnelTally];
        return tally;
      }),
    );
    const seconds = (performance.now() - startMs) / 1000;
    const latenciesMs = Float64Array.from(tallies.flatMap((tally) => [...tally.latenciesMs]));
    return {
      tunnels: latenciesMs.length,
      perSecond: latenciesMs.length / seconds,
      latenciesMs,
      failed: tallies.reduce((sum, { failed }) => sum + failed, 0),
      error: tallies.find(({ error }) => error !== undefined)?.error,
    };
  }

  async stop(): Promise<void> {
    await Promise.all([this.#origin, ...this.#clients].map((worker) => worker.terminate()));
  }
}
