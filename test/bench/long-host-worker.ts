// A worker that floods a proxy with long Hosts, so that its work delays nothing that is measured beside it.
// In: a LongHostRequest per message. Out: a Ledger per message.
import { parentPort } from 'node:worker_threads';
import { floodLongHosts } from './long-host-flood.ts';
import type { Place } from './tunnel.ts';

export interface LongHostRequest {
  readonly proxy: Place;
  readonly durationMs: number;
}

parentPort?.on('message', ({ proxy, durationMs }: LongHostRequest) => {
  const endMs = performance.now() + durationMs;
  void floodLongHosts(proxy, () => performance.now() >= endMs).then((ledger) =>
    parentPort?.postMessage(ledger),
  );
});
