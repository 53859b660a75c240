// Rows of a query in, text for a terminal or JSON lines out, with a final line feed where there are rows. Denied
// workloads choose host names in the log, so no control character of a value may reach the terminal.
import { styleText } from 'node:util';

import type { Json } from '@duckdb/node-api';

import { COLUMN_GAP, formatTable } from '../../lib/text-table.ts';
import type { ColumnName } from '../../model/denial-columns.ts';
import type { InboundColumnName } from '../../model/inbound-columns.ts';
import type { JsonRow } from './run-query.ts';

export interface DenialFormat {
  /** One JSON object per line, with every column. */
  readonly json?: boolean;
  /** Shows the columns of `sallyport denials` instead of every column. */
  readonly listing?: 'outbound' | 'inbound';
  /** Columns of the terminal; longer rows are shortened. Absent: nothing is. */
  readonly width?: number;
  readonly colour?: boolean;
}

interface ListingColumn {
  readonly heading: string;
  readonly value: (row: JsonRow) => Json;
}

const TIME: ListingColumn = {
  heading: 'TIME',
  value: (row) => String(row['event_time']).replace(/\.\d+Z$/, 'Z'),
};

const OUTBOUND_LISTING: readonly ListingColumn[] = [
  TIME,
  { heading: 'ACCESS_TYPE', value: column('access_type') },
  { heading: 'WORKSPACE', value: column('workspace') },
  { heading: 'PRODUCT', value: column('network_source_type') },
  { heading: 'DESTINATION:PORT', value: destinationAndPort },
  { heading: 'REASON', value: reasonAndRepeats },
  { heading: 'RULE', value: column('rule') },
  { heading: 'POLICY', value: column('policy') },
];

/** Only where somebody looked up who was denied. */
const POD: ListingColumn = {
  heading: 'POD',
  value: ({ pod, node, who }) =>
    pod ?? (node === null || node === undefined ? (who ?? null) : `node ${node}`),
};

const INBOUND_LISTING: readonly ListingColumn[] = [
  TIME,
  { heading: 'OUTCOME', value: column('policy_outcome') },
  { heading: 'WORKSPACE', value: column('workspace') },
  { heading: 'SOURCE', value: ({ source }) => (source as JsonRow | null)?.['ip'] ?? null },
  { heading: 'HOST/PATH', value: ({ host, request_path: path }) => `${host ?? ''}${path ?? ''}` },
  { heading: 'REASON', value: reasonAndRepeats },
  { heading: 'LIST', value: column('rule_label') },
  { heading: 'ENTRY', value: column('entry') },
];

const LISTINGS = { outbound: OUTBOUND_LISTING, inbound: INBOUND_LISTING };

/** No column becomes narrower than this to fit the terminal. */
const MIN_COLUMN_WIDTH = 8;

export function formatDenials(
  columns: readonly string[],
  rows: readonly JsonRow[],
  { json = false, listing, width, colour = false }: DenialFormat = {},
): string {
  if (json) return rows.map((row) => `${escapeControls(JSON.stringify(row))}\n`).join('');
  const shown = listing === undefined ? columns.map(plainColumn) : shownOf(listing, rows);
  if (shown.length === 0) return '';
  const cells = rows.map((row) => shown.map(({ value }) => cellText(value(row))));
  const headings = shown.map(({ heading }) => heading);
  const widths = fitWidths(columnWidths([headings, ...cells]), width);
  const text = formatTable([headings, ...cells], widths)
    .map((line) => `${line}\n`)
    .join('');
  return colour ? withColours(text) : text;
}

function shownOf(listing: keyof typeof LISTINGS, rows: readonly JsonRow[]): readonly ListingColumn[] {
  const isIdentified = rows.some(({ who }) => who !== null && who !== undefined);
  return isIdentified ? [...LISTINGS[listing], POD] : LISTINGS[listing];
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

/** C0, DEL, C1 and the characters that change the text direction; the escapes are valid in JSON too. */
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

function escapeControls(text: string): string {
  return text.replace(CONTROLS, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function columnWidths(lines: readonly (readonly string[])[]): number[] {
  const count = lines[0]?.length ?? 0;
  return Array.from({ length: count }, (_, index) =>
    Math.max(...lines.map((line) => line[index]?.length ?? 0)),
  );
}

/** Takes from the widest column until the row fits, so that short columns stay whole. */
function fitWidths(widths: readonly number[], width = Number.POSITIVE_INFINITY): readonly number[] {
  const fitted = [...widths];
  let excess = fitted.reduce((sum, each) => sum + each, COLUMN_GAP * (fitted.length - 1)) - width;
  while (excess > 0) {
    const widest = Math.max(...fitted);
    if (widest <= MIN_COLUMN_WIDTH) break;
    fitted[fitted.indexOf(widest)] = widest - 1;
    excess -= 1;
  }
  return fitted;
}

const ACCESS_COLOURS = [
  { pattern: /\b(?:DROP|DENY)\b/, colour: 'red' },
  { pattern: /\b(?:DRY_RUN_DENIAL|DENY_DRY_RUN)\b/, colour: 'yellow' },
] as const;

/** After the layout, since colour codes would count as width. Only the first match of a line is the access type. */
function withColours(text: string): string {
  const [headings = '', ...lines] = text.split('\n');
  const coloured = lines.map((line) => {
    const match = ACCESS_COLOURS.find(({ pattern }) => pattern.test(line));
    return match ? line.replace(match.pattern, (word) => style(match.colour, word)) : line;
  });
  return [style('bold', headings), ...coloured].join('\n');
}

/** The caller has decided on colours already; the stream of this process may be another than the reader's. */
function style(format: 'bold' | 'red' | 'yellow', text: string): string {
  return styleText(format, text, { validateStream: false });
}
