// The names that the outside servers of a case must have, from the rows: every host, with a server on every port that
// any row asks for, so that a request that should have been denied would be seen to arrive.
import { isIpLiteral } from '../../operator/model/address-range.ts';
import type { OriginProtocol } from '../outside/origins.ts';
import type { OutsideName } from '../outside/outside-servers.ts';
import { aimOf, type CaseRow, canonicalHost } from './case-rows.ts';

/** Its address is what `<address>` stands for. */
export const SOME_SERVER = {
  name: 'some-server.example',
  services: { 22: 'echo', 80: 'http', 443: 'https' },
} as const satisfies OutsideName;

/** `closedAddress`: where the hosts of rows that say `leadsTo: closed` are put. */
export function outsideNames(rows: readonly CaseRow[], closedAddress: string): readonly OutsideName[] {
  const reachable = rows.filter(({ leadsTo }) => leadsTo !== 'nowhere');
  const byHost = Map.groupBy(reachable, hostOf);
  return [...byHost].flatMap(([host, ofHost]): readonly OutsideName[] => {
    if (isIpLiteral(host) || host === SOME_SERVER.name) return [];
    const isClosed = ofHost.some(({ leadsTo }) => leadsTo === 'closed');
    return [{ name: host, services: servicesOf(ofHost), ...(isClosed ? { address: closedAddress } : {}) }];
  });
}

/** Names in the rows that the gateway must never ask the DNS for: of denied hosts, and those said only inside. */
export function forbiddenNames(
  rows: readonly CaseRow[],
  mayBeAsked: (row: CaseRow) => boolean,
): readonly string[] {
  const asked = new Set(rows.filter(mayBeAsked).map(hostOf));
  const said = rows.flatMap(({ inside }) => (typeof inside === 'object' ? [canonicalHost(inside.sni)] : []));
  return [...new Set([...rows.map(hostOf), ...said])].filter(
    (name) => !asked.has(name) && !isIpLiteral(name),
  );
}

function hostOf(row: CaseRow): string {
  return canonicalHost(aimOf(row, SOME_SERVER.name).host);
}

/** A port speaks what the rows that pass ask of it, or else what any row asks. */
function servicesOf(rows: readonly CaseRow[]): Readonly<Record<number, OriginProtocol>> {
  const passing = rows.filter(({ verdict }) => verdict !== 'DROP');
  const entries = [...rows, ...passing].map((row) => [aimOf(row, SOME_SERVER.name).port, protocolOf(row)]);
  return Object.fromEntries(entries);
}

function protocolOf(row: CaseRow): OriginProtocol {
  if (row.inside === 'not-tls') return 'echo';
  return row.asks.startsWith('http:') ? 'http' : 'https';
}
