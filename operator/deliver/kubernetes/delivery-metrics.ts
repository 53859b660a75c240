// What the operator delivers, as numbers.
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Problem } from '../../model/problem.ts';

export interface DeliveryMetrics {
  readonly objectWrite: (write: {
    readonly kind: string;
    readonly verb: string;
    readonly failed: boolean;
  }) => void;
  readonly eventDropped: () => void;
  readonly leader: (isLeader: boolean) => void;
  /** All problems that there are now, in place of those before. */
  readonly problems: (problems: readonly Pick<Problem, 'reason'>[]) => void;
}

export function measureDelivery(registry: Registry): DeliveryMetrics {
  const registers = [registry];
  const writes = new Counter({
    name: 'sallyport_object_writes_total',
    help: 'Objects written, or not, by kind, verb and result',
    labelNames: ['kind', 'verb', 'result'],
    registers,
  });
  const dropped = new Counter({
    name: 'sallyport_events_dropped_total',
    help: 'Events that were not recorded',
    registers,
  });
  const leads = new Gauge({
    name: 'leader_election_master_status',
    help: 'Whether this replica is leader',
    labelNames: ['name'],
    registers,
  });
  const problems = new Gauge({
    name: 'sallyport_problems',
    help: 'Current problems of objects, by reason',
    labelNames: ['reason'],
    registers,
  });
  return {
    objectWrite: ({ kind, verb, failed }) => writes.inc({ kind, verb, result: failed ? 'error' : 'success' }),
    eventDropped: () => dropped.inc(),
    leader: (isLeader) => leads.set({ name: 'sallyport-operator' }, isLeader ? 1 : 0),
    problems: (found) => {
      problems.reset();
      for (const { reason } of found) problems.inc({ reason });
    },
  };
}
