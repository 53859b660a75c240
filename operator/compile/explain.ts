// `sallyport explain`: what would happen to one connection, and why, from the same code that runs; no Envoy needed.
import { isPort } from '../model/authority.ts';
import { parseDomainName } from '../model/domain-name.ts';
import type { EgressTable } from '../model/egress-table.ts';
import { isDryRun, isIsolated, isKnownLane, type Lane } from '../model/lane.ts';
import { nextStep } from '../model/next-step.ts';
import { formatProblem, type Problem } from '../model/problem.ts';
import type { Product } from '../model/product.ts';
import { REASONS } from '../model/reason.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { STRICTEST_LANE } from '../model/stamp.ts';
import type { WorkspacePlan } from '../model/workspace-plan.ts';
import { type Decision, decide, type EgressRequest, formatRule } from './decide.ts';
import { expiredEntries } from './expiries.ts';
import { compileSnapshot } from './plans.ts';
import { indexTable } from './table-index.ts';

/** What was read, and what could not be. */
interface Reading {
  readonly snapshot: Snapshot;
  readonly problems: readonly Problem[];
}

export interface ExplainRequest {
  /** Where it was read. */
  readonly folder: string;
  readonly workspace: string;
  readonly product: Product;
  readonly destination: Destination;
  /** Epoch milliseconds at which the connection is made. */
  readonly atMs: number;
}

export interface Destination {
  readonly host: string;
  readonly port: number;
  readonly via: 'CONNECT' | 'HTTP';
}

export type Explanation =
  | { readonly error: string; readonly problems: readonly Problem[] }
  | {
      readonly allowed: boolean;
      readonly lines: readonly (readonly [string, string])[];
      readonly problems: readonly Problem[];
    };

const DEFAULT_PORTS = { http: 80, https: 443 } as const;

/**
 * * "host", "host:port", "https://host[:port]" or "http://host[:port]"; without a scheme, port 80 means plain HTTP. A
 * path is ignored, since it decides nothing.
 */
export function parseDestination(text: string): Destination | undefined {
  const [, written, host, digits] =
    /^(?:(https?):\/\/)?(\[[^\]]+\]|[^:/]+)(?::(\d{1,5}))?(?:\/.*)?$/.exec(text) ?? [];
  const scheme = written ?? (Number(digits) === DEFAULT_PORTS.http ? 'http' : 'https');
  const isHttp = scheme === 'http';
  const port = Number(digits ?? DEFAULT_PORTS[isHttp ? 'http' : 'https']);
  if (host === undefined || !isPort(port)) return undefined;
  // Clients send ASCII, whatever a person writes.
  const parsed = parseDomainName(host);
  return { host: 'name' in parsed ? parsed.name : host, port, via: isHttp ? 'HTTP' : 'CONNECT' };
}

export function explain(reading: Reading, request: ExplainRequest): Explanation {
  const compiled = compileSnapshot(reading.snapshot);
  const expired = expiredEntries(reading.snapshot, request.atMs);
  const problems = [...reading.problems, ...compiled.problems, ...expired];
  const plan = compiled.plans.find(({ metadata, spec }) =>
    [metadata.name, spec.workspaceId].includes(request.workspace),
  );
  const table = compiled.tables.find(({ metadata }) => metadata.name === plan?.spec.table);
  if (plan === undefined || table === undefined) {
    const names = compiled.plans.map(({ metadata }) => metadata.name);
    return { error: noWorkspace(request, names), problems };
  }
  return { ...explainIn(plan, table, request), problems };
}

function explainIn(
  plan: WorkspacePlan,
  table: EgressTable,
  { product, destination, atMs }: ExplainRequest,
): Omit<Extract<Explanation, { allowed: boolean }>, 'problems'> {
  // A product that a plan does not name takes the strictest lane.
  const lane = plan.spec.products.find((entry) => entry.product === product)?.lane ?? STRICTEST_LANE;
  const decision = decide(indexTable(table.spec, atMs), lane, requestOf(destination));
  const { host, port, via } = destination;
  return {
    allowed: decision.verdict !== 'DROP',
    lines: [
      ['Workspace', `${plan.metadata.name} (${plan.spec.workspaceId})`],
      ['Product', product],
      ['Policy', plan.spec.networkPolicyId],
      ['Lane', describeLane(lane)],
      ['Destination', `${host}:${port} ${via === 'HTTP' ? 'plain HTTP' : 'through CONNECT'}`],
      ['Verdict', decision.verdict],
      ...reasonLines(decision),
      ['Revision', table.spec.revision],
    ],
  };
}

/** A pod that runs, as admission stamped it when it started. */
export interface RunningPod {
  readonly name: string;
  readonly product: Product;
  /** Its label, whatever it says; "" where it has none. */
  readonly lane: string;
  /** Its label was changed after admission, which gave it proxy variables and a name server of its former lane. */
  readonly changed: 'isolated at a deadline' | 'moved before it started' | undefined;
}

/**
 * What would happen to a connection of a pod that runs: now, in the lane that it carries; and after a restart, where its
 * product has another one by then. The table is that of its workspace in either case.
 */
export function explainPod(
  { plan, table }: { readonly plan: WorkspacePlan; readonly table: EgressTable },
  pod: RunningPod,
  { destination, atMs }: Pick<ExplainRequest, 'destination' | 'atMs'>,
): Explanation {
  const index = indexTable(table.spec, atMs);
  const next = plan.spec.products.find(({ product }) => product === pod.product)?.lane ?? STRICTEST_LANE;
  const verdictIn = (lane: Lane): Decision => decide(index, lane, requestOf(destination));
  const lane = usableLane(pod);
  const now = lane && ([lane, verdictIn(lane)] as const);
  const { host, port, via } = destination;
  return {
    allowed: now !== undefined && now[1].verdict !== 'DROP',
    problems: [],
    lines: [
      ['Workspace', `${plan.metadata.name} (${plan.spec.workspaceId})`],
      ['Pod', `${pod.name}, product ${pod.product}`],
      ['Policy', plan.spec.networkPolicyId],
      ['Destination', `${host}:${port} ${via === 'HTTP' ? 'plain HTTP' : 'through CONNECT'}`],
      ['Revision', table.spec.revision],
      ...(now === undefined
        ? [['Now', `lane "${pod.lane}": DROP`] as const, ['Reason', whyNothing(pod)] as const]
        : [['Now', summaryOf(...now)] as const, ...reasonLines(now[1])]),
      ...(next === pod.lane && pod.changed === undefined
        ? [['Restart', 'would change nothing: new pods of the product have the same lane'] as const]
        : [['Restart', summaryOf(next, verdictIn(next))] as const, ...reasonLines(verdictIn(next))]),
    ],
  };
}

/** Undefined where the pod reaches nothing outside: no lane is known, or its settings are those of another one. */
function usableLane({ lane, changed }: RunningPod): Lane | undefined {
  if (!isKnownLane(lane) || (changed !== undefined && isIsolated(lane))) return undefined;
  return lane;
}

function whyNothing({ lane, changed }: RunningPod): string {
  if (changed === undefined || !isKnownLane(lane))
    return 'the pod carries no lane that is known, so it reaches no gateway';
  return `the pod was ${changed}: its proxy variables and name server are those of its former lane, which it reaches no more, so it reaches nothing outside until it restarts`;
}

function summaryOf(lane: Lane, { verdict }: Decision): string {
  return `${verdict} in lane ${describeLane(lane)}`;
}

function reasonLines({ reason, rule }: Decision): readonly (readonly [string, string])[] {
  const step = nextStep(reason);
  return [
    ['Reason', `${reason}: ${REASONS[reason]}`],
    ...(step === undefined ? [] : [['Next step', step] as const]),
    ['Rule', rule === undefined ? '-' : formatRule(rule)],
  ];
}

/** A well-behaved client: inside the tunnel, TLS for the same host. */
function requestOf({ host, port, via }: Destination): EgressRequest {
  return via === 'HTTP' ? { via, host, port } : { via, host, port, inside: { kind: 'TLS', sni: host } };
}

function describeLane(lane: Lane): string {
  if (lane === 'full') return 'full (no gateway)';
  return isDryRun(lane) ? `${lane} (logs, denies only what every lane denies)` : lane;
}

function noWorkspace(request: ExplainRequest, names: readonly string[]): string {
  const known =
    names.length === 0
      ? 'the folder has none'
      : `the folder has ${names.map((name) => `"${name}"`).join(', ')}`;
  return `Cannot find workspace "${request.workspace}" in "${request.folder}": ${known}`;
}

/** Text of an explanation for a terminal. */
export function formatExplanation(explanation: Explanation): string {
  const problems = explanation.problems.map((problem) => `Problem      ${formatProblem(problem)}\n`).join('');
  if ('error' in explanation) return `${explanation.error}\n${problems}`;
  const width = 13;
  return explanation.lines.map(([label, text]) => `${label.padEnd(width)}${text}\n`).join('') + problems;
}
