// The second half of the quickstart: who may access a workspace. The calls of the product page, on the REST API; then
// callers from several addresses of loopback, through a real Envoy; then the rows of those who were denied.
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { load } from 'js-yaml';

const HOST = 'analytics.acme.example';
const OFFICE = { label: 'office', list_type: 'ALLOW', ip_addresses: ['127.0.0.1', '127.0.2.2/21'] };
const LAB = { label: 'lab', list_type: 'BLOCK', ip_addresses: ['127.0.3.3'] };
/** Of whoever calls the API. */
const OWN_ADDRESS = { label: 'own address', list_type: 'BLOCK', ip_addresses: ['127.0.0.1'] };

/** A call of the REST API, and what should be answered. */
export interface Call {
  readonly method: 'GET' | 'POST' | 'PATCH';
  readonly path: string;
  readonly body?: unknown;
  readonly status: number;
}

export const CALLS: readonly Call[] = [
  { method: 'GET', path: '/workspace-conf?keys=enableIpAccessLists', status: 200 },
  { method: 'POST', path: '/ip-access-lists', body: OFFICE, status: 200 },
  { method: 'POST', path: '/ip-access-lists', body: LAB, status: 200 },
  { method: 'PATCH', path: '/workspace-conf', body: { enableIpAccessLists: 'true' }, status: 200 },
  { method: 'POST', path: '/ip-access-lists', body: OWN_ADDRESS, status: 400 },
];

/** Somebody who asks for the workspace, and what should happen. */
export interface Caller {
  readonly from: string;
  readonly status: number;
  readonly note: string;
}

export const CALLERS: readonly Caller[] = [
  { from: '127.0.0.1', status: 200, note: 'the list "office"' },
  { from: '127.0.2.9', status: 200, note: 'the list "office", by its range' },
  { from: '127.0.3.3', status: 403, note: 'in "office" too, but "lab" blocks it' },
  { from: '127.9.9.9', status: 403, note: 'in no list' },
];

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

/** Where the REST API is, and its token. */
export interface RestApi {
  readonly port: number;
  readonly token: string;
}

/** `tokens`: the file that the first start wrote. */
export async function restApi(port: number, tokens: string): Promise<RestApi> {
  const file = load(await readFile(tokens, 'utf8')) as { tokens: readonly { token: string }[] };
  return { port, token: file.tokens[0]?.token ?? '' };
}

/** The same call as people type it. */
export function curlLine({ method, path, body }: Call, { port }: RestApi): string {
  const data = body === undefined ? '' : ` -d '${JSON.stringify(body)}'`;
  return `curl -X ${method} -H "Authorization: Bearer $TOKEN" http://127.0.0.1:${port}/api/2.0${path}${data}`;
}

export function callApi({ method, path, body }: Call, { port, token }: RestApi): Promise<HttpAnswer> {
  return send({
    from: '127.0.0.1',
    port,
    method,
    path: `/api/2.0${path}`,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

/** Through the ingress gateway. */
export function callWorkspace({ from }: Caller, port: number): Promise<HttpAnswer> {
  return send({ from, port, method: 'GET', path: '/sql/warehouses', headers: { host: HOST } });
}

interface Sent {
  readonly from: string;
  readonly port: number;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

async function send({ from, port, method, path, headers, body }: Sent): Promise<HttpAnswer> {
  const asking = request({
    host: '127.0.0.1',
    localAddress: from,
    port,
    method,
    path,
    headers,
    agent: false,
  });
  asking.end(body);
  const [answer] = await once(asking, 'response');
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return { status: answer.statusCode, text: Buffer.concat(chunks).toString() };
}

/** Stands for the web application of the workspace, and the folder names its port from now on. */
export async function startBackend(folder: string): Promise<Server> {
  const server = createServer((_, response) => response.end('The workspace analytics\n')).listen(
    0,
    '127.0.0.1',
  );
  await once(server, 'listening');
  const file = join(folder, 'workspaces.yaml');
  const { port } = server.address() as AddressInfo;
  await writeFile(file, (await readFile(file, 'utf8')).replace('port: 8088', `port: ${port}`));
  return server;
}
