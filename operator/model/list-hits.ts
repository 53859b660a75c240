// How often the entries of access lists decided: which of them nobody needs, and whom a list affects.
import { z } from 'zod';
import { LIST_MODES, LIST_TYPES } from './ip-access-list.ts';
import { type ListHitsReport, packBits } from './list-hits-report.ts';

const hitsSchema = z.object({
  hits: z.int().min(0),
  /** UTC, ISO 8601; null: never. */
  lastHit: z.iso.datetime().nullable(),
});

export type Hits = Readonly<z.infer<typeof hitsSchema>>;

const listHitsSchema = hitsSchema.extend({
  listId: z.string(),
  label: z.string(),
  listType: z.enum(LIST_TYPES),
  mode: z.enum(LIST_MODES),
  enabled: z.boolean(),
  /** In the order of the list. */
  entries: z.array(hitsSchema.extend({ entry: z.string() })),
});

/**
 * Requests that an entry of the list decided: allowed by an ALLOW list, denied by a BLOCK list; in mode DRY_RUN those
 * that it would have decided.
 */
export type ListHits = Readonly<z.infer<typeof listHitsSchema>>;

const workspaceHitsSchema = z.object({
  /** Namespace. */
  workspace: z.string(),
  workspaceId: z.string(),
  /** Since when is counted. */
  since: z.iso.datetime(),
  requests: z.int().min(0),
  denied: z.int().min(0),
  /** Allowed, and denied if the lists in dry-run were enforced. */
  wouldBeDenied: z.int().min(0),
  lists: z.array(listHitsSchema),
});

export type WorkspaceHits = Readonly<z.infer<typeof workspaceHitsSchema>>;

/** The file `hits.json`: counts, and up to where in the logs they were counted. */
export const hitsFileSchema = z.object({
  positions: z.record(z.string(), z.int().min(0)),
  workspaces: z.array(workspaceHitsSchema),
});

export type HitsFile = Readonly<z.infer<typeof hitsFileSchema>>;

export const NO_HITS: Hits = { hits: 0, lastHit: null };

/** For a report with so many at most: those hit last where there are more. */
export function listHitReports(
  workspaces: readonly WorkspaceHits[],
  most: number,
): readonly ListHitsReport[] {
  const lists = workspaces.flatMap((one) => one.lists.map((list) => ({ workspace: one.workspace, ...list })));
  return lists
    .toSorted((a, b) => timeOf(b) - timeOf(a))
    .slice(0, most)
    .map(({ workspace, listId, hits, lastHit, entries }) => ({
      workspace,
      listId,
      total: hits,
      ...(lastHit === null ? {} : { lastHitTime: lastHit }),
      hitEntries: packBits(entries.map((entry) => entry.hits > 0)),
    }));
}

function timeOf({ lastHit }: Hits): number {
  return lastHit === null ? 0 : Date.parse(lastHit);
}
