// The log of requests from outside, of `sallyport run` or of an ingress gateway: follows the spools, hands denials to a
// sink, and counts how often each entry of the access lists decided.
import { HitCounter } from '../../denials/reading/hit-counter.ts';
import { inboundReader } from '../../denials/reading/inbound-denial-of-line.ts';
import { PlanHistory } from '../../denials/reading/plan-history.ts';
import { readHits } from '../../denials/store/hits-file.ts';
import { INBOUND_SHAPE } from '../../denials/store/row-shapes.ts';
import type { Spools, SpoolsState } from '../../gateway/log/spools.ts';
import type { RecordedDenials } from '../../gateway/log/unsent-denials.ts';
import type { WriterCounts } from '../../gateway/log/unwritten-lines.ts';
import * as atomicFiles from '../../lib/atomic-file.ts';
import { CountsWriter } from '../../lib/counts-writer.ts';
import { MAX_GATEWAY_HITS } from '../../model/gateway-report.ts';
import type { InboundDenial } from '../../model/inbound-denial.ts';
import { type InboundLine, OWN_LOG } from '../../model/inbound-line.ts';
import type { IngressPlan } from '../../model/ingress-plan.ts';
import { listHitReports, type WorkspaceHits } from '../../model/list-hits.ts';
import type { ListHitsReport } from '../../model/list-hits-report.ts';
import { envoyLog, type LogWriterAdmin, openRowSpools, type RowSpoolsOptions } from './row-spools.ts';

/** Where the log is. */
export interface InboundPlace {
  /** The ingress gateway's name in event ids. */
  readonly gateway: string;
  /** Folder of the spools of ingress. */
  readonly spools: string;
  /** File of the counts of access lists. */
  readonly hits: string;
}

export interface InboundLogOptions
  extends InboundPlace,
    Omit<RowSpoolsOptions<InboundLine, InboundDenial>, 'folder' | 'logs' | 'reader' | 'shape' | 'onLines'> {
  readonly accountId: string;
  /** Resolves when all plans that are on their way are here; at once where it is not given. */
  readonly sync?: () => Promise<void>;
  /** Of the Envoy that writes; undefined where none does. */
  readonly admin: LogWriterAdmin | undefined;
  /** What the writer of our own servers did, which counts what it could not write. */
  readonly ownWrites?: (() => WriterCounts) | undefined;
}

/** How often counts are stored. */
const WRITE_MS = 2000;

export class InboundLog {
  readonly #options: InboundLogOptions;
  readonly #history: PlanHistory;
  /** Revisions that nobody has any more. */
  readonly #unknown = new Set<string>();
  readonly #hits: HitCounter;
  readonly #writer: CountsWriter;
  #spools: Spools | undefined;

  private constructor(options: InboundLogOptions, history: PlanHistory, hits: HitCounter) {
    this.#options = options;
    this.#history = history;
    this.#hits = hits;
    this.#writer = new CountsWriter({
      everyMs: WRITE_MS,
      path: options.hits,
      files: atomicFiles,
      counter: hits,
      onFailure: options.onFailure,
    });
  }

  static async open(options: InboundLogOptions): Promise<InboundLog> {
    const history = new PlanHistory();
    const hits = new HitCounter(history, Date.now, await readHits(options.hits));
    const log = new InboundLog(options, history, hits);
    log.#spools = await log.#openSpools();
    return log;
  }

  /** The plans that are about to be enforced. */
  remember(plans: readonly IngressPlan[]): void {
    this.#history.remember(plans);
    this.#hits.track(plans);
  }

  /** For a report of the gateway. */
  listHits(): readonly ListHitsReport[] {
    return listHitReports(this.workspaceHits(), MAX_GATEWAY_HITS);
  }

  workspaceHits(): readonly WorkspaceHits[] {
    return this.#hits.snapshot().workspaces;
  }

  async follow(): Promise<void> {
    await this.#spools?.start();
    this.#writer.start();
  }

  /** Resolves when every line written so far is in the store, and the counts are in their file. */
  async drain(): Promise<void> {
    await this.#spools?.drain();
    await this.#writer.write();
  }

  async spoolsState(): Promise<SpoolsState> {
    return (await this.#spools?.state()) ?? { bytes: 0, lagSeconds: 0 };
  }

  async recordedDenials(): Promise<RecordedDenials> {
    return (await this.#spools?.recordedDenials()) ?? { recorded: 0, unsent: 0 };
  }

  async close(): Promise<void> {
    await this.#spools?.close();
    await this.#writer.stop();
  }

  #openSpools(): Promise<Spools> {
    const { spools: folder, accountId, admin, ownWrites } = this.#options;
    return openRowSpools({
      ...this.#options,
      folder,
      logs: [
        ...(admin === undefined ? [] : [envoyLog(admin)]),
        // Its writer follows a renamed file by itself.
        {
          name: OWN_LOG,
          reopen: async () => undefined,
          ...(ownWrites === undefined ? {} : { writes: async () => ownWrites() }),
        },
      ],
      shape: INBOUND_SHAPE,
      reader: inboundReader({
        accountId,
        plans: this.#history,
        prepare: (lines) => this.#prepare(lines),
      }),
      onLines: (lines, logFile, upTo) => this.#hits.count(lines, logFile, upTo),
    });
  }

  /** A line may be read before its plan arrives. */
  async #prepare(lines: readonly InboundLine[]): Promise<void> {
    const isNew = (line: InboundLine): boolean =>
      line.revision !== '' && !this.#history.knows(line) && !this.#unknown.has(keyOf(line));
    const strange = lines.filter(isNew);
    if (strange.length === 0) return;
    await this.#options.sync?.();
    for (const line of strange.filter(isNew)) this.#unknown.add(keyOf(line));
  }
}

function keyOf({ workspace, revision }: InboundLine): string {
  return `${workspace}@${revision}`;
}
