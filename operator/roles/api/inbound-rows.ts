// Callers of the API in a cluster about whom lists decided: each whom they deny, or would but for dry-run, is a JSON line
// on standard output, as those of an ingress gateway without a collector are, and hits are counted for the report of this pod. A lone line is
// written at once; in a flood they wait a moment for each other, so that one row can stand for many.
import type { Registry } from 'prom-client';
import { type BatchConsumer, LogConsumer } from '../../denials/log-consumer.ts';
import { measureInboundDenials } from '../../denials/reading/denial-metrics.ts';
import { HitCounter } from '../../denials/reading/hit-counter.ts';
import { inboundReader } from '../../denials/reading/inbound-denial-of-line.ts';
import { PlanHistory } from '../../denials/reading/plan-history.ts';
import type { LogLines } from '../../denials/reading/read-denials.ts';
import { INBOUND_SHAPE } from '../../denials/store/row-shapes.ts';
import type { Logger } from '../../lib/logger.ts';
import { MAX_API_HITS } from '../../model/caller-report.ts';
import { INBOUND_COLUMNS } from '../../model/inbound-columns.ts';
import { formatInboundLine, type WrittenInboundLine } from '../../model/inbound-line.ts';
import type { IngressPlan } from '../../model/ingress-plan.ts';
import { DENIAL_ROWS_PER_SECOND } from '../../model/limits.ts';
import { listHitReports } from '../../model/list-hits.ts';
import type { ListHitsReport } from '../../model/list-hits-report.ts';
import { outputSink } from '../shared/output-sink.ts';
import type { CallerRows } from './caller-rows.ts';

export interface InboundRowsOptions {
  readonly accountId: string;
  readonly podName: string;
  readonly logger: Logger;
  readonly registry: Registry;
  /** Those in force. */
  readonly plans: () => readonly IngressPlan[];
}

/** How long a line waits at most. */
const BATCH_MS = 250;

export class InboundRows implements CallerRows {
  readonly #plans: InboundRowsOptions['plans'];
  readonly #onFailure: (error: unknown) => void;
  readonly #history = new PlanHistory();
  readonly #hits = new HitCounter(this.#history, Date.now);
  readonly #logFile = `api.${Date.now()}`;
  readonly #consumer: Promise<BatchConsumer>;
  #lines: LogLines['lines'][number][] = [];
  /** Lines so far, which are the offsets of this log. */
  #written = 0;
  /** By performance.now(). */
  #flushedMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> = Promise.resolve();

  constructor({ accountId, podName, logger, registry, plans }: InboundRowsOptions) {
    this.#plans = plans;
    this.#onFailure = (error) => logger.error('rows of denied callers could not be written', { error });
    const count = measureInboundDenials(registry);
    this.#consumer = LogConsumer.open({
      gateway: podName,
      reader: inboundReader({ accountId, plans: this.#history }),
      sink: outputSink(logger, 'inbound denial', INBOUND_COLUMNS),
      rowsPerSecond: DENIAL_ROWS_PER_SECOND,
      shape: INBOUND_SHAPE,
      onLines: (lines, logFile, upTo) => this.#hits.count(lines, logFile, upTo),
      onDenials: (denials) => denials.forEach(count),
      onUnreadableLines: (lines) => logger.error('unreadable log lines', { count: lines }),
      onTruncatedLines: () => undefined,
    });
  }

  async start(): Promise<void> {}

  /** Lines on the output wait for nobody. */
  async reportUnsent(): Promise<void> {}

  write(written: WrittenInboundLine): void {
    this.#track();
    this.#lines.push({ offset: this.#written, text: formatInboundLine(written) });
    this.#written += 1;
    const waitMs = Math.max(0, this.#flushedMs + BATCH_MS - performance.now());
    this.#timer ??= setTimeout(() => void this.#flush(), waitMs);
  }

  listHits(): readonly ListHitsReport[] {
    this.#track();
    return listHitReports(this.#hits.snapshot().workspaces, MAX_API_HITS);
  }

  stop(): Promise<void> {
    return this.#flush();
  }

  /** Resolves when every line so far has its row. */
  #flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#flushedMs = performance.now();
    const batch = { logFile: this.#logFile, upTo: this.#written, lines: this.#lines };
    this.#lines = [];
    this.#flushing = this.#flushing.then(() => this.#consume(batch)).catch(this.#onFailure);
    return this.#flushing;
  }

  async #consume(batch: LogLines): Promise<void> {
    if (batch.lines.length > 0) await (await this.#consumer).consume(batch);
  }

  #track(): void {
    const plans = this.#plans();
    if (this.#history.current === plans) return;
    this.#history.remember(plans);
    this.#hits.track(plans);
  }
}
