// Calls of a running REST API over real HTTP, as a client sends them: one answer with its parsed body.
import { Agent, request } from 'undici';

/** From here come calls with X-Forwarded-For; a trusted proxy. */
export const PROXY = '127.0.0.9';
const proxy = new Agent({ localAddress: PROXY });

export interface ApiCall {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS' | 'HEAD';
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** A body that is text is sent as it is. */
export async function callApi(origin: string, token: string | undefined, call: ApiCall): Promise<ApiAnswer> {
  const { method = 'GET', path, body, headers = {} } = call;
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const answer = await request(`${origin}${path}`, {
    method,
    body: text ?? null,
    ...('x-forwarded-for' in headers ? { dispatcher: proxy } : {}),
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(text === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
  });
  const received = await answer.body.text();
  return { status: answer.statusCode, body: parse(received), headers: answer.headers };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
