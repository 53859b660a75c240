// A pod as far as it says who used an address, and when.
import type { PodController } from './pod-owner.ts';
import type { Product } from './product.ts';

export interface SeenPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** "" where it has none yet. */
  readonly node: string;
  /** It has the addresses of its node. */
  readonly isOnHostNetwork: boolean;
  readonly addresses: readonly string[];
  /** When its node accepted it, epoch milliseconds; its network is made after that. */
  readonly startedAtMs: number | undefined;
  /** Nothing of it runs or will run. */
  readonly hasEnded: boolean;
  /** When the last of its containers ended, where none of them runs; at the latest. */
  readonly lastRanAtMs: number | undefined;
  /** Null where nothing names it. */
  readonly product: Product | null;
  /** The owner that controls it. */
  readonly controller: PodController | undefined;
}
