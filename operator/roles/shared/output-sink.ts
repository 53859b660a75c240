// Rows of a gateway in a cluster: one JSON line each on standard output, with the column names of the denial log.
// After a crash some lines are read again and written twice, with the same event_id; sequence numbers restart with each
// process.
import type { LogRow, RowSink } from '../../denials/store/row-sink.ts';
import type { Logger } from '../../lib/logger.ts';
import { type LogColumn, rowOf } from '../../model/log-column.ts';

/** `message` tells the rows of several logs apart. */
export function outputSink<Row extends LogRow>(
  logger: Pick<Logger, 'info'>,
  message: string,
  columns: readonly LogColumn<Row>[],
): RowSink<Row> {
  const positions = new Map<string, number>();
  let lastSequence = 0;
  return {
    canRaise: false,
    progress: async () => ({ positions: new Map(positions), lastSequence }),
    append: async ({ logFile, upTo, denials }) => {
      for (const denial of denials) logger.info(message, rowOf(columns, denial));
      positions.set(logFile, upTo);
      lastSequence = denials.at(-1)?.sequence ?? lastSequence;
      return { stored: denials.length, duplicates: 0 };
    },
  };
}
