// The order in which an Envoy is sent what it lacks. A stage waits for Envoy's answers about the stages before it, so that
// nothing names what is not there yet.
import type { ResourceKind } from './resource-kind.ts';

/** `additions`: what Envoy does not have in any version. */
type Deliverable = 'additions' | 'changes' | 'removals';

export interface DeliveryStage {
  readonly kind: ResourceKind;
  readonly what: Deliverable;
  /** Of listeners: those that clients reach, or those that only listeners reach; both where absent. */
  readonly of?: 'outer' | 'internal';
  /** Connections that drain still need them. */
  readonly isAfterDrain?: boolean;
}

/**
 * Listeners are removed before others are added, which may need their ports; removed internal listeners end long streams
 * of those who lost access, so they go at once, too.
 */
export const INGRESS_ORDER: readonly DeliveryStage[] = [
  { kind: 'listener', what: 'removals' },
  { kind: 'cluster', what: 'changes' },
  { kind: 'secret', what: 'changes' },
  { kind: 'route', what: 'changes' },
  { kind: 'scope', what: 'changes' },
  { kind: 'listener', what: 'changes' },
  { kind: 'scope', what: 'removals' },
  { kind: 'route', what: 'removals' },
  { kind: 'secret', what: 'removals' },
  { kind: 'cluster', what: 'removals', isAfterDrain: true },
];

/**
 * New tunnel checks come before the clusters that lead to them, these before the tables that name them, tables before
 * listeners that name tables. A tunnel check that changes closes its tunnels, so it comes after the tables that deny new
 * ones. Ports of removed listeners may be needed, and must accept nobody: they go first.
 */
export const EGRESS_ORDER: readonly DeliveryStage[] = [
  { kind: 'listener', what: 'removals', of: 'outer' },
  { kind: 'listener', what: 'additions', of: 'internal' },
  { kind: 'cluster', what: 'changes' },
  { kind: 'route', what: 'changes' },
  { kind: 'listener', what: 'changes' },
  { kind: 'route', what: 'removals' },
  { kind: 'cluster', what: 'removals', isAfterDrain: true },
  { kind: 'listener', what: 'removals', of: 'internal', isAfterDrain: true },
];
