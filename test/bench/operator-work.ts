// Work of an operator in an interval: time until it is idle, its writes by the API server's own
// count, its share of a core, and the longest block of its event loop.
import { setTimeout as delay } from 'node:timers/promises';
import type { ControlPlane } from '../support/cluster/control-plane.ts';
import type { OperatorProcess } from './operator-process.ts';
import { cpuSeconds } from './process-usage.ts';
import { type Writes, writesBetween, writesSoFar } from './server-writes.ts';

export interface OperatorStart {
  /** From the start of the process until every kind has been read. */
  readonly syncedMs: number;
  /** From then until the last write, or the first pass where there was none. */
  readonly settledMs: number;
  readonly longestBlockMs: number;
  readonly writes: Writes;
}

export interface OperatorRest {
  readonly coreShare: number;
  readonly longestBlockMs: number;
  readonly writes: Writes;
}

const POLL_MS = 250;
const QUIET_MS = 5000;
/** prom-client's, reset whenever it is read. */
const LAG = 'nodejs_eventloop_lag_max_seconds';
const ACTIVE = 'controller_runtime_active_workers{controller="operator"}';
const PASSES = 'controller_runtime_reconcile_total{controller="operator",result="success"}';
const WRITTEN = 'rest_client_requests_total{';

export async function startOf(operator: OperatorProcess, controlPlane: ControlPlane): Promise<OperatorStart> {
  const before = await writesSoFar(controlPlane);
  await operator.answers();
  const syncedMs = await operator.synced();
  let busyMs = syncedMs;
  let longestBlockMs = 0;
  let last = '';
  while (performance.now() - busyMs < QUIET_MS) {
    const metrics = await operator.metrics();
    longestBlockMs = Math.max(longestBlockMs, (metrics.get(LAG) ?? 0) * 1000);
    const now = JSON.stringify([metrics.get(PASSES), metrics.get(ACTIVE), writeRequests(metrics)]);
    if (now !== last || metrics.get(ACTIVE) === 1) busyMs = performance.now();
    last = now;
    await delay(POLL_MS);
  }
  return {
    syncedMs: syncedMs - operator.startMs,
    settledMs: busyMs - syncedMs,
    longestBlockMs,
    writes: writesBetween(before, await writesSoFar(controlPlane)),
  };
}

/** `meanwhile` happens at the beginning. */
export async function restOf(
  operator: OperatorProcess,
  controlPlane: ControlPlane,
  seconds: number,
  meanwhile: () => Promise<void> = () => Promise.resolve(),
): Promise<OperatorRest> {
  const before = await writesSoFar(controlPlane);
  await operator.metrics();
  const cpuBefore = await cpuSeconds(operator.pid);
  await meanwhile();
  await delay(seconds * 1000);
  const coreShare = ((await cpuSeconds(operator.pid)) - cpuBefore) / seconds;
  const longestBlockMs = ((await operator.metrics()).get(LAG) ?? 0) * 1000;
  return { coreShare, longestBlockMs, writes: writesBetween(before, await writesSoFar(controlPlane)) };
}

/** But for those of the lease, of which there is one every few seconds. */
function writeRequests(metrics: ReadonlyMap<string, number>): number {
  const requests = [...metrics].filter(
    ([sample]) => sample.startsWith(WRITTEN) && !sample.includes('method="GET"'),
  );
  return Math.floor(requests.reduce((sum, [, count]) => sum + count, 0) / LEASE_NOISE);
}

/** More than the lease takes while it is checked. */
const LEASE_NOISE = 8;
