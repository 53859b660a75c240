// What became of a request, as a value.
// In: a response, or whatever was thrown on the way. Out: outcome, statuses, reason.
import { ProxyRefusal } from './dial.ts';
import { errorCode } from './error-code.ts';
import type { HttpResponse } from './http-exchange.ts';
import { ORIGIN_HEADER } from './origin-page.ts';

/**
 * `ok`: the server answered, with any status. `refused`: a proxy said no, with a status.
 * `reset`: the connection was closed or reset before an answer. `failed`: anything else (`error` says what): no route,
 * no such name, a certificate that does not prove the name, no answer in time.
 */
type Outcome = 'ok' | 'refused' | 'reset' | 'failed';

export interface AskResult {
  readonly outcome: Outcome;
  /** What the proxy itself answered: to CONNECT (also where it failed later), or instead of the server. */
  readonly proxyStatus?: number;
  /** Value of the x-sallyport-reason header. */
  readonly reason?: string;
  /** What the server answered. */
  readonly status?: number;
  /** Headers of the answer, the proxy's or the server's; lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly error?: string;
  /** Of everything, name look-up included. */
  readonly elapsedMs: number;
}

export type Finding = Omit<AskResult, 'elapsedMs'>;

const CLOSED_CODES = new Set<string | undefined>(['ENDED', 'ECONNRESET', 'EPIPE']);

/** `mayBeProxy`: whether the request went out in the clear, so that a proxy can have answered in the server's place. */
export function describeResponse(response: HttpResponse, mayBeProxy: boolean): Finding {
  const { status, headers, body } = response;
  // Every stand-in server marks its answers; a proxy does not.
  const isRefusal = mayBeProxy && status >= 400 && headers[ORIGIN_HEADER] === undefined;
  return isRefusal ? refusal(response) : { outcome: 'ok', status, headers, body };
}

export function describeFailure(error: unknown): Finding {
  if (error instanceof ProxyRefusal) return refusal(error.response);
  const isClosed = CLOSED_CODES.has(errorCode(error));
  return { outcome: isClosed ? 'reset' : 'failed', error: String(error) };
}

function refusal({ status, headers, body }: HttpResponse): Finding {
  const reason = headers['x-sallyport-reason'];
  return {
    outcome: 'refused',
    proxyStatus: status,
    ...(reason === undefined ? {} : { reason }),
    headers,
    body,
  };
}
