// Rows of cells -> a table of so many columns of a terminal: what has no room is left out, then shortened. And sentences,
// broken between words. Without a width nothing is.
import { COLUMN_GAP, formatTable } from './text-table.ts';

type Lines = readonly (readonly string[])[];

export interface TableFit {
  /** Columns of the terminal. */
  readonly width?: number | undefined;
  /** Headings of columns that may be left out, the first first. */
  readonly leftOut: readonly string[];
  /** Of columns that may be shortened, by heading: no narrower than this. The others stay whole. */
  readonly least?: Readonly<Record<string, number>>;
}

/** The first line has the headings. */
export function fittedTable(lines: Lines, fit: TableFit): readonly string[] {
  const { width, least = {} } = fit;
  if (width === undefined) return formatTable(lines);
  const shown = withoutColumns(lines, fit);
  const natural = columnWidths(shown);
  const widths = fitWidths(
    natural,
    natural.map((each, at) => Math.min(each, least[shown[0]?.[at] ?? ''] ?? each)),
    width,
  );
  return formatTable(shown, widths);
}

/** Leaves out columns until the rest has room, or no more may be left out. */
export function withoutColumns(lines: Lines, { width, leftOut, least = {} }: TableFit): Lines {
  const [headings = []] = lines;
  const needed = columnWidths(lines).map((each, at) => Math.min(each, least[headings[at] ?? ''] ?? each));
  const first = leftOut.map((heading) => headings.indexOf(heading)).find((at) => at !== -1);
  if (width === undefined || totalOf(needed) <= width || first === undefined) return lines;
  return withoutColumns(
    lines.map((line) => line.filter((_, at) => at !== first)),
    { width, leftOut, least },
  );
}

/** Takes from the widest column until the row fits, so that short columns stay whole. */
export function fitWidths(
  widths: readonly number[],
  least: readonly number[],
  width = Number.POSITIVE_INFINITY,
): readonly number[] {
  const fitted = [...widths];
  let excess = totalOf(fitted) - width;
  while (excess > 0) {
    const spare = fitted.map((each, at) => (each > (least[at] ?? 0) ? each : 0));
    const widest = Math.max(...spare);
    if (widest === 0) break;
    fitted[spare.indexOf(widest)] = widest - 1;
    excess -= 1;
  }
  return fitted;
}

export function columnWidths(lines: Lines): number[] {
  const count = lines[0]?.length ?? 0;
  return Array.from({ length: count }, (_, index) =>
    Math.max(...lines.map((line) => line[index]?.length ?? 0)),
  );
}

/** What a row of these takes. */
export function totalOf(widths: readonly number[]): number {
  return widths.reduce((sum, each) => sum + each, COLUMN_GAP * (widths.length - 1));
}

const INDENT = '  ';

/** A sentence in lines; those that follow are indented. A word that is too long stays whole, to be copied. */
export function wrapText(text: string, width = Number.POSITIVE_INFINITY): string {
  if (text.length <= width) return text;
  const most = Math.max(1, width - INDENT.length);
  const breaks = new RegExp(`(?=[^\\n]{${most + 1}})([^\\n]{1,${most}}|[^ \\n]+) `, 'g');
  return text.replace(breaks, `$1\n${INDENT}`);
}
