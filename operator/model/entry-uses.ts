// How often the allowed destinations of a policy were used, and since when that is counted: what `sallyport suggest`
// takes unused entries from.
import { z } from 'zod';

export const entryUseSchema = z.object({
  list: z.enum(['allowedInternetDestinations', 'allowedStorageDestinations']),
  /** As decide() names it: "*.example.com", or "s3://bucket". */
  entry: z.string().max(512),
  /** Since when it is counted. */
  since: z.iso.datetime(),
  connections: z.int().min(0),
  /** Null: not yet, or before that was counted. */
  firstUsed: z.iso.datetime().nullable().default(null),
  /** Null: not since then. */
  lastUsed: z.iso.datetime().nullable(),
});

export type EntryUse = Readonly<z.infer<typeof entryUseSchema>>;

export const entryUsesFileSchema = z.object({
  /** Something before that time may not have been counted. */
  missedUntil: z.iso.datetime().nullable().default(null),
  policies: z.array(z.object({ policy: z.string(), entries: z.array(entryUseSchema) })),
});

export type EntryUsesFile = Readonly<z.infer<typeof entryUsesFileSchema>>;

/** Key of an entry within its policy. */
export function useKey({ list, entry }: Pick<EntryUse, 'list' | 'entry'>): string {
  return `${list} ${entry}`;
}
