// The options of `sallyport denials` in, the SQL that lists denials out, newest first; and the SQL that lists workspaces.
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
  const conditions: string[] = [];
  if (sinceMs !== undefined) {
    conditions.push(`event_time >= now() - to_milliseconds(${wholeNumber('sinceMs', sinceMs)})`);
  }
  if (workspace !== undefined) {
    const literal = `'${workspace.replaceAll("'", "''")}'`;
    conditions.push(`(workspace = ${literal} OR workspace_id = ${literal})`);
  }
  const where = conditions.length > 0 ? ` WHERE ${conditions.join(' AND ')}` : '';
  const order = 'ORDER BY event_time DESC, sequence DESC';
  const table = inbound ? 'inbound_network' : 'outbound_network';
  return `SELECT * FROM access.${table}${where} ${order} LIMIT ${wholeNumber('limit', limit)}`;
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
