// Where `sallyport api` puts what lists decide about its callers: on its output, or to the collector.
import type { WrittenInboundLine } from '../../model/inbound-line.ts';
import type { ListHitsReport } from '../../model/list-hits-report.ts';

export interface CallerRows {
  readonly start: () => Promise<void>;
  /** Right after the decision, while its plan is in force. */
  readonly write: (line: WrittenInboundLine) => void;
  /** For the report of this pod. */
  readonly listHits: () => readonly ListHitsReport[];
  /** The first step of stopping: a pod that was deleted by force may be killed before the last one. */
  readonly reportUnsent: () => Promise<void>;
  /** Every line so far has its row afterwards, or waits where the next process finds it. */
  readonly stop: () => Promise<void>;
}
