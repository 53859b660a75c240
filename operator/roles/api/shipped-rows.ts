// Callers of the API in a cluster about whom lists decided, on their way to the collector: lines in a spool, as those of an
// ingress gateway, which the tail of the log makes into rows. Where the collector is away they wait there, through crashes
// of this program too, within a budget beyond which they are counted. The GatewayReport of this pod says how many wait, so
// that they are counted where the pod is deleted. No answer waits for any of it.
import type { Registry } from 'prom-client';
import type { ApiConfig } from '../../cluster-config.ts';
import type { CollectorClientConfig } from '../../collector-config.ts';
import type { GatewayReporter } from '../../deliver/kubernetes/gateway-reporter.ts';
import { measureSpools } from '../../gateway/log/spool-metrics.ts';
import type { SpoolWriter } from '../../gateway/log/spool-writer.ts';
import { prepareStateDirectory } from '../../gateway/state/state-directory.ts';
import type { Logger } from '../../lib/logger.ts';
import { MAX_API_HITS } from '../../model/caller-report.ts';
import type { InboundDenial } from '../../model/inbound-denial.ts';
import { formatInboundLine, type WrittenInboundLine } from '../../model/inbound-line.ts';
import type { IngressPlan } from '../../model/ingress-plan.ts';
import { DENIAL_ROWS_PER_SECOND } from '../../model/limits.ts';
import { listHitReports } from '../../model/list-hits.ts';
import type { ListHitsReport } from '../../model/list-hits-report.ts';
import type { CollectorAuthorityOptions } from '../../sources/kubernetes/collector-authority.ts';
import type { InboundLog } from '../shared/inbound-log.ts';
import { openInboundOutput } from '../shared/inbound-output.ts';
import { ownLog } from '../shared/inbound-servers.ts';
import { ownReport } from '../shared/own-report.ts';
import { type Shipping, shipRows } from '../shared/ship-rows.ts';
import { UnsentReport } from '../shared/unsent-report.ts';
import type { CallerRows } from './caller-rows.ts';

export interface ShippedRowsOptions {
  readonly config: Pick<ApiConfig, 'accountId' | 'podName' | 'stateDirectory' | 'spoolBytes'>;
  readonly collector: CollectorClientConfig;
  readonly authority: CollectorAuthorityOptions;
  readonly logger: Logger;
  readonly registry: Registry;
  /** Those in force. */
  readonly plans: () => readonly IngressPlan[];
}

interface ShippedRowsParts {
  readonly log: InboundLog;
  readonly writer: SpoolWriter;
  readonly shipping: Shipping<InboundDenial>;
  readonly reporter: GatewayReporter;
  readonly unsent: UnsentReport;
  readonly release: () => Promise<void>;
}

export class ShippedRows implements CallerRows {
  readonly #options: ShippedRowsOptions;
  readonly #parts: ShippedRowsParts;
  #tracked: readonly IngressPlan[] | undefined;

  private constructor(options: ShippedRowsOptions, parts: ShippedRowsParts) {
    this.#options = options;
    this.#parts = parts;
  }

  /** Throws where the state directory is not available. */
  static async open(options: ShippedRowsOptions): Promise<ShippedRows> {
    const { config, collector, authority, logger, registry } = options;
    const { paths, notes, release } = await prepareStateDirectory(config.stateDirectory, {
      mayBeVolume: true,
    });
    for (const note of notes) logger.info('noticed at the start', { note });
    const writer = ownLog(paths.ingressLog, (reason) =>
      logger.warn('the log could not be written', { reason }),
    );
    const shipping = shipRows<InboundDenial>(collector, 'inbound', authority);
    const log = await openInboundOutput({
      ...{ logger, registry, sink: shipping.sink, accountId: config.accountId, gateway: config.podName },
      ...{ spools: paths.ingressLog, hits: paths.hits, budgetBytes: config.spoolBytes },
      rowsPerSecond: DENIAL_ROWS_PER_SECOND,
      ...{ admin: undefined, ownWrites: () => writer.writes, maxBytes: undefined },
    });
    const { api, namespace } = authority;
    const reporter = ownReport({ api, namespace, podName: config.podName, logger });
    const unsent = new UnsentReport({ log, stateOf: () => log.spoolsState(), reporter, logger });
    return new ShippedRows(options, { log, writer, shipping, reporter, unsent, release });
  }

  async start(): Promise<void> {
    const { log, shipping, reporter, unsent } = this.#parts;
    const { registry, config } = this.#options;
    measureSpools(registry, { stateOf: () => log.spoolsState(), budgetBytes: config.spoolBytes });
    shipping.start();
    await log.follow();
    reporter.report({ direction: 'API', ready: true });
    unsent.start();
  }

  write(line: WrittenInboundLine): void {
    this.#track();
    this.#parts.writer.append(formatInboundLine(line));
  }

  listHits(): readonly ListHitsReport[] {
    this.#track();
    return listHitReports(this.#parts.log.workspaceHits(), MAX_API_HITS);
  }

  reportUnsent(): Promise<void> {
    return this.#parts.unsent.stop();
  }

  async stop(): Promise<void> {
    const { log, writer, shipping, reporter, unsent, release } = this.#parts;
    await writer.close();
    await reporter.stop();
    await shipping.finish(() => log.drain(), this.#options.logger);
    await unsent.last();
    await log.close();
    await release();
  }

  /** Before anybody reads the line: rows name the entries of these plans. */
  #track(): void {
    const plans = this.#options.plans();
    if (this.#tracked === plans) return;
    this.#tracked = plans;
    this.#parts.log.remember(plans);
  }
}
