// Which TLS ports besides 443 a table lists, and which ports of a lane's block listen for them. A TLS port retains its
// place: another place would be another listener, and close the connections of the first.
import type { EgressTableSpec } from '../model/egress-table.ts';
import { isSealed, type Lane } from '../model/lane.ts';
import { HTTPS_PORT, LANE_PORTS, TLS_PORT_OFFSETS, type TlsPort } from '../model/lane-port.ts';
import type { Problem } from '../model/problem.ts';
import { isInternet } from './decide.ts';

/** Ports of a lane's Service that have another purpose. */
const TAKEN = [...new Set(LANE_PORTS.map(({ port }) => port))].filter((port) => port !== HTTPS_PORT);

export interface PlacedTlsPorts {
  /** By offset. */
  readonly tlsPorts: readonly TlsPort[];
  /** Ports for which the block has no room. */
  readonly leftOut: readonly number[];
}

/** `before`: the lane's places so far. New ports take free offsets, the lowest first. */
export function placeTlsPorts(
  table: EgressTableSpec | undefined,
  lane: Lane,
  before: readonly TlsPort[],
): PlacedTlsPorts {
  const wanted = table === undefined ? [] : furtherTlsPorts(table, lane);
  const kept = before.filter(({ port }) => wanted.includes(port));
  const free = TLS_PORT_OFFSETS.filter((offset) => !kept.some((entry) => entry.offset === offset));
  const fresh = wanted.filter((port) => !kept.some((entry) => entry.port === port));
  const fitting = fresh.filter((port) => !TAKEN.includes(port));
  const added = fitting.flatMap((port, at) => {
    const offset = free[at];
    return offset === undefined ? [] : [{ port, offset }];
  });
  return {
    tlsPorts: [...kept, ...added].toSorted((a, b) => a.offset - b.offset),
    leftOut: fresh.filter((port) => !added.some((entry) => entry.port === port)),
  };
}

/** Ascending. */
function furtherTlsPorts({ groups }: EgressTableSpec, lane: Lane): readonly number[] {
  const inLane = isSealed(lane) ? groups.filter((group) => !isInternet(group)) : groups;
  const ports = inLane.flatMap((group) => group.ports.filter(({ protocol }) => protocol === 'TLS'));
  return [...new Set(ports.map(({ port }) => port))]
    .filter((port) => port !== HTTPS_PORT)
    .toSorted((a, b) => a - b);
}

/** One for each policy, however many of its lanes are concerned. */
export function tlsPortProblems(
  leftOut: readonly { readonly networkPolicyId: string; readonly ports: readonly number[] }[],
): readonly Problem[] {
  const byPolicy = Map.groupBy(leftOut, ({ networkPolicyId }) => networkPolicyId);
  return [...byPolicy].flatMap(([networkPolicyId, entries]) => {
    const ports = [...new Set(entries.flatMap((entry) => entry.ports))].toSorted((a, b) => a - b);
    if (ports.length === 0) return [];
    const message = `Cannot serve TLS port ${ports.join(', ')} of network policy "${networkPolicyId}" to clients without a proxy setting: there is room for ${TLS_PORT_OFFSETS.length} besides ${HTTPS_PORT}, and none for ${TAKEN.join(', ')}; list others, or use the proxy for them`;
    return [{ reason: 'TooManyTlsPorts', message, object: `NetworkPolicy/${networkPolicyId}` } as const];
  });
}
