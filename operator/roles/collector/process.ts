// `sallyport collector`: the running process, and the order of its start and stop.
import type { CollectorConfig } from '../../cluster-config.ts';
import { type HealthServer, startHealthServer } from '../../lib/health-server.ts';
import type { Logger } from '../../lib/logger.ts';
import { within } from '../../lib/within.ts';
import { assembleParts, type CollectorParts } from './parts.ts';

const FIRST_PODS_MS = 10_000;

export class CollectorProcess {
  readonly #parts: CollectorParts;
  #health: HealthServer | undefined;

  private constructor(parts: CollectorParts) {
    this.#parts = parts;
  }

  /** Throws, with nothing left running, where the directory, the API server or a port is not available. */
  static async start(config: CollectorConfig, logger: Logger): Promise<CollectorProcess> {
    const running = new CollectorProcess(await assembleParts(config, logger));
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

  /** Looks at the certificate now, and not only when it is time. */
  async renew(): Promise<void> {
    this.#parts.certificates.trigger();
    await this.#parts.certificates.settled();
  }

  /** Counts for gateways that are gone now, of which nothing comes any more, and not only when it is time. */
  lookForGoneGateways(): Promise<void> {
    return this.#parts.goneGateways.look(0);
  }

  async #start({ listenAddress, port, healthPort }: CollectorConfig, logger: Logger): Promise<void> {
    const { identity, server, store, certificates, goneLooks, registry } = this.#parts;
    identity.start();
    // The first rows would wait for pods one batch after the other. Without them they are stored all the same.
    await within(FIRST_PODS_MS, identity.synced());
    await server.listen(listenAddress, port);
    store.retention?.start();
    store.exports?.start();
    certificates.trigger();
    goneLooks.trigger();
    this.#health = await startHealthServer({
      port: healthPort,
      live: {},
      ready: {},
      metrics: registry,
    });
    logger.info('started', { port: this.port, healthPort: this.healthPort });
  }

  /** Batches under way are stored and answered. */
  async stop(): Promise<void> {
    const { identity, events, server, isolated, certificates, goneLooks, store, api } = this.#parts;
    await this.#health?.close();
    await server.close();
    await isolated.close();
    await events.stop();
    await identity.stop();
    await certificates.stop();
    await goneLooks.stop();
    await store.exports?.stop();
    await store.retention?.stop();
    await store.close();
    await api.close();
  }
}
