// Where the collector keeps what gateways have counted.
import type { EntryUseReport } from '../../model/entry-use-row.ts';

export interface EntryUseStore {
  /**
   * Takes the place of what the gateway has said of these policies before; the same report may come again, and one that is
   * older than what is stored is dropped. Throws where nothing was stored.
   */
  readonly recordUses: (gateway: string, report: EntryUseReport) => Promise<void>;
}
