// Where `sallyport denials` gets its rows.
import type { AskDenials, AskParquet, CollectorClient } from '../../denials/asking/ask-collector.ts';

export interface DenialSource {
  readonly ask: AskDenials;
  /** Whether rows say which pod it was. */
  readonly identifiesPods: boolean;
  readonly askParquet: AskParquet;
  readonly backUp: CollectorClient['backUp'];
  /** Where nothing was found: what is wrong with the question, and what else to know. */
  readonly whyNothing: (workspace: string | undefined) => Promise<Nothing>;
  /** Which rows may not be read, where there may be some. */
  readonly rightsOn: (workspace: string | undefined) => Promise<Nothing>;
  readonly close: () => Promise<void>;
}

export interface Nothing {
  readonly fault?: string | undefined;
  readonly note?: string | undefined;
}
