// A workspace is a Namespace with the label sallyport.dev/workspace (its id). The tier label may switch policies off
// (R3, R31); without it the tier is ENTERPRISE, so that a missing label never allows more.
import { z } from 'zod';
import { atomicList, type ObjectMeta } from './kubernetes-object.ts';

export const WORKSPACE_LABEL = 'sallyport.dev/workspace';
export const TIER_LABEL = 'sallyport.dev/tier';

export const TIERS = ['STANDARD', 'PREMIUM', 'ENTERPRISE'] as const;
export type Tier = (typeof TIERS)[number];

export interface Workspace {
  readonly kind: 'Workspace';
  readonly metadata: ObjectMeta;
  /** Value of the workspace label. */
  readonly id: string;
  readonly tier: Tier;
  /** The tier as written, where it is none of the known; it then counts as ENTERPRISE. */
  readonly unknownTier?: string;
}

/** The workspace that a Namespace is, or undefined where it carries no workspace label. */
export function workspaceOf(metadata: ObjectMeta): Workspace | undefined {
  const id = metadata.labels?.[WORKSPACE_LABEL];
  if (id === undefined) return undefined;
  const written = metadata.labels?.[TIER_LABEL];
  const known = TIERS.find((tier) => tier === written);
  if (written === undefined || known !== undefined) {
    return { kind: 'Workspace', metadata, id, tier: known ?? 'ENTERPRISE' };
  }
  return { kind: 'Workspace', metadata, id, tier: 'ENTERPRISE', unknownTier: written };
}

/** Names of Namespaces; empty or absent means no workspace, never every workspace. */
export const workspaceNamesSchema = atomicList(z.string().min(1).max(63), 1000)
  .optional()
  .describe('Names of the Namespaces (workspaces). Empty: none.');
