// The options of `sallyport denials` in, SQL out: that lists denials page by page, counts them, and lists workspaces or
// denied traffic.
import type { Json } from '@duckdb/node-api';

export interface DenialFilter {
  /** How far back from now, in milliseconds. */
  readonly sinceMs?: number | undefined;
  /** Namespace or id of the workspace. */
  readonly workspace?: string | undefined;
  readonly pod?: string | undefined;
  readonly policy?: string | undefined;
  /** As in either column, in upper or lower case. */
  readonly product?: string | undefined;
  /** Up to how far back from now, in milliseconds. */
  readonly untilMs?: number | undefined;
  /** Only what was recorded and not denied. */
  readonly dryRun?: boolean | undefined;
  /** Requests from outside instead of connections of workloads. */
  readonly inbound?: boolean | undefined;
}

export interface DenialSelection extends DenialFilter {
  /** The last row of the page before. */
  readonly behind?: Cursor | undefined;
  /** Oldest first. */
  readonly isForward?: boolean;
  /** Only these rows of these gateways. */
  readonly between?: readonly SequenceRange[];
  /** Default 1,000 rows. */
  readonly limit?: number;
}

/** Where a row stands: no two rows are equal in all of it, and rows that come later do not change it. */
export interface Cursor {
  /** As an answer has it. */
  readonly eventTime: string;
  readonly sequence: number;
  readonly eventId: string;
}

/** Rows of one gateway that were stored after others: their numbers go up in the order in which they are stored. */
export interface SequenceRange {
  readonly gateway: string;
  readonly above: number;
  readonly upTo: number;
}

export function selectDenials({ limit = 1000, ...selection }: DenialSelection = {}): string {
  const direction = selection.isForward === true ? 'ASC' : 'DESC';
  const order = `ORDER BY event_time ${direction}, sequence ${direction}, event_id ${direction}`;
  return `SELECT * FROM ${tableOf(selection)}${where(selection)} ${order} LIMIT ${wholeNumber('limit', limit)}`;
}

export function cursorOf(row: Readonly<Record<string, Json>>): Cursor {
  return {
    eventTime: String(row['event_time']),
    sequence: Number(row['sequence']),
    eventId: String(row['event_id']),
  };
}

/** The number of the last row of each gateway: gateway, last. */
export function selectLast({ inbound }: Pick<DenialFilter, 'inbound'>): string {
  return `SELECT ${GATEWAY} AS gateway, max(sequence) AS last FROM ${tableOf({ inbound })} GROUP BY ALL ORDER BY gateway`;
}

/** Denials by time, in steps of so many milliseconds: begin_ms, now_ms, denied, dry_run, lost. */
export function selectHistogram(filter: DenialFilter, stepMs: number): string {
  const step = wholeNumber('stepMs', stepMs);
  return `SELECT (epoch_ms(event_time) // ${step}) * ${step} AS begin_ms, epoch_ms(now()) AS now_ms, ${COUNTS(filter)}, sum(lost) AS lost
    FROM ${tableOf(filter)}${where(filter)} GROUP BY ALL ORDER BY begin_ms`;
}

/** What was denied most often: destination (or host), port, denied, dry_run, who many it is from, the last time. */
export function selectTop(filter: DenialFilter, limit: number): string {
  const what =
    filter.inbound === true
      ? "coalesce(host, '*') AS destination, source.ip AS source"
      : "destination || coalesce(':' || port, '') AS destination, count(DISTINCT pod) AS pods";
  return `SELECT ${what}, ${COUNTS(filter)}, string_agg(DISTINCT reason, ', ' ORDER BY reason) AS reason,
      string_agg(DISTINCT workspace, ', ' ORDER BY workspace) AS workspaces, max(event_time) AS last
    FROM ${tableOf(filter)}${where(filter)} GROUP BY ALL ORDER BY denied + dry_run DESC, destination LIMIT ${wholeNumber('limit', limit)}`;
}

/**
 * Denials of connections in groups, the largest first: what `sallyport suggest` reads. Those that have no row of their own
 * are a group for each reason, with the destination "*".
 */
export function selectDeniedTraffic(filter: Pick<DenialFilter, 'sinceMs' | 'workspace'>): string {
  const traits = 'workspace, product, destination, port, protocol, sni, reason, access_type';
  return `SELECT ${traits},
    sum(repeats)::BIGINT AS count,
    min(event_time) AS first_seen, max(event_time) AS last_seen,
    list_sort(array_agg(DISTINCT network_source_type) FILTER (network_source_type IS NOT NULL)) AS source_types,
    list_sort(array_agg(DISTINCT pod) FILTER (pod IS NOT NULL))[1:5] AS pods
    FROM access.outbound_network${where(filter)} GROUP BY ${traits} ORDER BY count DESC, ${traits}`;
}

/** What gateways have counted of the entries of these policies, if they have said something in that time. */
export function selectEntryUses(policies: readonly string[], sinceMs: number): string {
  const names = policies.map(quoted).join(', ');
  return `SELECT * FROM access.entry_uses
    WHERE policy IN (${names || 'NULL'}) AND event_time >= now() - to_milliseconds(${wholeNumber('sinceMs', sinceMs)})`;
}

/** Name and id of each workspace that has a row. */
export function selectWorkspaces(): string {
  const of = (table: string): string =>
    `SELECT workspace, workspace_id FROM access.${table} WHERE workspace IS NOT NULL`;
  return `${of('outbound_network')} UNION ${of('inbound_network')} ORDER BY workspace`;
}

const GATEWAY = "split_part(event_id, '/', 1)";

const COUNTS = (filter: DenialFilter): string =>
  [
    `coalesce(sum(repeats) FILTER (NOT ${isDryRun(filter)}), 0) AS denied`,
    `coalesce(sum(repeats) FILTER (${isDryRun(filter)}), 0) AS dry_run`,
  ].join(', ');

const isDryRun = ({ inbound }: DenialFilter): string =>
  inbound === true ? "policy_outcome = 'DENY_DRY_RUN'" : "access_type = 'DRY_RUN_DENIAL'";

function tableOf({ inbound }: DenialFilter): string {
  return `access.${inbound === true ? 'inbound_network' : 'outbound_network'}`;
}

/** A condition for each part of the filter. */
function namedBy(filter: DenialFilter): readonly string[] {
  const { sinceMs, untilMs, workspace, pod, policy, product, dryRun } = filter;
  const given = <Value>(value: Value | undefined, condition: (value: Value) => string): readonly string[] =>
    value === undefined ? [] : [condition(value)];
  return [
    ...given(sinceMs, (ms) => `event_time >= now() - to_milliseconds(${wholeNumber('sinceMs', ms)})`),
    ...given(untilMs, (ms) => `event_time < now() - to_milliseconds(${wholeNumber('untilMs', ms)})`),
    ...given(workspace, (name) => `(workspace = ${quoted(name)} OR workspace_id = ${quoted(name)})`),
    ...given(pod, (name) => `pod = ${quoted(name)}`),
    ...given(policy, (name) => `policy = ${quoted(name)}`),
    ...given(product, ofProduct),
    ...(dryRun === true ? [isDryRun(filter)] : []),
  ];
}

function where(selection: DenialSelection): string {
  const { behind, between } = selection;
  const conditions = [
    ...namedBy(selection),
    behind === undefined ? [] : [behindCursor(behind, selection.isForward === true)],
    between === undefined ? [] : [`(${between.map(inRange).join(' OR ') || 'false'})`],
  ].flat();
  return conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
}

/** Tables show the source type, where "JOBS" is "General Compute", and shared lanes have no product. */
function ofProduct(product: string): string {
  const wanted = quoted(product.toLowerCase());
  return `(lower(product) = ${wanted} OR lower(network_source_type) = ${wanted})`;
}

/** Names that the log has in a column, most frequent first. */
export function selectNames(column: 'pod' | 'policy' | 'product' | 'network_source_type'): string {
  return `SELECT ${column} AS name FROM access.outbound_network WHERE ${column} IS NOT NULL GROUP BY ${column} ORDER BY count(*) DESC, ${column}`;
}

/** The first comparison lets DuckDB skip parts of the table by their times. */
function behindCursor({ eventTime, sequence, eventId }: Cursor, isForward: boolean): string {
  const sign = isForward ? '>' : '<';
  const time = `${quoted(eventTime)}::TIMESTAMPTZ`;
  const place = `(${time}, ${wholeNumber('sequence', sequence)}, ${quoted(eventId)})`;
  return `event_time ${sign}= ${time} AND (event_time, sequence, event_id) ${sign} ${place}`;
}

function inRange({ gateway, above, upTo }: SequenceRange): string {
  const bounds = `sequence > ${wholeNumber('above', above)} AND sequence <= ${wholeNumber('upTo', upTo)}`;
  return `(${GATEWAY} = ${quoted(gateway)} AND ${bounds})`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Numbers become part of the SQL as text, so anything else than digits is rejected here. */
function wholeNumber(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new RangeError(`Cannot select denials with ${name} "${value}": use a whole number from 0`);
}
