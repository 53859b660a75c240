// Numbers of a role for Prometheus, under the names that dashboards for Kubernetes controllers know, and our own under
// "sallyport_". Each role has a registry of its own, so that several can run in one process. What is a state and no
// event is read when somebody asks for the numbers.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { LoopRun, LoopState } from './loop.ts';
import { loopMetrics } from './loop-metrics.ts';

export interface Metrics {
  /** Text in Prometheus' format. */
  text(): Promise<string>;
  readonly contentType: string;
  pass(run: LoopRun): void;
  /** From now on the numbers say what this loop does. */
  watchLoop(state: () => LoopState): void;
  watchDns(counts: () => DnsNumbers): void;
  /** Connections that were closed at once, since the start of the process. */
  watchRefusedConnections(count: () => number): void;
  /** Share of what Envoy may use. */
  watchEnvoyMemory(share: () => number): void;
  watchReflectors(progress: () => readonly ReflectorState[]): void;
  apiRequest(done: {
    readonly method: string;
    readonly host: string;
    /** 0 where there was no answer. */
    readonly status: number;
    readonly durationMs: number;
  }): void;
  objectWrite(write: { readonly kind: string; readonly verb: string; readonly failed: boolean }): void;
  reflectorFailure(reflector: string): void;
  eventDropped(): void;
  leader(isLeader: boolean): void;
  /** All problems that there are now, in place of those before. */
  problems(problems: readonly { readonly reason: string }[]): void;
  denial(denial: {
    readonly workspace: string;
    readonly reason: string;
    readonly accessType: string;
    readonly repeats: number;
  }): void;
}

/** Since the start of the process. */
interface DnsNumbers {
  /** By what became of them. */
  readonly questions: Readonly<Record<string, number>>;
  /** Denied questions without a row of their own. */
  readonly folded: number;
  /** Rows of denied questions that were given up. */
  readonly dropped: number;
}

interface ReflectorState {
  readonly reflector: string;
  readonly hasSynced: boolean;
  /** By performance.now(); undefined before the first time. */
  readonly heardAtMs: number | undefined;
}

const REQUEST_BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];
/** Beyond so many series of denials, those of further workspaces are counted together. */
const MAX_DENIAL_SERIES = 5000;
const OTHER_WORKSPACES = '(other)';

export function createMetrics(role: string): Metrics {
  const register = new Registry();
  const registers = [register];
  collectDefaultMetrics({ register });
  return {
    text: () => register.metrics(),
    contentType: register.contentType,
    ...loopMetrics(role, registers),
    ...reflectorMetrics(registers),
    ...dnsMetrics(registers),
    ...connectionMetrics(registers),
    ...apiMetrics(registers),
    ...deliveryMetrics(role, registers),
    ...userMetrics(registers),
  };
}

function apiMetrics(registers: Registry[]): Pick<Metrics, 'apiRequest'> {
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
  return {
    apiRequest({ method, host, status, durationMs }) {
      requests.inc({ code: status === 0 ? '<error>' : String(status), method, host });
      durations.observe({ verb: method, host }, durationMs / 1000);
    },
  };
}

function reflectorMetrics(registers: Registry[]): Pick<Metrics, 'reflectorFailure' | 'watchReflectors'> {
  let progress: () => readonly ReflectorState[] = () => [];
  const failures = new Counter({
    name: 'sallyport_reflector_failures_total',
    help: 'Watches that failed and were begun again',
    labelNames: ['reflector'],
    registers,
  });
  const gauge = (name: string, help: string, valueOf: (state: ReflectorState) => number): Gauge =>
    new Gauge({
      name,
      help,
      labelNames: ['reflector'],
      registers,
      collect() {
        for (const state of progress()) this.set({ reflector: state.reflector }, valueOf(state));
      },
    });
  gauge('sallyport_reflector_synced', 'Whether everything was read once', ({ hasSynced }) =>
    hasSynced ? 1 : 0,
  );
  gauge(
    'sallyport_reflector_silent_seconds',
    'Time since the API server was last heard; NaN before the first time',
    ({ heardAtMs }) => (heardAtMs === undefined ? Number.NaN : (performance.now() - heardAtMs) / 1000),
  );
  return {
    reflectorFailure: (reflector) => failures.inc({ reflector }),
    watchReflectors: (read) => {
      progress = read;
    },
  };
}

function dnsMetrics(registers: Registry[]): Pick<Metrics, 'watchDns'> {
  let counts: () => DnsNumbers | undefined = () => undefined;
  new Counter({
    name: 'sallyport_dns_questions_total',
    help: 'Questions that clients asked the DNS, by what became of them',
    labelNames: ['outcome'],
    registers,
    collect() {
      this.reset();
      for (const [outcome, count] of Object.entries(counts()?.questions ?? {})) this.inc({ outcome }, count);
    },
  });
  new Counter({
    name: 'sallyport_dns_folded_total',
    help: 'Denied questions that are in the row of an earlier one of the same client and name',
    registers,
    collect() {
      this.reset();
      this.inc(counts()?.folded ?? 0);
    },
  });
  new Counter({
    name: 'sallyport_dns_dropped_total',
    help: 'Denied questions that are in no row, since too many waited for the file system',
    registers,
    collect() {
      this.reset();
      this.inc(counts()?.dropped ?? 0);
    },
  });
  return {
    watchDns: (read) => {
      counts = read;
    },
  };
}

function connectionMetrics(
  registers: Registry[],
): Pick<Metrics, 'watchRefusedConnections' | 'watchEnvoyMemory'> {
  let refused: () => number = () => 0;
  new Counter({
    name: 'sallyport_connections_refused_total',
    help: 'Connections that were closed at once, since there were as many as there may be, or too little memory',
    registers,
    collect() {
      this.reset();
      this.inc(refused());
    },
  });
  let memory: () => number = () => 0;
  new Gauge({
    name: 'sallyport_envoy_memory_used_ratio',
    help: 'Memory of Envoy, of what it may use; above 0.95 it refuses what is new',
    registers,
    collect() {
      this.set(memory());
    },
  });
  return {
    watchEnvoyMemory: (read) => {
      memory = read;
    },
    watchRefusedConnections: (read) => {
      refused = read;
    },
  };
}

function deliveryMetrics(
  role: string,
  registers: Registry[],
): Pick<Metrics, 'objectWrite' | 'eventDropped' | 'leader'> {
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
    help: 'Whether this replica leads',
    labelNames: ['name'],
    registers,
  });
  return {
    objectWrite: ({ kind, verb, failed }) => writes.inc({ kind, verb, result: failed ? 'error' : 'success' }),
    eventDropped: () => dropped.inc(),
    leader: (isLeader) => leads.set({ name: `sallyport-${role}` }, isLeader ? 1 : 0),
  };
}

function userMetrics(registers: Registry[]): Pick<Metrics, 'problems' | 'denial'> {
  const problems = new Gauge({
    name: 'sallyport_problems',
    help: 'Mistakes in what users wrote, by reason, as they are now',
    labelNames: ['reason'],
    registers,
  });
  const denials = new Counter({
    name: 'sallyport_denials_total',
    help: 'Connections refused, or found to be refusable in dry-run',
    labelNames: ['workspace', 'reason', 'access_type'],
    registers,
  });
  const series = new Set<string>();
  const isCounted = (key: string): boolean => series.has(key) || series.size < MAX_DENIAL_SERIES;
  return {
    problems(found) {
      problems.reset();
      for (const { reason } of found) problems.inc({ reason });
    },
    denial({ workspace, reason, accessType, repeats }) {
      const key = JSON.stringify([workspace, reason, accessType]);
      const isOwn = isCounted(key);
      if (isOwn) series.add(key);
      denials.inc(
        { workspace: isOwn ? workspace : OTHER_WORKSPACES, reason, access_type: accessType },
        repeats,
      );
    },
  };
}
