// Writes the connection limits at accept to Envoy's runtime file, and logs the connections that they closed.
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeOrSay } from '../../lib/atomic-file.ts';
import { CONTEXT_PARTS, DROP_PREFIX, type LineContext } from '../../model/access-log-line.ts';
import type { Reason } from '../../model/reason.ts';
import {
  acceptLimit,
  limitsPath,
  listenersOf,
  renderConnectionLimits,
  workspaceShare,
} from '../../render/envoy/connection-limits.ts';
import type { EgressListener, GatewaySettings } from '../../render/envoy/envoy-config.ts';
import { proxyPlace, tlsPlaces } from '../../render/envoy/listener-places.ts';
import { ConnectionShares, type CountByListener } from './connection-shares.ts';
import type { DeniedAt } from './envoy-admin.ts';
import { askEnvoy } from './envoy-polls.ts';

export interface ConnectionLimitsOptions {
  readonly settings: GatewaySettings;
  /** Connections that listeners have. */
  readonly active: () => Promise<CountByListener>;
  readonly onFailure: (error: Error) => void;
}

export class ConnectionLimits {
  readonly #options: ConnectionLimitsOptions;
  readonly #shares: ConnectionShares;
  #writing: Promise<void> = Promise.resolve();
  /** Limits that could not be written are not in force, so what they freed must not be given out. */
  #isWritten = true;
  /** Whether the file is of this process. */
  #isOurs = false;

  constructor(options: ConnectionLimitsOptions) {
    const { settings } = options;
    this.#options = options;
    this.#shares = new ConnectionShares({ share: workspaceShare(settings), most: acceptLimit(settings) });
  }

  /** Before listeners are added, so that none is without a limit. A failed write is reported and tried again. */
  async serve(egressListeners: readonly EgressListener[]): Promise<void> {
    const isOther = this.#shares.serve(listenersOf(egressListeners));
    if (this.#isOurs && !isOther && this.#isWritten) return;
    this.#isOurs = true;
    await this.#write().catch((error: unknown) => this.#options.onFailure(error as Error));
  }

  /** Those of the last time stay where nothing is known of any listener yet, since Envoy has them all the same. */
  async prepare(egressListeners: readonly EgressListener[]): Promise<void> {
    const isKnown = egressListeners.length > 0;
    if (isKnown || !existsSync(limitsPath(this.#options.settings))) await this.serve(egressListeners);
  }

  /** Gives busy ports more of what idle ones do not need. */
  async check(): Promise<void> {
    if (!this.#isWritten) return await this.#write();
    const active = await askEnvoy(this.#options.active, { gone: undefined, silent: undefined });
    if (active !== undefined && this.#shares.check(active)) await this.#write();
  }

  /** One after the other, each with the current limits. */
  #write(): Promise<void> {
    const written = this.#writing.then(async () => {
      this.#isWritten = false;
      const path = limitsPath(this.#options.settings);
      const text = `${JSON.stringify(renderConnectionLimits(this.#shares.limits))}\n`;
      await mkdir(dirname(path), { recursive: true });
      const problem = await writeOrSay(path, text);
      if (problem !== undefined) throw new Error(problem);
      this.#isWritten = true;
    });
    this.#writing = written.catch(() => undefined);
    return written;
  }
}

/**
 * A line for all connections that a listener closed since the last line; undefined where it belongs to no egress
 * listener.
 */
export function deniedLine(
  egressListeners: readonly EgressListener[],
  denied: DeniedAt,
  atMs: number,
): string | undefined {
  for (const egressListener of egressListeners) {
    if (proxyPlace(egressListener).name === denied.listener) return lineOf(egressListener, '', denied, atMs);
    const tls = tlsPlaces(egressListener).find(({ name }) => name === denied.listener);
    if (tls !== undefined) return lineOf(egressListener, `-:${tls.serverPort}`, denied, atMs);
  }
  return undefined;
}

/** As the egress listener itself would write it; the clients' addresses are not known. */
function lineOf(
  egressListener: EgressListener,
  authority: string,
  { connections, isOverloaded }: DeniedAt,
  atMs: number,
): string {
  const reason: Reason = isOverloaded ? 'GATEWAY_OVERLOADED' : 'TOO_MANY_CONNECTIONS';
  const { workspace, workspaceId, product = '', lane, networkPolicyId: policy, table } = egressListener;
  const context: LineContext = {
    ...{ revision: '', workspace, workspaceId, product, lane, policy, table, source: '', authority },
  };
  return JSON.stringify({
    listener: 'egress-listener',
    context: CONTEXT_PARTS.map((part) => context[part]).join('|'),
    time: new Date(atMs).toISOString(),
    decision: `${DROP_PREFIX}${reason}`,
    repeats: connections,
  });
}
