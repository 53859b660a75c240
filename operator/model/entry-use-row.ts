// What the gateways of a cluster have counted of the entries of policies, as the collector stores it: one row for each
// entry and gateway, of its last report. The columns are also what people query.
import { z } from 'zod';
import { entryUseSchema } from './entry-uses.ts';
import { type ColumnOf, columnsOf } from './log-column.ts';

export interface EntryUseRow {
  /** Until when it is counted; UTC, ISO 8601, as all times here. */
  readonly eventTime: string;
  readonly gateway: string;
  /** Null where several workspaces have the policy. */
  readonly workspace: string | null;
  readonly policy: string;
  readonly list: string;
  readonly entry: string;
  readonly connections: number;
  readonly firstUsed: string | null;
  readonly lastUsed: string | null;
  readonly countedFrom: string;
  readonly missedUntil: string | null;
  readonly state: EntryUseReport['state'];
}

const COUNTING = ['COUNTING', 'ENDED'] as const;
const time = z.iso.datetime();
const MOST_ENTRIES = 60_000;

/** What a gateway says of whole policies; the next report of the same policy takes its place. */
export const entryUseReportSchema = z.object({
  /** Until when everything is counted. */
  time,
  /** ENDED: the last one of a gateway that has seen everything to its end. */
  state: z.enum(COUNTING),
  /** Something before that time may not have been counted. */
  missedUntil: time.nullable().default(null),
  policies: z
    .array(
      z.object({
        policy: z.string().max(63),
        workspace: z.string().max(63).nullable().default(null),
        entries: z.array(entryUseSchema).max(MOST_ENTRIES),
      }),
    )
    .max(MOST_ENTRIES),
});

export type EntryUseReport = Readonly<z.infer<typeof entryUseReportSchema>>;

type EntryUseColumn = ColumnOf<keyof EntryUseRow>;

export const ENTRY_USE_COLUMNS = columnsOf<EntryUseRow, EntryUseColumn>([
  ['event_time', 'time', 'Until when it is counted: the gateway says it every minute, and when it ends'],
  ['gateway', 'text', 'Pod of the gateway'],
  ['workspace', 'text', 'Namespace; null where several workspaces have the policy'],
  ['policy', 'text', 'NetworkPolicy'],
  ['list', 'text', 'allowedInternetDestinations or allowedStorageDestinations'],
  ['entry', 'text', 'The destination, such as "*.example.com" or "s3://bucket"'],
  ['connections', 'count', 'Connections and requests that it let through at this gateway'],
  ['first_used', 'time', 'First use; null where there was none'],
  ['last_used', 'time', 'Last use; null where there was none'],
  ['counted_from', 'time', 'Since when this gateway counts the entry without a gap'],
  ['missed_until', 'time', 'Until when this gateway may have missed uses; null where it has missed none'],
  ['state', 'text', 'COUNTING; ENDED where the gateway has ended and said all'],
]);

/** A report of the future is of now: a clock that is ahead must not hide that a gateway is silent later. */
export function rowsOfReport(
  gateway: string,
  { time: reported, state, missedUntil, policies }: EntryUseReport,
  nowMs: number,
): readonly EntryUseRow[] {
  const eventTime = new Date(Math.min(Date.parse(reported), nowMs)).toISOString();
  return policies.flatMap(({ policy, workspace, entries }) =>
    entries.map(({ list, entry, since, connections, firstUsed, lastUsed }) => ({
      ...{ eventTime, gateway, workspace, policy, list, entry },
      ...{ connections, firstUsed, lastUsed, countedFrom: since, missedUntil, state },
    })),
  );
}
