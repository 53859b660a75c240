// Our own servers that judge requests from outside, in a cluster or not: the log of what they answered, and /authorize
// for proxies of others where a port is given.
import { join } from 'node:path';
import { type AuthorizeServer, startAuthorize } from '../../gateway/ingress/authorize/authorize-server.ts';
import { refusedLine } from '../../gateway/ingress/refused-connections.ts';
import { SpoolWriter } from '../../gateway/log/spool-writer.ts';
import type { WriterCounts } from '../../gateway/log/unwritten-lines.ts';
import type { DeniedAt } from '../../gateway/process/envoy-admin.ts';
import type { AuthorizeConfig } from '../../inbound-config.ts';
import { SYSTEM_CLOCK } from '../../lib/loop.ts';
import { formatInboundLine, OWN_LOG, type WrittenInboundLine } from '../../model/inbound-line.ts';
import type { IngressPlan } from '../../model/ingress-plan.ts';

export interface InboundServersOptions {
  readonly listenAddress: string;
  /** Undefined: no /authorize. */
  readonly authorize: AuthorizeConfig | undefined;
  readonly accountId: string;
  /** Folder of the spools of ingress. */
  readonly spools: string;
  /** Those in force; undefined while they are not known. The very same array while nothing has changed. */
  readonly plans: () => readonly IngressPlan[] | undefined;
  readonly onServing: (url: string) => void;
  readonly onFailure: (sentence: string) => void;
}

export class InboundServers {
  readonly #options: InboundServersOptions;
  readonly #log: SpoolWriter;
  #server: AuthorizeServer | undefined;

  constructor(options: InboundServersOptions) {
    this.#options = options;
    this.#log = ownLog(options.spools, options.onFailure);
  }

  /** Logs a request to one of our own servers. */
  append(line: WrittenInboundLine): void {
    this.#log.append(formatInboundLine(line));
  }

  /** Connections that Envoy closed at once: it writes no line about those. */
  recordRefused(denied: DeniedAt): void {
    this.append(refusedLine(denied, SYSTEM_CLOCK.nowMs()));
  }

  get writes(): WriterCounts {
    return this.#log.writes;
  }

  /** Port of /authorize; undefined where it is not served. */
  get authorizePort(): number | undefined {
    return this.#server?.port;
  }

  /** Throws where the port is taken. */
  async start(): Promise<void> {
    const { authorize, accountId, listenAddress: address, plans, onServing } = this.#options;
    if (authorize === undefined) return;
    try {
      this.#server = await startAuthorize({
        address,
        ...authorize,
        accountId,
        plans,
        append: (line) => this.append(line),
      });
    } catch (cause) {
      const message = `Cannot serve /authorize on port ${authorize.port} of ${address}: ${(cause as Error).message}; choose another with --authorize-port`;
      throw new Error(message, { cause });
    }
    const host = address.includes(':') ? `[${address}]` : address;
    onServing(`http://${host}:${this.#server.port}/authorize`);
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

/** The spool of what our own servers answer, in the folder of the spools of ingress. */
export function ownLog(spools: string, onFailure: (sentence: string) => void): SpoolWriter {
  const path = join(spools, `${OWN_LOG}.log`);
  return new SpoolWriter({
    path,
    counts: { dropped: 0 },
    onFailure: (error) => onFailure(error.message),
    onDropping: () =>
      onFailure(
        `Cannot keep more lines of requests from outside: "${path}" cannot be written, make room there`,
      ),
    onDropped: (lines) =>
      onFailure(`${lines} requests from outside have no row: "${path}" could not be written for a while`),
  });
}
