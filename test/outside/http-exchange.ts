// The little HTTP/1 that the client speaks itself, so that a test decides every byte of the request.
// In: parts of a request, or a reader. Out: the text of a request head, or one parsed response.
// It never normalises: a broken target, a doubled header or a line break goes out as given.
import type { ByteReader } from './byte-reader.ts';

/** Several values for one name make several header lines. */
export type HeaderValues = Readonly<Record<string, string | readonly string[]>>;

export interface RequestHead {
  readonly method: string;
  readonly target: string;
  readonly version: '1.0' | '1.1';
  readonly headers: HeaderValues;
}

export interface ResponseHead {
  readonly status: number;
  /** Lower-case names; repeated lines joined by ", ". */
  readonly headers: Readonly<Record<string, string>>;
}

export interface HttpResponse extends ResponseHead {
  /** UTF-8. */
  readonly body: string;
}

export function formatRequestHead({ method, target, version, headers }: RequestHead): string {
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    [value].flat().map((one) => `${name}: ${one}`),
  );
  return [`${method} ${target} HTTP/${version}`, ...lines, '', ''].join('\r\n');
}

/** The client's own headers, then the caller's; a name that the caller gives replaces ours in any spelling of case. */
export function mergeHeaders(own: HeaderValues, given: HeaderValues = {}): HeaderValues {
  const replaced = new Set(Object.keys(given).map((name) => name.toLowerCase()));
  const kept = Object.entries(own).filter(([name]) => !replaced.has(name.toLowerCase()));
  return { ...Object.fromEntries(kept), ...given };
}

/** Throws for what is no HTTP/1 response, quoting its beginning. */
export async function readResponseHead(reader: ByteReader): Promise<ResponseHead> {
  const first = await reader.readThrough('\n');
  const status = /^HTTP\/1\.[01] (\d{3})\b/.exec(first)?.[1];
  if (status === undefined)
    throw new Error(`The answer is no HTTP response: ${JSON.stringify(first.slice(0, 40))}`);
  const headers: Record<string, string> = {};
  for (let line = await readLine(reader); line !== ''; line = await readLine(reader)) {
    const [, name = '', value = ''] = /^([^:]*):\s*(.*)$/.exec(line) ?? [];
    const key = name.toLowerCase();
    headers[key] = headers[key] === undefined ? value : `${headers[key]}, ${value}`;
  }
  return { status: Number(status), headers };
}

/** A whole response; informational ones (100, 103) are skipped. */
export async function readResponse(reader: ByteReader, method: string): Promise<HttpResponse> {
  let head = await readResponseHead(reader);
  while (head.status < 200 && head.status !== 101) head = await readResponseHead(reader);
  return { ...head, body: await readBodyText(reader, head, method) };
}

/** What follows a head, as UTF-8 text. */
export async function readBodyText(reader: ByteReader, head: ResponseHead, method: string): Promise<string> {
  const { status, headers } = head;
  const hasNone = method === 'HEAD' || status === 101 || status === 204 || status === 304;
  return hasNone ? '' : (await readBody(reader, headers)).toString('utf8');
}

async function readBody(reader: ByteReader, headers: ResponseHead['headers']): Promise<Buffer> {
  if (headers['transfer-encoding'] === 'chunked') return readChunks(reader);
  const length = headers['content-length'];
  return length === undefined ? reader.readToEnd() : reader.readExactly(Number(length));
}

async function readChunks(reader: ByteReader): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (;;) {
    const length = Number.parseInt(await readLine(reader), 16);
    if (Number.isNaN(length)) throw new Error('The answer has a chunk without a length');
    if (length === 0) break;
    chunks.push(await reader.readExactly(length));
    await readLine(reader);
  }
  while ((await readLine(reader)) !== '');
  return Buffer.concat(chunks);
}

async function readLine(reader: ByteReader): Promise<string> {
  return (await reader.readThrough('\n')).replace(/\r?\n$/, '');
}
