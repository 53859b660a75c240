// Denied traffic, grouped, as the denial log has it; and the question to decide() that it stands for, so that a policy
// can be tried on it.
import type { Lane } from '../../model/lane.ts';
import type { PortProtocol } from '../../model/network-policy.ts';
import { type Decision, decide, decideName } from '../decide.ts';
import type { TableIndex } from '../table-index.ts';

/** Denials that are alike but for their time and their pod. */
export interface DeniedTraffic {
  readonly workspace: string;
  /** Null where it is not known, as in a cluster, where products share a lane. */
  readonly product: string | null;
  /** Canonical name, or what was asked for where that is no name. */
  readonly destination: string;
  /** Null for a DNS question. */
  readonly port: number | null;
  /** Null where nobody saw the first bytes. */
  readonly protocol: PortProtocol | null;
  readonly sni: string | null;
  readonly reason: string;
  /** Dry-run let it pass; otherwise an enforced policy denied it. */
  readonly isDryRun: boolean;
  readonly evidence: Evidence;
}

/** What was counted. */
export interface Evidence {
  readonly count: number;
  /** UTC, ISO 8601. */
  readonly firstSeen: string;
  readonly lastSeen: string;
  readonly products: readonly string[];
  readonly workspaces: readonly string[];
  /** Some of them, where they are known. */
  readonly pods: readonly string[];
}

const MOST_PODS = 5;

/** Of at least one. */
export function sumEvidence(all: readonly Evidence[]): Evidence {
  const distinct = (of: (one: Evidence) => readonly string[]): readonly string[] =>
    [...new Set(all.flatMap(of))].toSorted();
  return {
    count: all.reduce((sum, { count }) => sum + count, 0),
    firstSeen: all.map(({ firstSeen }) => firstSeen).toSorted()[0] ?? '',
    lastSeen:
      all
        .map(({ lastSeen }) => lastSeen)
        .toSorted()
        .at(-1) ?? '',
    products: distinct(({ products }) => products),
    workspaces: distinct(({ workspaces }) => workspaces),
    pods: distinct(({ pods }) => pods).slice(0, MOST_PODS),
  };
}

/** Of a connection whose bytes nobody saw: TLS for its own host, the narrowest that it may be. */
export function decideTraffic(index: TableIndex, lane: Lane, traffic: DeniedTraffic): Decision {
  const { destination: host, port, protocol, sni } = traffic;
  if (port === null) return decideName(index, lane, host);
  if (protocol === 'HTTP') return decide(index, lane, { via: 'HTTP', host, port });
  const inside =
    protocol === 'TCP' ? ({ kind: 'OTHER' } as const) : ({ kind: 'TLS', sni: sni ?? host } as const);
  return decide(index, lane, { via: 'CONNECT', host, port, inside });
}

/** The lane in which the policy is enforced, whose dry-run this one is. */
export function enforcedLane(lane: Lane): Lane {
  if (lane === 'dry-run') return 'enforced';
  return lane === 'sealed-dry-run' ? 'sealed' : lane;
}
