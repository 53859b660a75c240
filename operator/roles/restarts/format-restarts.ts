// What must restart -> a table with the commands below it, or a document. No I/O.
import type { StaleWorkload } from '../../compile/restart-plan.ts';
import { fittedTable, wrapText } from '../../lib/fit-table.ts';
import { commandLines } from '../../model/command-lines.ts';
import { shellWord } from '../../model/shell-word.ts';
import { describeChange } from './describe-change.ts';
import type { RestartRow, Restarts } from './read-restarts.ts';

export interface RestartsFormat {
  /** Undefined: all of the cluster. */
  readonly workspace: string | undefined;
  /** Columns of the terminal. */
  readonly width?: number | undefined;
  /** Epoch milliseconds: how long it is until deadlines. */
  readonly atMs: number;
}

export function formatRestarts({ rows }: Pick<Restarts, 'rows'>, format: RestartsFormat): string {
  const { workspace, width } = format;
  const place = workspace === undefined ? 'any workspace' : `Namespace "${workspace}"`;
  if (rows.length === 0) {
    const sentence = `Nothing has to restart in ${place}: every pod is in the lane that the policy gives to its product`;
    return `${wrapText(sentence, width)}\n`;
  }
  const namespaces = [...new Set(rows.filter(canRestart).map(({ workload }) => workload.namespace))];
  return [
    ...tableOf(rows, format),
    '',
    ...namespaces.map(
      (name) =>
        `To restart all that can be restarted so: kubectl sallyport restart --all -n ${shellWord(name)}`,
    ),
    'By hand, each by itself:',
    ...rows.flatMap((row) => ['', ...byHand(row, width)]),
    '',
  ].join('\n');
}

/** By the plugin, as far as the kind says it: a rollout that is paused is left as it is, too. */
function canRestart({ workload: { hasOpenings, workloadKind } }: RestartRow): boolean {
  return !hasOpenings && workloadKind.restart.action.kind !== 'none';
}

/** `deployment/etl`, as kubectl writes it. */
export function workloadName({ kind, name }: Pick<StaleWorkload, 'kind' | 'name'>): string {
  return `${kind.toLowerCase()}/${name}`;
}

/** From the lane that differs most. */
export function changeOf({ lanes, isMoreOpen, policyLane, isolatedPods, pods }: StaleWorkload): string {
  if (isolatedPods === pods && !isMoreOpen) return `${policyLane}, isolated`;
  const change = describeChange((isMoreOpen ? lanes[0] : lanes.at(-1)) ?? '', policyLane);
  return isMoreOpen ? `${change} (more open)` : change;
}

/** Why they are not restarted as they are. */
export function openingsSentence(openings: readonly string[]): string {
  return `Its pods go past their lane through their node, by ${openings.join(', ')}: as they are they would not start again. Leave that out, or run them in a Namespace that is no workspace`;
}

function tableOf(rows: readonly RestartRow[], { workspace, width, atMs }: RestartsFormat): readonly string[] {
  const hasWorkspaces = workspace === undefined;
  const hasDeadlines = rows.some(({ deadline }) => deadline !== undefined);
  const headings = [
    ...(hasWorkspaces ? ['WORKSPACE'] : []),
    ...['WORKLOAD', 'PRODUCT', 'PODS', 'RUNNING SINCE', 'CHANGE'],
    ...(hasDeadlines ? ['DEADLINE', 'AT'] : []),
  ];
  const lines = rows.map((row) => [
    ...(hasWorkspaces ? [row.workload.namespace] : []),
    workloadName(row.workload),
    row.workload.product,
    `${row.workload.pods}`,
    minuteOf(row.workload.runningSinceMs),
    changeOf(row.workload),
    ...(hasDeadlines ? [dueOf(row, atMs), minuteOf(timeOf(row.deadline))] : []),
  ]);
  return fittedTable([headings, ...lines], {
    width,
    leftOut: ['PRODUCT', 'RUNNING SINCE', 'AT', 'PODS'],
    least: { WORKSPACE: 10, WORKLOAD: 15 },
  });
}

function timeOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Date.parse(text);
}

/** "2027-01-31T00:00Z". */
function minuteOf(timeMs: number | undefined): string {
  if (timeMs === undefined || Number.isNaN(timeMs)) return '-';
  return `${new Date(timeMs).toISOString().slice(0, 16)}Z`;
}

/** "Evict in 23h", "Isolate now". */
function dueOf({ deadline, deadlineAction = 'Due' }: RestartRow, atMs: number): string {
  const leftMs = (timeOf(deadline) ?? Number.NaN) - atMs;
  if (Number.isNaN(leftMs)) return '-';
  return leftMs <= 0 ? `${deadlineAction} now` : `${deadlineAction} in ${roughly(leftMs)}`;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** In one unit, since a table has no room for more. */
function roughly(ms: number): string {
  if (ms < MINUTE_MS) return '1m';
  const [unitMs, unit] =
    ms < 2 * HOUR_MS ? [MINUTE_MS, 'm'] : ms < 2 * DAY_MS ? [HOUR_MS, 'h'] : [DAY_MS, 'd'];
  return `${Math.floor(ms / (unitMs as number))}${unit}`;
}

/** For a shell: sentences are comments, and commands stay whole. */
function byHand({ workload, openings }: RestartRow, width: number | undefined): readonly string[] {
  const { workloadKind, commands } = workload;
  const sentence = workload.hasOpenings ? openingsSentence(openings) : workloadKind.restart.sentence;
  return [commented(`${workloadName(workload)}: ${sentence}`, width), ...commandLines(commands)];
}

const COMMENT = '# ';

function commented(sentence: string, width: number | undefined): string {
  const text = wrapText(sentence, width === undefined ? undefined : width - COMMENT.length);
  return text.replace(/^/gm, COMMENT);
}

/** For programs. */
export function documentOf({ rows, notes }: Pick<Restarts, 'rows' | 'notes'>): object {
  return { workloads: rows.map(rowDocument), notes };
}

function rowDocument({ workload, openings, deadline, deadlineAction }: RestartRow): object {
  const { namespace, apiVersion, kind, name, product, pods, podNames, lanes, policyLane } = workload;
  const { workloadKind, isMoreOpen, runningSinceMs, staleSinceMs, commands } = workload;
  return {
    ...{ workspace: namespace, apiVersion, kind, name, product, workload: workloadKind.name },
    ...{ pods, podNames, lanes, policyLane, change: changeOf(workload), isMoreOpen },
    ...(runningSinceMs === undefined ? {} : { runningSince: new Date(runningSinceMs).toISOString() }),
    ...(staleSinceMs === undefined ? {} : { staleSince: new Date(staleSinceMs).toISOString() }),
    ...(deadline === undefined ? {} : { deadline }),
    ...(deadlineAction === undefined ? {} : { deadlineAction }),
    ...(openings.length === 0 ? {} : { openings }),
    ...{ procedure: workloadKind.restart.sentence, rule: workloadKind.restart.rule, commands },
  };
}
