// What the operator and the gateways write, as numbers.
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Problem } from '../../model/problem.ts';
import { LEASE_NAME } from '../../model/system-names.ts';

export interface WriteMetrics {
  readonly objectWrite: (write: {
    readonly kind: string;
    readonly verb: string;
    readonly failed: boolean;
  }) => void;
  readonly leader: (isLeader: boolean) => void;
}

export interface DeliveryMetrics extends WriteMetrics {
  readonly eventDropped: () => void;
  /** All problems that there are now, in place of those before. */
  readonly problems: (problems: readonly Pick<Problem, 'reason'>[]) => void;
}

/** `lease`: name of the lease whose holder writes. */
export function measureWrites(registry: Registry, lease: string): WriteMetrics {
  const registers = [registry];
  const writes = new Counter({
    name: 'sallyport_object_writes_total',
    help: 'Objects written, or not, by kind, verb and result',
    labelNames: ['kind', 'verb', 'result'],
    registers,
  });
  const leads = new Gauge({
    name: 'leader_election_master_status',
    help: 'Whether this replica is leader',
    labelNames: ['name'],
    registers,
  });
  return {
    objectWrite: ({ kind, verb, failed }) => writes.inc({ kind, verb, result: failed ? 'error' : 'success' }),
    leader: (isLeader) => leads.set({ name: lease }, isLeader ? 1 : 0),
  };
}

export function measureDelivery(registry: Registry): DeliveryMetrics {
  const registers = [registry];
  const dropped = new Counter({
    name: 'sallyport_events_dropped_total',
    help: 'Events that were not recorded',
    registers,
  });
  const problems = new Gauge({
    name: 'sallyport_problems',
    help: 'Current problems of objects, by reason',
    labelNames: ['reason'],
    registers,
  });
  return {
    ...measureWrites(registry, LEASE_NAME),
    eventDropped: () => dropped.inc(),
    problems: (found) => {
      problems.reset();
      for (const { reason } of found) problems.inc({ reason });
    },
  };
}
