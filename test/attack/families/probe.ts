// One generated attempt to get out: what is sent, on which way in, and the permitted outcomes.
// The ruling comes from decide() and from how the sent value reads by the letter, never from a list of answers.
import type { Product } from '../../../operator/model/product.ts';
import type { Entry, Turn } from '../attack-case.ts';

/** Ways through the gateway of a scene; each is a workspace and a product. */
export const LANES = {
  tenant: { workspace: 'tenant', product: 'JOBS' },
  sealed: { workspace: 'tenant', product: 'PROVISIONED_THROUGHPUT' },
  trial: { workspace: 'trial', product: 'JOBS' },
  'sealed-trial': { workspace: 'trial', product: 'PROVISIONED_THROUGHPUT' },
  models: { workspace: 'trial', product: 'EXTERNAL_MODELS' },
  other: { workspace: 'other', product: 'JOBS' },
} as const satisfies Readonly<Record<string, { readonly workspace: string; readonly product: Product }>>;

export type LaneName = keyof typeof LANES;

export const ALL_LANES = Object.keys(LANES) as readonly LaneName[];

/** Where an attempt arrives that gets out. */
export interface Target {
  /** A canonical name, or an address. */
  readonly host: string;
  readonly port: number;
}

export type Ruling =
  /** Gets through and leaves no row. */
  | { readonly kind: 'passes'; readonly to: Target }
  /** Gets through and leaves a row that says it would be denied. */
  | { readonly kind: 'recorded'; readonly to: Target }
  /** Does not get through, and leaves a row. */
  | { readonly kind: 'denied' }
  /** Either denied, or what `or` says: for values that are not written canonically. */
  | { readonly kind: 'denied or'; readonly or: 'passes' | 'recorded'; readonly to: Target };

export interface Probe {
  readonly lane: LaneName;
  readonly entry: Entry;
  readonly turns: readonly Turn[];
  /** A DNS question, of which the first turn's first piece is the whole datagram. */
  readonly isDatagram?: true;
  readonly ruling: Ruling;
  /** Names that the DNS may be asked for, though nobody gets through: where they lead is what denies them. */
  readonly mayAsk?: readonly string[];
  /** For a person who wants to type it. */
  readonly shown: string;
}

/** Identifies one attempt, as part of what is sent. */
export interface ProbeMark {
  /** Stands in the bytes that a server would see: "p17e". */
  readonly token: string;
  /** A label for names, which later attempts use again, so that there are not too many names: "tenant-17". */
  readonly label: string;
}
