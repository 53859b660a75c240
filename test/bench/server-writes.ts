// Writes to an API server in an interval, by the server's own count: by kind, subresource and verb. Leases
// are left out, which replicas and servers renew all the time, what the server writes by itself, and questions.
import { setTimeout as delay } from 'node:timers/promises';
import type { ControlPlane } from '../support/cluster/control-plane.ts';
import { parseMetrics } from './operator-process.ts';

/** "PATCH policyassignments/status" -> how many. */
export type Writes = Readonly<Record<string, number>>;

const QUIET_MS = 3000;
const READING = ['GET', 'LIST', 'WATCH', 'CONNECT'];
/** Written by the server itself: its own place, and the addresses that it gives to Services. */
const SERVERS_OWN = ['leases', 'endpoints', 'ipaddresses'];
/** Posted, and stored nowhere. */
const QUESTIONS = ['selfsubjectreviews', 'selfsubjectaccessreviews', 'subjectaccessreviews', 'tokenreviews'];
const NOT_COUNTED = [...SERVERS_OWN, ...QUESTIONS];

export async function writesSoFar(controlPlane: ControlPlane): Promise<Writes> {
  const { stdout } = await controlPlane.kubectl(['get', '--raw', '/metrics']);
  const writes: Record<string, number> = {};
  for (const [sample, count] of parseMetrics(stdout)) {
    const { verb = '', resource = '', subresource = '' } = labelsOf(sample, 'apiserver_request_total');
    if (verb === '' || READING.includes(verb) || resource === '' || NOT_COUNTED.includes(resource)) continue;
    const name = `${verb} ${[resource, subresource].filter(Boolean).join('/')}`;
    writes[name] = (writes[name] ?? 0) + count;
  }
  return writes;
}

/** Resolves once nothing has been written for some seconds. */
export async function untilNoWrites(controlPlane: ControlPlane): Promise<void> {
  for (let before = await writesSoFar(controlPlane); ; ) {
    await delay(QUIET_MS);
    const after = await writesSoFar(controlPlane);
    if (JSON.stringify(after) === JSON.stringify(before)) return;
    before = after;
  }
}

export function writesBetween(before: Writes, after: Writes): Writes {
  const differences = Object.entries(after).map(
    ([name, count]) => [name, count - (before[name] ?? 0)] as const,
  );
  return Object.fromEntries(differences.filter(([, count]) => count !== 0));
}

export function total(writes: Writes): number {
  return Object.values(writes).reduce((sum, count) => sum + count, 0);
}

function labelsOf(sample: string, metric: string): Readonly<Record<string, string>> {
  if (!sample.startsWith(`${metric}{`)) return {};
  return Object.fromEntries(
    [...sample.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]),
  );
}
