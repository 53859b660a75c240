// The options of `sallyport denials` in, the SQL that lists denials out, newest first.
export interface DenialSelection {
  /** How far back from now, in milliseconds. */
  readonly sinceMs?: number;
  /** Namespace or id of the workspace. */
  readonly workspace?: string;
  /** Default 1,000 rows. */
  readonly limit?: number;
}

export function selectDenials({ sinceMs, workspace, limit = 1000 }: DenialSelection = {}): string {
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
  return `SELECT * FROM access.outbound_network${where} ${order} LIMIT ${wholeNumber('limit', limit)}`;
}

/** Numbers become part of the SQL as text, so anything else than digits is rejected here. */
function wholeNumber(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new RangeError(`Cannot select denials with ${name} "${value}": use a whole number from 0`);
}
