// Numbers of a role for Prometheus, under the names that dashboards for Kubernetes controllers know, and our own under
// "sallyport_". Each role has a registry of its own, so that several can run in one process.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export interface Metrics {
  /** Text in Prometheus' format. */
  text(): Promise<string>;
  readonly contentType: string;
  pass(done: { readonly seconds: number; readonly queuedSeconds: number; readonly failed: boolean }): void;
  apiRequest(done: {
    readonly method: string;
    readonly host: string;
    readonly status: number;
    readonly durationMs: number;
  }): void;
  objectWrite(write: { readonly kind: string; readonly verb: string; readonly failed: boolean }): void;
  reflectorFailure(reflector: string): void;
  eventDropped(): void;
  leader(isLeader: boolean): void;
  denial(denial: { readonly workspace: string; readonly reason: string; readonly accessType: string }): void;
}

const REQUEST_BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];
const PASS_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 10, 30];

export function createMetrics(role: string): Metrics {
  const register = new Registry();
  const registers = [register];
  collectDefaultMetrics({ register });
  const passes = passMetrics(role, registers);
  const requests = new Counter({
    name: 'rest_client_requests_total',
    help: 'Requests to the API server, by status code, method and host',
    labelNames: ['code', 'method', 'host'],
    registers,
  });
  const durations = new Histogram({
    name: 'rest_client_request_duration_seconds',
    help: 'Time until the API server answered',
    labelNames: ['verb', 'host'],
    buckets: REQUEST_BUCKETS,
    registers,
  });
  const writes = counter(
    'sallyport_object_writes_total',
    'Objects written',
    ['kind', 'verb', 'result'],
    registers,
  );
  const failures = counter(
    'sallyport_reflector_failures_total',
    'Watches that failed',
    ['reflector'],
    registers,
  );
  const dropped = counter('sallyport_events_dropped_total', 'Events that were not recorded', [], registers);
  const denials = counter(
    'sallyport_denials_total',
    'Connections refused, or found to be refusable in dry-run',
    ['workspace', 'reason', 'access_type'],
    registers,
  );
  const leads = new Gauge({
    name: 'leader_election_master_status',
    help: 'Whether this replica leads',
    labelNames: ['name'],
    registers,
  });
  return {
    text: () => register.metrics(),
    contentType: register.contentType,
    pass: passes,
    apiRequest: ({ method, host, status, durationMs }) => {
      requests.inc({ code: status === 0 ? '<error>' : String(status), method, host });
      durations.observe({ verb: method, host }, durationMs / 1000);
    },
    objectWrite: ({ kind, verb, failed }) => writes.inc({ kind, verb, result: failed ? 'error' : 'success' }),
    reflectorFailure: (reflector) => failures.inc({ reflector }),
    eventDropped: () => dropped.inc(),
    leader: (isLeader) => leads.set({ name: `sallyport-${role}` }, isLeader ? 1 : 0),
    denial: ({ workspace, reason, accessType }) =>
      denials.inc({ workspace, reason, access_type: accessType }),
  };
}

/** The whole-world pass is the one thing that is reconciled. */
function passMetrics(controller: string, registers: Registry[]): Metrics['pass'] {
  const total = counter(
    'controller_runtime_reconcile_total',
    'Passes, by result',
    ['controller', 'result'],
    registers,
  );
  const errors = counter(
    'controller_runtime_reconcile_errors_total',
    'Passes that failed',
    ['controller'],
    registers,
  );
  const time = new Histogram({
    name: 'controller_runtime_reconcile_time_seconds',
    help: 'Time of a pass',
    labelNames: ['controller'],
    buckets: PASS_BUCKETS,
    registers,
  });
  const queued = new Histogram({
    name: 'workqueue_queue_duration_seconds',
    help: 'Time from the first change to the pass that takes it up',
    labelNames: ['name'],
    buckets: PASS_BUCKETS,
    registers,
  });
  errors.inc({ controller }, 0);
  return ({ seconds, queuedSeconds, failed }) => {
    total.inc({ controller, result: failed ? 'error' : 'success' });
    if (failed) errors.inc({ controller });
    time.observe({ controller }, seconds);
    queued.observe({ name: controller }, queuedSeconds);
  };
}

function counter<Label extends string>(
  name: string,
  help: string,
  labelNames: readonly Label[],
  registers: Registry[],
): Counter<Label> {
  return new Counter({ name, help, labelNames, registers });
}
