// A flood of denied requests from one workspace: what is sent, and how to start it.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Place } from './probe-scene.ts';

export const FLOOD_KINDS = [
  'long hosts',
  'long paths',
  'distinct hosts',
  'same host',
  'new names',
  'questions',
] as const;

export interface Flood {
  readonly place: Place;
  readonly kind: (typeof FLOOD_KINDS)[number];
  /** Of what is long. */
  readonly size: number;
  readonly connections: number;
  readonly durationMs: number;
  readonly source: string;
}

export interface FloodTally {
  readonly sent: number;
  readonly answered: number;
}

export async function startFlood(flood: Flood): Promise<FloodTally> {
  const worker = new Worker(new URL('./flood-worker.ts', import.meta.url), { workerData: flood });
  const [tally] = (await once(worker, 'message')) as [FloodTally];
  await worker.terminate();
  return tally;
}
