// Counts of denials in, text for a terminal out: a bar for each step of time, and the destinations that were denied most.
import { styleText } from 'node:util';
import { COLUMN_GAP } from '../../lib/text-table.ts';
import { denialTable } from './format-denials.ts';
import type { JsonRow } from './run-query.ts';

export interface SummaryFormat {
  /** Columns of the terminal; undefined in a pipe, where nothing is shortened. */
  readonly width?: number | undefined;
  readonly colour: boolean;
  readonly inbound: boolean;
}

/** Milliseconds: a second to a month of 30 days, each a whole part of the days and hours that people think in. */
const STEPS_MS = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14_400, 43_200, 86_400, 604_800].map(
  (seconds) => seconds * 1000,
);
const MONTH_MS = 30 * 86_400_000;
const MOST_BARS = 24;
/** Of bars in a pipe. */
const USUAL_WIDTH = 80;

/** The step of a histogram over so long. */
export function stepOf(rangeMs: number): number {
  const fitting = STEPS_MS.find((step) => rangeMs / step <= MOST_BARS);
  return fitting ?? Math.ceil(rangeMs / MOST_BARS / MONTH_MS) * MONTH_MS;
}

interface Bar {
  readonly at: number;
  readonly denied: number;
  readonly dryRun: number;
}

/** Steps without denials have an empty bar, from the first row to now. "" where there are no rows. */
export function formatHistogram(rows: readonly JsonRow[], stepMs: number, format: SummaryFormat): string {
  const bars = allBars(rows, stepMs);
  if (bars.length === 0) return '';
  const labels = bars.map(({ at }) => labelOf(at, stepMs));
  const counts = bars.map(countsOf);
  const beside = Math.max(...labels.map((one) => one.length)) + Math.max(...counts.map((one) => one.length));
  const room = Math.max(8, (format.width ?? USUAL_WIDTH) - beside - 2 * COLUMN_GAP);
  const most = Math.max(...bars.map(({ denied, dryRun }) => denied + dryRun));
  const gap = ' '.repeat(COLUMN_GAP);
  const countWidth = Math.max(...counts.map((one) => one.length));
  const lines = bars.map((bar, at) =>
    `${labels[at]}${gap}${(counts[at] ?? '').padStart(countWidth)}${gap}${drawn(bar, room / most, format.colour)}`.trimEnd(),
  );
  return [...lines, legend(bars, rows), ''].join('\n');
}

function allBars(rows: readonly JsonRow[], stepMs: number): readonly Bar[] {
  const known = new Map(rows.map((row) => [Number(row['begin_ms']), row]));
  const [first] = known.keys();
  if (first === undefined) return [];
  const last = Math.max(...known.keys(), Math.floor(Number(rows[0]?.['now_ms']) / stepMs) * stepMs);
  const length = Math.min(Math.floor((last - first) / stepMs) + 1, 4 * MOST_BARS);
  return Array.from({ length }, (_, index) => {
    const at = first + index * stepMs;
    const row = known.get(at);
    return { at, denied: Number(row?.['denied'] ?? 0), dryRun: Number(row?.['dry_run'] ?? 0) };
  });
}

function labelOf(at: number, stepMs: number): string {
  const text = new Date(at).toISOString();
  if (stepMs >= 86_400_000) return text.slice(0, 10);
  return text.slice(5, stepMs >= 60_000 ? 16 : 19).replace('T', ' ');
}

function countsOf({ denied, dryRun }: Bar): string {
  return dryRun === 0 ? grouped(denied) : `${grouped(denied)} + ${grouped(dryRun)}`;
}

function grouped(count: number): string {
  return count.toLocaleString('en-US');
}

/** What there is, is seen: a bar has a column at least. */
function drawn({ denied, dryRun }: Bar, perDenial: number, colour: boolean): string {
  const length = (count: number): number => (count === 0 ? 0 : Math.max(1, Math.round(count * perDenial)));
  const paint = (name: 'red' | 'yellow', text: string): string =>
    colour && text !== '' ? styleText(name, text, { validateStream: false }) : text;
  const solid = length(denied);
  const both = Math.max(length(denied + dryRun), solid + (dryRun === 0 ? 0 : 1));
  return paint('red', '█'.repeat(solid)) + paint('yellow', '░'.repeat(both - solid));
}

function legend(bars: readonly Bar[], rows: readonly JsonRow[]): string {
  const sum = (of: (bar: Bar) => number): number => bars.reduce((total, bar) => total + of(bar), 0);
  const denied = sum((bar) => bar.denied);
  const dryRun = sum((bar) => bar.dryRun);
  const lost = rows.reduce((total, row) => total + Number(row['lost'] ?? 0), 0);
  return [
    `${grouped(denied)} denied (█)`,
    `${grouped(dryRun)} by dry-run (░)`,
    ...(lost === 0 ? [] : [`${grouped(lost)} not kept`]),
    'times in UTC',
  ].join(', ');
}

/** Beyond it there is room for the last time. */
const WIDE = 120;

/** The rows of selectTop(). */
export function formatTop(rows: readonly JsonRow[], { width, inbound }: SummaryFormat): string {
  const shown = rows.map((row) => ({
    ...(inbound
      ? { HOST: row['destination'] ?? null, SOURCE: row['source'] ?? null }
      : { 'DESTINATION:PORT': row['destination'] ?? null, PODS: row['pods'] ?? null }),
    DENIED: grouped(Number(row['denied'])),
    DRY_RUN: grouped(Number(row['dry_run'])),
    REASON: row['reason'] ?? null,
    WORKSPACES: row['workspaces'] ?? null,
    ...(width !== undefined && width < WIDE ? {} : { LAST: String(row['last']).replace(/\.\d+Z$/, 'Z') }),
  }));
  return denialTable(width === undefined ? {} : { width })(Object.keys(shown[0] ?? {}), shown);
}
