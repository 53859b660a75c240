// Rows into a store, and somewhere else before: what is stored was sent there at least once. Where the other one is away,
// nothing is stored either, and gateways wait.
import type { LogRow, RowSink } from '../store/row-sink.ts';

export function alsoInto<Row extends LogRow>(other: RowSink<Row>, store: RowSink<Row>): RowSink<Row> {
  return {
    canRaise: store.canRaise && other.canRaise,
    progress: (gateway) => store.progress(gateway),
    append: async (batch) => {
      await other.append(batch);
      return store.append(batch);
    },
  };
}
