// Evidence that belongs to no attempt: rows, questions for names that none may ask for, connections without a token.
import type { DnsQuestion } from '../../outside/dns-server.ts';
import type { Arrival } from '../../outside/origins.ts';
import type { StoredRow } from './stored-rows.ts';

/** Rows of connections that no attempt made: the gateway itself came by another workspace's egress listener. */
export function forgedRows(rows: readonly StoredRow[], sources: ReadonlySet<string>): readonly string[] {
  return rows
    .filter(({ source }) => !sources.has(source.replace(/:\d*$/, '')))
    .map(
      ({ source, workspace, reason, destination }) =>
        `a row of ${workspace} that nobody made: ${reason} ${destination.slice(0, 80)} from ${source}`,
    );
}

export function strayNames(
  questions: readonly DnsQuestion[],
  mayBeAsked: readonly string[],
): readonly string[] {
  const known = new Set(mayBeAsked);
  return [...new Set(questions.map(({ name }) => name))].filter((name) => !known.has(name));
}

export function withoutToken(arrivals: readonly Arrival[]): readonly string[] {
  return arrivals
    .filter(({ said }) => !/p\d{6}e/.test(said))
    .map(({ address, port, said }) => `${address}:${port} ${JSON.stringify(said.slice(0, 80))}`);
}
