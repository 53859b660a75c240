// A lane is the treatment that a pod's connections get: unrestricted (`full`, past the gateway), or through a gateway
// in one of four modes. A sealed lane reaches storage and private destinations only (R13).
export const LANES = ['full', 'dry-run', 'sealed-dry-run', 'enforced', 'sealed'] as const;

export type Lane = (typeof LANES)[number];

/** Lanes that log what they would deny, and deny nothing (R23). */
export function isDryRun(lane: Lane): boolean {
  return lane === 'dry-run' || lane === 'sealed-dry-run';
}

/** Lanes without internet destinations: storage and private ones stay (R13). */
export function isSealed(lane: Lane): boolean {
  return lane === 'sealed' || lane === 'sealed-dry-run';
}

export function isKnownLane(lane: string): lane is Lane {
  return LANES.some((known) => known === lane);
}

/** False for an unknown lane, too. */
export function leadsThroughGateway(lane: string): lane is Exclude<Lane, 'full'> {
  return lane !== 'full' && isKnownLane(lane);
}

/** Lanes that restrict nothing: pods in any other lane, or in an unknown one, are isolated. */
export const OPEN_LANES = ['full', 'dry-run', 'sealed-dry-run'] as const satisfies readonly Lane[];

/** Whether pods of that lane are isolated; those of an unknown one are. */
export function isIsolated(lane: string): boolean {
  return !OPEN_LANES.some((open) => open === lane);
}
