// The rows that retention may delete, where days are exported: whole days whose rows are all exported. The limit of bytes
// wins: without such a day the oldest rows go, and are counted.
import { DAY_MS, type DayCount } from '../store/day-count.ts';
import type { RetainedRows } from '../store/denial-retention.ts';
import type { ExportedDays } from './exported-days.ts';

export interface RetainedDays extends RetainedRows {
  /** Oldest first. */
  readonly countDays: () => Promise<readonly DayCount[]>;
  /** Of what is not exported. */
  readonly deleteUsesBefore: (time: Date) => Promise<number>;
  readonly deleteDays: (days: readonly DayCount[]) => Promise<number>;
}

export function retainedForExport(
  store: RetainedDays,
  exported: ExportedDays,
  onMissed: (rows: number) => void,
): RetainedRows {
  const deleteExported = async (days: readonly DayCount[]): Promise<number> => {
    if (days.length === 0) return 0;
    await exported.forget(days);
    return store.deleteDays(days);
  };
  return {
    usedBytes: () => store.usedBytes(),
    checkpoint: () => store.checkpoint(),
    deleteBefore: async (time) => {
      const isOld = ({ day }: DayCount): boolean => (day + 1) * DAY_MS <= time.getTime();
      const days = await store.countDays();
      const denials = await deleteExported(days.filter((day) => isOld(day) && exported.has(day)));
      return denials + (await store.deleteUsesBefore(time));
    },
    deleteOldest: async (share) => {
      const days = await store.countDays();
      const oldest = days.find((day) => exported.has(day))?.day;
      // None is deleted where rows of it came meanwhile: those are exported first.
      if (oldest !== undefined)
        return deleteExported(days.filter((day) => day.day === oldest && exported.has(day)));
      await exported.forget(days);
      const missed = await store.deleteOldest(share);
      if (missed > 0) onMissed(missed);
      return missed;
    },
  };
}
