// Denials of a gateway in a cluster: one JSON line each on standard output, with the column names of the denial log.
// After a crash some lines are read again and written twice, with the same event_id; sequence numbers restart with each
// process.
import type { RowSink } from '../../denials/store/row-sink.ts';
import type { Logger } from '../../lib/logger.ts';
import { DENIAL_COLUMNS } from '../../model/denial-columns.ts';
import { rowOf } from '../../model/log-column.ts';

export function outputSink(logger: Logger): RowSink {
  return {
    canRaise: false,
    progress: async () => ({ positions: new Map(), lastSequence: 0 }),
    append: async ({ denials }) => {
      for (const denial of denials) logger.info('denial', rowOf(DENIAL_COLUMNS, denial));
      return { stored: denials.length, duplicates: 0 };
    },
  };
}
