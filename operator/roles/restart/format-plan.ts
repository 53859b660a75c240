// What a restart would do -> text for a person who is asked whether to. No I/O.
import { formatDuration } from '../../lib/duration.ts';
import { wrapText } from '../../lib/fit-table.ts';
import { commandLines } from '../../model/command-lines.ts';
import { changeOf, openingsSentence, workloadName } from '../restarts/format-restarts.ts';
import type { RestartableWorkload } from './find-workload.ts';
import type { RestartRequest } from './restart-requests.ts';

/** One workload, with what is done to it or why nothing is. */
export interface PreparedRestart {
  readonly workload: RestartableWorkload;
  readonly requests: readonly RestartRequest[];
  /** Between the two its pods have to go. */
  readonly isStopAndStart: boolean;
  /** Why it is left as it is; undefined where it is restarted. */
  readonly why: string | undefined;
}

export interface PlanFormat {
  readonly timeoutMs: number;
  readonly width: number | undefined;
}

export function formatPlan(prepared: readonly PreparedRestart[], format: PlanFormat): string {
  const restarted = prepared.filter(({ why }) => why === undefined);
  const left = prepared.filter(({ why }) => why !== undefined);
  return [
    ...(restarted.length === 0 ? [] : ['To be restarted, one after the other:']),
    ...restarted.flatMap((one) => ['', ...restartedLines(one, format)]),
    ...(restarted.length === 0 || left.length === 0 ? [] : ['']),
    ...(left.length === 0 ? [] : ['Left as they are:']),
    ...left.flatMap((one) => ['', ...leftLines(one, format)]),
    '',
  ].join('\n');
}

/** Of one that goes past its lane: it would not start again. Undefined for others. */
export function openingsOf({ rows }: RestartableWorkload): string | undefined {
  if (!rows.some(({ workload }) => workload.hasOpenings)) return undefined;
  return openingsSentence([...new Set(rows.flatMap(({ openings }) => openings))]);
}

function restartedLines(
  { workload, requests, isStopAndStart }: PreparedRestart,
  { timeoutMs, width }: PlanFormat,
): readonly string[] {
  const { workloadKind, rows } = workload;
  const pods = rows.reduce((sum, { workload: { pods: count } }) => sum + count, 0);
  const changes = [...new Set(rows.map((row) => changeOf(row.workload)))].join(', ');
  const count = pods === 1 ? '1 pod' : `${pods} pods`;
  const lines = requests.map(({ text }) => `  ${text}`);
  const wait = `  then wait until its pods are gone, for ${formatDuration(timeoutMs)} at most`;
  return [
    wrapText(`${workloadName(workload)} (${count}, ${changes}): ${workloadKind.restart.sentence}`, width),
    ...(isStopAndStart ? [...lines.slice(0, 1), wait, ...lines.slice(1)] : lines),
  ];
}

function leftLines({ workload, why = '' }: PreparedRestart, { width }: PlanFormat): readonly string[] {
  const commands = new Set(workload.rows.map((row) => commandLines(row.workload.commands).join('\n  ')));
  commands.delete('');
  return [
    wrapText(`${workloadName(workload)}: ${why}${commands.size === 0 ? '' : '. By hand:'}`, width),
    ...[...commands].map((command) => `  ${command}`),
  ];
}
