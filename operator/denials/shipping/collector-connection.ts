// Requests to the collector over TLS, with one agent for as long as its authority stays the same. Who calls is a token,
// and who answers a certificate of the collector's own authority: both are asked for with each request, since both are
// replaced from time to time.
import { Agent } from 'undici';
import type { AskCollector } from './collector-sink.ts';

export interface CollectorConnectionOptions {
  readonly url: URL;
  /** That the certificate must be for, whatever the URL says. */
  readonly serverName: string;
  /** PEM; undefined while it is not known. */
  readonly authority: () => string | undefined;
  readonly token: () => Promise<string>;
}

export interface CollectorConnection {
  readonly ask: AskCollector;
  /** Requests under way fail. */
  readonly close: () => Promise<void>;
}

const TIMEOUT_MS = 20_000;
const MOST_ANSWER_BYTES = 16 * 1024 * 1024;

export function connectCollector({
  url,
  serverName,
  authority,
  token,
}: CollectorConnectionOptions): CollectorConnection {
  let known: { readonly ca: string; readonly agent: Agent } | undefined;
  const agentFor = (ca: string): Agent => {
    if (known?.ca === ca) return known.agent;
    void known?.agent.close();
    known = { ca, agent: agentOf({ ca, servername: serverName }) };
    return known.agent;
  };
  return {
    ask: async ({ method, path, body }) => {
      const ca = authority();
      if (ca === undefined)
        throw new Error(
          `Cannot trust collector "${url.origin}" yet: ConfigMap with its authority is not there`,
        );
      const { statusCode, body: answer } = await agentFor(ca).request({
        ...{ origin: url.origin, path, method, body: body ?? null },
        headers: {
          authorization: `Bearer ${await token()}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-encoding': 'gzip' }),
        },
      });
      return { status: statusCode, text: await answer.text() };
    },
    close: async () => void (await known?.agent.destroy()),
  };
}

function agentOf(connect: { readonly ca: string; readonly servername: string }): Agent {
  const timeouts = { headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS, connectTimeout: TIMEOUT_MS / 2 };
  return new Agent({ connect, ...timeouts, maxResponseSize: MOST_ANSWER_BYTES, allowH2: false });
}
