// Requests to a receiver of OTLP logs. Its Authorization header is read with each request, since it is replaced from time
// to time.
import { Agent } from 'undici';
import type { PostLogs } from './otlp-sink.ts';

export interface OtlpConnectionOptions {
  /** With the path, such as "https://otlp.example:4318/v1/logs". */
  readonly url: URL;
  /** PEM; undefined: those of Node.js. */
  readonly authority: string | undefined;
  /** Value of the header; undefined for none. */
  readonly authorization: () => Promise<string | undefined>;
}

export interface OtlpConnection {
  readonly post: PostLogs;
  /** Requests under way fail. */
  readonly close: () => Promise<void>;
}

const TIMEOUT_MS = 10_000;
const MOST_ANSWER_BYTES = 1024 * 1024;

export function connectOtlp({ url, authority, authorization }: OtlpConnectionOptions): OtlpConnection {
  const agent = new Agent({
    ...(authority === undefined ? {} : { connect: { ca: authority } }),
    ...{ headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS, connectTimeout: TIMEOUT_MS },
    maxResponseSize: MOST_ANSWER_BYTES,
  });
  return {
    post: async (body) => {
      const header = await authorization();
      const { statusCode, body: answer } = await agent.request({
        ...{ origin: url.origin, path: url.pathname + url.search, method: 'POST', body },
        headers: {
          ...{ 'content-type': 'application/json', 'content-encoding': 'gzip' },
          ...(header === undefined ? {} : { authorization: header }),
        },
      });
      return { status: statusCode, text: await answer.text() };
    },
    close: () => agent.destroy(),
  };
}
