// Access lists of `sallyport run`: plans of the folder, the log of our own servers, and /authorize for proxies of others
// where a port is given.
import { join } from 'node:path';
import type { AuthorizeConfig } from '../../config.ts';
import { type AuthorizeServer, startAuthorize } from '../../gateway/ingress/authorize/authorize-server.ts';
import { SpoolWriter } from '../../gateway/log/spool-writer.ts';
import { formatInboundLine, OWN_LOG, type WrittenInboundLine } from '../../model/inbound-line.ts';
import type { FolderPlans } from './folder-plans.ts';
import type { RunView } from './view.ts';

export interface FolderIngressOptions {
  readonly listenAddress: string;
  /** Undefined: no /authorize. */
  readonly authorize: AuthorizeConfig | undefined;
  /** Folder of the spools of ingress. */
  readonly spools: string;
  readonly plans: FolderPlans;
  readonly view: RunView;
}

export class FolderIngress {
  readonly #options: FolderIngressOptions;
  readonly plans: FolderPlans;
  readonly #log: SpoolWriter;
  #server: AuthorizeServer | undefined;

  constructor(options: FolderIngressOptions) {
    const { view } = options;
    const path = join(options.spools, `${OWN_LOG}.log`);
    this.#options = options;
    this.plans = options.plans;
    this.#log = new SpoolWriter({
      path,
      counts: { dropped: 0 },
      onFailure: (error) => view.failure(error.message),
      onDropping: () =>
        view.failure(
          `Cannot keep more lines of requests from outside: "${path}" cannot be written, make room there`,
        ),
      onDropped: (lines) =>
        view.failure(
          `${lines} requests from outside have no row: "${path}" could not be written for a while`,
        ),
    });
  }

  /** Logs a request to one of our own servers. */
  append(line: WrittenInboundLine): void {
    this.#log.append(formatInboundLine(line));
  }

  /** Port of /authorize; undefined where it is not served. */
  get authorizePort(): number | undefined {
    return this.#server?.port;
  }

  /** Throws where the port is taken. */
  async start(): Promise<void> {
    const { authorize, listenAddress: address, view } = this.#options;
    if (authorize === undefined) return;
    try {
      this.#server = await startAuthorize({
        address,
        ...authorize,
        plans: () => this.plans.current,
        append: (line) => this.append(line),
      });
    } catch (cause) {
      const message = `Cannot serve /authorize on port ${authorize.port} of ${address}: ${(cause as Error).message}; choose another with --authorize-port`;
      throw new Error(message, { cause });
    }
    const host = address.includes(':') ? `[${address}]` : address;
    view.progress(`Proxies may ask http://${host}:${this.#server.port}/authorize`);
  }

  /** Afterwards every answer so far is in the spool. */
  flush(): Promise<void> {
    return this.#log.flush();
  }

  async stop(): Promise<void> {
    await this.#server?.close();
    await this.#log.close();
  }
}
