// `sallyport api`: the running process, and the order of its start and stop. Its only state is rows for the collector.
import type { ApiConfig } from '../../cluster-config.ts';
import { type HealthServer, startHealthServer } from '../../lib/health-server.ts';
import type { Logger } from '../../lib/logger.ts';
import { reflectorFault } from '../../sources/kubernetes/reflector-fault.ts';
import { measureReflectors } from '../../sources/kubernetes/reflector-metrics.ts';
import { type ApiParts, assembleParts } from './parts.ts';

export class ApiProcess {
  readonly #parts: ApiParts;
  #health: HealthServer | undefined;

  private constructor(parts: ApiParts) {
    this.#parts = parts;
  }

  /** Throws where the API server cannot be found or a port is taken; resolves before the workspaces are read. */
  static async start(config: ApiConfig, logger: Logger): Promise<ApiProcess> {
    const running = new ApiProcess(await assembleParts(config, logger));
    try {
      await running.#start(config, logger);
      return running;
    } catch (error) {
      await running.stop();
      throw error;
    }
  }

  get port(): number {
    return this.#parts.server.port;
  }

  get healthPort(): number {
    return this.#health?.port ?? 0;
  }

  async #start(config: ApiConfig, logger: Logger): Promise<void> {
    const { registry, source, reporter, rows, server } = this.#parts;
    measureReflectors(registry, () => source.progress());
    await rows.start();
    source.start();
    reporter.start();
    await server.listen(config.listenAddress, config.port);
    this.#health = await startHealthServer({
      port: config.healthPort,
      live: { watches: () => reflectorFault(source.progress(), 'silent') },
      ready: { synced: () => reflectorFault(source.progress(), 'unsynced') },
      metrics: registry,
    });
    logger.info('started', { port: this.port, healthPort: this.healthPort });
  }

  /** First reports which rows wait; then requests under way are answered. */
  async stop(): Promise<void> {
    const { server, source, reporter, rows, api, tokens } = this.#parts;
    await rows.reportUnsent();
    await server.close();
    await rows.stop();
    await source.stop();
    await reporter.stop();
    await this.#health?.close();
    await Promise.all([api.close(), tokens.close()]);
  }
}
