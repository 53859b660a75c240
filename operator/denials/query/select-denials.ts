// The options of `sallyport denials` in, the SQL that lists denials out, newest first; and the SQL that lists workspaces,
// or denied traffic.
export interface DenialSelection {
  /** How far back from now, in milliseconds. */
  readonly sinceMs?: number | undefined;
  /** Namespace or id of the workspace. */
  readonly workspace?: string | undefined;
  /** Requests from outside instead of connections of workloads. */
  readonly inbound?: boolean | undefined;
  /** Default 1,000 rows. */
  readonly limit?: number;
}

export function selectDenials({
  sinceMs,
  workspace,
  inbound = false,
  limit = 1000,
}: DenialSelection = {}): string {
  const order = 'ORDER BY event_time DESC, sequence DESC';
  const table = inbound ? 'inbound_network' : 'outbound_network';
  return `SELECT * FROM access.${table}${whereOf({ sinceMs, workspace })} ${order} LIMIT ${wholeNumber('limit', limit)}`;
}

function whereOf({ sinceMs, workspace }: Pick<DenialSelection, 'sinceMs' | 'workspace'>): string {
  const conditions: string[] = [];
  if (sinceMs !== undefined) {
    conditions.push(`event_time >= now() - to_milliseconds(${wholeNumber('sinceMs', sinceMs)})`);
  }
  if (workspace !== undefined) {
    const literal = `'${workspace.replaceAll("'", "''")}'`;
    conditions.push(`(workspace = ${literal} OR workspace_id = ${literal})`);
  }
  return conditions.length > 0 ? ` WHERE ${conditions.join(' AND ')}` : '';
}

/**
 * Denials of connections in groups, the largest first: what `sallyport suggest` reads. Those that have no row of their own
 * are a group for each reason, with the destination "*".
 */
export function selectDeniedTraffic({
  sinceMs,
  workspace,
}: Pick<DenialSelection, 'sinceMs' | 'workspace'>): string {
  const traits = 'workspace, product, destination, port, protocol, sni, reason';
  return `SELECT ${traits},
    sum(repeats)::BIGINT AS count,
    min(event_time) AS first_seen, max(event_time) AS last_seen,
    list_sort(array_agg(DISTINCT network_source_type) FILTER (network_source_type IS NOT NULL)) AS source_types,
    list_sort(array_agg(DISTINCT pod) FILTER (pod IS NOT NULL))[1:5] AS pods
    FROM access.outbound_network${whereOf({ sinceMs, workspace })} GROUP BY ${traits} ORDER BY count DESC, ${traits}`;
}

/** Name and id of each workspace that has a row. */
export function selectWorkspaces(): string {
  const of = (table: string): string =>
    `SELECT workspace, workspace_id FROM access.${table} WHERE workspace IS NOT NULL`;
  return `${of('outbound_network')} UNION ${of('inbound_network')} ORDER BY workspace`;
}

/** Numbers become part of the SQL as text, so anything else than digits is rejected here. */
function wholeNumber(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new RangeError(`Cannot select denials with ${name} "${value}": use a whole number from 0`);
}
