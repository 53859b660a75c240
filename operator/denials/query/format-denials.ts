// Rows of a query in, text for a terminal or JSON lines out, with a final line feed where there are rows. Denied
// workloads choose host names in the log, so no control character of a value may reach the terminal.
import { styleText } from 'node:util';

import type { Json } from '@duckdb/node-api';

import { columnWidths, fitWidths, totalOf } from '../../lib/fit-table.ts';
import { formatTable } from '../../lib/text-table.ts';
import type { ColumnName } from '../../model/denial-columns.ts';
import type { InboundColumnName } from '../../model/inbound-columns.ts';
import { escapeControls } from './escape-controls.ts';
import type { JsonRow } from './run-query.ts';

export interface TableFormat {
  /** Shows the columns of `sallyport denials` instead of every column. */
  readonly listing?: 'outbound' | 'inbound';
  /** Columns of the terminal; longer rows are shortened. Absent: nothing is. */
  readonly width?: number;
  readonly colour?: boolean;
  /** Whether to show who was denied. Absent: where a row of the first page says it. */
  readonly isIdentified?: boolean;
  /** For rows that come one by one: columns keep the widths that they begin with, whatever comes. */
  readonly isSteady?: boolean;
}

export interface DenialFormat extends TableFormat {
  /** One JSON object per line, with every column. */
  readonly json?: boolean;
}

/** Pages of rows, one after the other, as text. */
export type FormatRows = (columns: readonly string[], rows: readonly JsonRow[]) => string;

interface ListingColumn {
  readonly heading: string;
  readonly value: (row: JsonRow) => Json;
  /** No narrower than this to fit the terminal; where that is too wide the column with the greatest `rank` is left out. */
  readonly least?: number;
  readonly rank?: number;
  /** Width that most values have room in, where they are not known yet. */
  readonly usual?: number;
}

const TIME: ListingColumn = {
  heading: 'TIME',
  value: (row) => String(row['event_time']).replace(/\.\d+Z$/, 'Z'),
  least: 20,
};

const ACCESS: ListingColumn = {
  heading: 'ACCESS_TYPE',
  value: column('access_type'),
  least: 14,
  rank: 1,
  usual: 14,
};

/** For terminals without room for the year, and for long names. */
const SHORT_TIME: ListingColumn = {
  heading: 'TIME (UTC)',
  value: (row) => String(row['event_time']).slice(5, 19).replace('T', ' '),
  least: 14,
};
const SHORT_ACCESS: ListingColumn = {
  heading: 'ACCESS',
  value: ({ access_type: type }) => (type === 'DRY_RUN_DENIAL' ? 'DRY_RUN' : (type ?? null)),
  rank: 1,
  usual: 7,
};
const SHORT: ReadonlyMap<ListingColumn, ListingColumn> = new Map([
  [TIME, SHORT_TIME],
  [ACCESS, SHORT_ACCESS],
]);
const NARROW = 120;

const DESTINATION = 'DESTINATION:PORT';

const OUTBOUND_LISTING: readonly ListingColumn[] = [
  TIME,
  ACCESS,
  { heading: 'WORKSPACE', value: column('workspace'), least: 10, rank: 5, usual: 20 },
  { heading: 'NETWORK_SOURCE_TYPE', value: column('network_source_type'), least: 19, rank: 7 },
  { heading: DESTINATION, value: destinationAndPort, least: 16, usual: 40 },
  { heading: 'REASON', value: reasonAndRepeats, least: 19, rank: 2, usual: 28 },
  { heading: 'RULE', value: column('rule'), least: 12, rank: 6, usual: 36 },
  { heading: 'POLICY', value: column('policy'), rank: 8, usual: 20 },
];

/** Only where somebody looked up who was denied. */
const POD: ListingColumn = {
  heading: 'POD',
  value: ({ pod, node, who }) =>
    pod ?? (node === null || node === undefined ? (who ?? null) : `node ${node}`),
  least: 12,
  rank: 3,
  usual: 40,
};

const INBOUND_LISTING: readonly ListingColumn[] = [
  TIME,
  { heading: 'OUTCOME', value: column('policy_outcome'), least: 12, rank: 1, usual: 12 },
  { heading: 'WORKSPACE', value: column('workspace'), least: 10, rank: 5, usual: 20 },
  {
    heading: 'SOURCE',
    value: ({ source }) => (source as JsonRow | null)?.['ip'] ?? null,
    least: 15,
    usual: 39,
  },
  {
    heading: 'HOST/PATH',
    value: ({ host, request_path: path }) => `${host ?? ''}${path ?? ''}`,
    least: 20,
    rank: 2,
    usual: 40,
  },
  { heading: 'REASON', value: reasonAndRepeats, least: 14, rank: 3, usual: 24 },
  { heading: 'LIST', value: column('rule_label'), rank: 7, usual: 20 },
  { heading: 'ENTRY', value: column('entry'), rank: 6, usual: 20 },
];

const LISTINGS = { outbound: OUTBOUND_LISTING, inbound: INBOUND_LISTING };

/** No column becomes narrower than this to fit the terminal. */
const MIN_COLUMN_WIDTH = 8;

export function formatDenials(
  columns: readonly string[],
  rows: readonly JsonRow[],
  { json = false, ...format }: DenialFormat = {},
): string {
  return json ? jsonLines(columns, rows) : denialTable(format)(columns, rows);
}

export const jsonLines: FormatRows = (_columns, rows) =>
  rows.map((row) => `${escapeControls(JSON.stringify(row))}\n`).join('');

/** The first page has the headings; the columns stay as wide as they were, or become wider. */
export function denialTable({ colour = false, ...format }: TableFormat = {}): FormatRows {
  let known: Columns | undefined;
  return (columns, rows) => {
    const shown = known?.shown ?? shownOf(columns, rows, format);
    if (shown.length === 0) return '';
    const cells = rows.map((row) => cellsOf(shown, row));
    const headings = shown.map(({ heading }) => heading);
    const widths = widthsOf(shown, cells, format, known?.widths);
    const lines = known === undefined ? [headings, ...cells] : cells;
    const isFirst = known === undefined;
    known = { shown, widths };
    if (lines.length === 0) return '';
    const text = linesOf(lines, {
      ...known,
      isCut: !(format.isSteady === true && format.width === undefined),
    })
      .map((line) => `${line}\n`)
      .join('');
    return colour ? withColours(text, isFirst) : text;
  };
}

interface Columns {
  readonly shown: readonly ListingColumn[];
  readonly widths: readonly number[];
}

function widthsOf(
  shown: readonly ListingColumn[],
  cells: readonly (readonly string[])[],
  { width, isSteady = false }: TableFormat,
  known: readonly number[] | undefined,
): readonly number[] {
  if (isSteady && known !== undefined) return known;
  const headings = shown.map(({ heading }) => heading);
  const wanted = columnWidths([headings, ...(isSteady ? [usualCells(shown)] : []), ...cells]);
  const atLeastKnown = wanted.map((each, at) => Math.max(each, known?.[at] ?? 0));
  const least = shown.map(({ least: most = MIN_COLUMN_WIDTH }, at) => Math.min(most, atLeastKnown[at] ?? 0));
  return fitWidths(atLeastKnown, least, width);
}

/** Stand for the rows that are not there yet. */
function usualCells(shown: readonly ListingColumn[]): readonly string[] {
  return shown.map(({ usual = 0 }) => ' '.repeat(usual));
}

/** What is not cut moves only what follows in its own line. */
function linesOf(
  lines: readonly (readonly string[])[],
  { shown, widths, isCut }: Columns & { readonly isCut: boolean },
): readonly string[] {
  if (!isCut)
    return lines.flatMap((line) =>
      formatTable(
        [line],
        widths.map((each, at) => Math.max(each, line[at]?.length ?? 0)),
      ),
    );
  const fitted = lines.map((line) => line.map((cell, at) => shortened(cell, shown[at], widths[at])));
  return formatTable(fitted, widths);
}

function shownOf(
  columns: readonly string[],
  rows: readonly JsonRow[],
  { listing, width = Number.POSITIVE_INFINITY, isIdentified, isSteady = false }: TableFormat,
): readonly ListingColumn[] {
  if (listing === undefined) return columns.map(plainColumn);
  const isKnown = isIdentified ?? rows.some(({ who }) => who !== null && who !== undefined);
  const all = [...LISTINGS[listing], ...(isKnown ? [POD] : [])];
  if (width < NARROW)
    return withoutLeast(
      all.map((one) => SHORT.get(one) ?? one),
      { rows, width, isSteady },
    );
  return withoutLeast(all, { rows, width, isSteady });
}

interface Room {
  readonly rows: readonly JsonRow[];
  readonly width: number;
  readonly isSteady: boolean;
}

/** Leaves out columns until what is left has room. */
function withoutLeast(columns: readonly ListingColumn[], room: Room): readonly ListingColumn[] {
  const { rows, width, isSteady } = room;
  const natural = columnWidths([
    columns.map(({ heading }) => heading),
    ...(isSteady ? [usualCells(columns)] : []),
    ...rows.map((row) => cellsOf(columns, row)),
  ]);
  const needed = columns.map(({ least = MIN_COLUMN_WIDTH }, at) => Math.min(least, natural[at] ?? 0));
  const last = Math.max(...columns.map(({ rank = 0 }) => rank));
  if (totalOf(needed) <= width || last === 0) return columns;
  return withoutLeast(
    columns.filter(({ rank = 0 }) => rank !== last),
    room,
  );
}

function cellsOf(columns: readonly ListingColumn[], row: JsonRow): readonly string[] {
  return columns.map(({ value }) => cellText(value(row)));
}

function column(name: ColumnName | InboundColumnName): (row: JsonRow) => Json {
  return (row) => row[name] ?? null;
}

function plainColumn(name: string): ListingColumn {
  return { heading: escapeControls(name.toUpperCase()), value: (row) => row[name] ?? null };
}

function reasonAndRepeats({ reason, repeats }: JsonRow): Json {
  return Number(repeats ?? 1) > 1 ? `${String(reason)} x${String(repeats)}` : (reason ?? null);
}

function destinationAndPort(row: JsonRow): string {
  const { destination, port } = row;
  const host = String(destination ?? '');
  if (port === null || port === undefined) return host;
  const isBareAddress = row['destination_type'] === 'IP' && host.includes(':') && !host.startsWith('[');
  return isBareAddress ? `[${host}]:${port}` : `${host}:${port}`;
}

function cellText(value: Json): string {
  if (value === null || value === '') return '-';
  return escapeControls(typeof value === 'object' ? JSON.stringify(value) : String(value));
}

/** An entry for a destination needs its port: it stays when the name is shortened. */
function shortened(cell: string, column: ListingColumn | undefined, width = cell.length): string {
  const [port = ''] = /:\d+$/.exec(cell) ?? [];
  if (column?.heading !== DESTINATION || cell.length <= width || port === '') return cell;
  return `${cell.slice(0, Math.max(1, width - port.length - 1))}…${port}`;
}

const ACCESS_COLOURS = [
  { pattern: /\b(?:DROP|DENY)\b/, colour: 'red' },
  { pattern: /\b(?:DRY_RUN_DENIAL|DENY_DRY_RUN|DRY_RUN)\b/, colour: 'yellow' },
] as const;

/** After the layout, since colour codes would count as width. Only the first match of a line is the access type. */
function withColours(text: string, hasHeadings: boolean): string {
  const all = text.split('\n');
  const lines = hasHeadings ? all.slice(1) : all;
  const coloured = lines.map((line) => {
    const match = ACCESS_COLOURS.find(({ pattern }) => pattern.test(line));
    return match ? line.replace(match.pattern, (word) => style(match.colour, word)) : line;
  });
  return [...(hasHeadings ? [style('bold', all[0] ?? '')] : []), ...coloured].join('\n');
}

/** The caller has decided on colours already; the stream of this process may be another than the reader's. */
function style(format: 'bold' | 'red' | 'yellow', text: string): string {
  return styleText(format, text, { validateStream: false });
}
