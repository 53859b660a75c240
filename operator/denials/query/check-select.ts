// SQL in, a rejection or null out. Allowed is exactly one SELECT over tables of the log. Must never bind or run the
// statement: DuckDB's own parser, reached through json_serialize_sql, only parses it.
//
// A second layer besides read-only transactions and the locked configuration. It is needed because
// some table functions act on the whole instance from within a SELECT: enable_logging(storage_path := …) makes
// every later statement fail, the writer's too.
import type { DuckDBConnection } from '@duckdb/node-api';

const EXAMPLE = 'for example "select * from system.access.outbound_network limit 10"';

/** Functions in FROM that only compute. Every other one reads files, runs text as SQL or changes the instance. */
const TABLE_FUNCTIONS: ReadonlySet<string> = new Set([
  'generate_series',
  'json_each',
  'json_tree',
  'range',
  'unnest',
]);

interface ParsedQuery {
  readonly error: boolean;
  readonly error_type?: string;
  readonly error_message?: string;
  readonly statements?: readonly unknown[];
}

/** Returns a sentence for the user where `sql` must not run, else null. */
export async function checkSelect(connection: DuckDBConnection, sql: string): Promise<string | null> {
  const result = await connection.run('SELECT json_serialize_sql($1::VARCHAR)', [sql]);
  const parsed = JSON.parse(String((await result.getRows())[0]?.[0])) as ParsedQuery;
  if (parsed.error) return parseRejection(parsed, sql);
  const count = parsed.statements?.length ?? 0;
  if (count !== 1) return `Cannot run ${count} statements: send one SELECT, ${EXAMPLE}`;
  const name = foreignFunction(parsed.statements);
  if (!name) return null;
  const allowed = [...TABLE_FUNCTIONS].join(', ');
  return `Cannot read from function "${name}": FROM takes tables of the denial log, subqueries and ${allowed}`;
}

function parseRejection(parsed: ParsedQuery, sql: string): string {
  if (parsed.error_type === 'parser') return `Cannot read the query: ${parsed.error_message}`;
  return notSelectMessage(sql);
}

export function notSelectMessage(sql: string): string {
  const text = sql.trim().replace(/\s+/g, ' ');
  const shown = text.length > 40 ? `${text.slice(0, 39)}…` : text;
  return `Cannot run "${shown}": only SELECT is allowed, ${EXAMPLE}`;
}

/** The first function in any FROM, however deep, that is not on the list. */
function foreignFunction(statements: unknown): string | null {
  const pending: unknown[] = [statements];
  while (pending.length > 0) {
    const node = pending.pop();
    if (typeof node !== 'object' || node === null) continue;
    const name = tableFunctionName(node as Readonly<Record<string, unknown>>);
    if (name !== null && !TABLE_FUNCTIONS.has(name)) return name;
    for (const child of Object.values(node)) pending.push(child);
  }
  return null;
}

function tableFunctionName(node: Readonly<Record<string, unknown>>): string | null {
  if (node['type'] !== 'TABLE_FUNCTION') return null;
  const call = node['function'] as { readonly function_name?: unknown } | undefined;
  return String(call?.function_name).toLowerCase();
}
