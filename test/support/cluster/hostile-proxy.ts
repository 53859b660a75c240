// A proxy between a client and a real API server that behaves badly on command. Plain HTTP on loopback towards the
// client, who needs no credentials; it signs in as the user of the kubeconfig that it is given (default: the
// administrator). Point a program at `proxy.kubeconfig`, then call answer(), disturb(), cut() or fallSilent().
import { readFile, rm, writeFile } from 'node:fs/promises';
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { ControlPlane } from './control-plane.ts';
import { type Disturbance, HostileStream } from './hostile-stream.ts';

export interface HostileProxyOptions {
  readonly controlPlane: Pick<ControlPlane, 'adminKubeconfig'>;
  /** Whose credentials are used. */
  readonly kubeconfig?: string;
}

interface Aim {
  /** Of the request's path, for example "/networkpolicies"; every request where absent. */
  readonly path?: RegExp;
  /** Everything where absent. A streamed list is a watch that begins with a list. */
  readonly only?: 'watches' | 'streamed lists' | 'others';
  /** How many times; 1 where absent. */
  readonly times?: number;
}

/** An answer of its own, without asking the API server. */
export type Answer = Aim & {
  readonly status: number;
  readonly reason?: string;
  readonly retryAfterSeconds?: number;
};

export type LineFault = Aim & Disturbance;

export interface SeenRequest {
  readonly method: string;
  /** With its query. */
  readonly url: string;
  /** Undefined while it is under way. */
  readonly status: number | undefined;
  readonly atMs: number;
}

interface Armed<Fault> {
  readonly fault: Fault & Aim;
  left: number;
}

export async function startHostileProxy(options: HostileProxyOptions): Promise<HostileProxy> {
  const upstream = options.kubeconfig ?? options.controlPlane.adminKubeconfig;
  const proxy = new HostileProxy(
    await readUpstream(upstream),
    `${upstream}.hostile-${process.hrtime.bigint()}`,
  );
  await proxy.start();
  return proxy;
}

export class HostileProxy {
  /** Path of a kubeconfig that leads through here. */
  readonly kubeconfig: string;
  readonly #upstream: Upstream;
  readonly #server: Server;
  readonly #streams = new Set<{ readonly url: string; readonly stream: HostileStream; disconnect(): void }>();
  #answers: Armed<Answer>[] = [];
  #lineFaults: Armed<LineFault>[] = [];
  #requests: SeenRequest[] = [];
  #isSilent = false;

  constructor(upstream: Upstream, kubeconfig: string) {
    this.#upstream = upstream;
    this.kubeconfig = kubeconfig;
    this.#server = createServer((request, response) => this.#serve(request, response));
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const { port } = this.#server.address() as AddressInfo;
    await writeFile(this.kubeconfig, plainKubeconfig(`http://127.0.0.1:${port}`), { mode: 0o600 });
  }

  /** The next requests that match get this answer. */
  answer(fault: Answer): void {
    this.#answers.push({ fault, left: fault.times ?? 1 });
  }

  /** The next lines of matching watches, open or yet to come, suffer this. */
  disturb(fault: LineFault): void {
    this.#lineFaults.push({ fault, left: fault.times ?? 1 });
  }

  /** Resets every open watch that matches. */
  disconnect(path = /^/): void {
    for (const open of this.#streams) if (path.test(open.url)) open.disconnect();
  }

  /**
   * Connections stay, and new ones are accepted, but nothing passes, either way, until heal(). What was open then stays
   * silent.
   */
  fallSilent(): void {
    this.#isSilent = true;
    for (const { stream } of this.#streams) stream.silence();
  }

  /** Takes back every fault that has not struck yet. */
  heal(): void {
    this.#isSilent = false;
    this.#answers = [];
    this.#lineFaults = [];
  }

  /** Faults that have not struck often enough yet. */
  pendingFaults(): number {
    return this.#answers.length + this.#lineFaults.length;
  }

  /** Everything that clients asked, oldest first. */
  requests(): readonly SeenRequest[] {
    return this.#requests;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    this.#upstream.agent.destroy();
    await closed;
    await rm(this.kubeconfig, { force: true });
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const { method = 'GET', url = '/' } = request;
    const at = this.#requests.push({ method, url, status: undefined, atMs: Date.now() }) - 1;
    response.on('finish', () => this.#note(at, response.statusCode));
    if (this.#isSilent) return;
    const fault = strike(this.#answers, url);
    if (fault === undefined) return this.#forward(request, response);
    request.resume();
    const { status, reason = '', retryAfterSeconds } = fault;
    const retryAfter = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
    response.writeHead(status, { 'content-type': 'application/json', ...retryAfter });
    const object = { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: status, reason };
    response.end(JSON.stringify({ ...object, message: `The hostile proxy says ${status}` }));
  }

  #note(at: number, status: number): void {
    const seen = this.#requests[at];
    if (seen !== undefined) this.#requests[at] = { ...seen, status };
  }

  #forward(request: IncomingMessage, response: ServerResponse): void {
    const { method = 'GET', url = '/' } = request;
    const { server, authorization, ...tls } = this.#upstream;
    const headers: OutgoingHttpHeaders = { ...request.headers, ...authorization, host: server.host };
    // Its lines are to be read here.
    delete headers['accept-encoding'];
    const onward = httpsRequest(new URL(url, server), { ...tls, method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      if (isWatch(url) && answer.statusCode === 200) this.#follow(url, answer, response);
      else answer.pipe(response);
      answer.on('error', () => response.destroy());
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  }

  #follow(url: string, answer: IncomingMessage, response: ServerResponse): void {
    response.flushHeaders();
    const stream = new HostileStream(response, () => strike(this.#lineFaults, url));
    const open = { url, stream, disconnect: () => response.destroy() };
    this.#streams.add(open);
    response.on('close', () => this.#streams.delete(open));
    answer.setEncoding('utf8');
    answer.on('data', (text: string) => stream.take(text));
    answer.on('end', () => stream.end());
  }
}

/** The first fault that is aimed at this request; used up when it has struck often enough. */
function strike<Fault>(armed: Armed<Fault>[], url: string): (Fault & Aim) | undefined {
  const at = armed.findIndex(({ fault }) => isAimedAt(fault, url));
  const found = armed[at];
  if (found === undefined) return undefined;
  found.left -= 1;
  if (found.left <= 0) armed.splice(at, 1);
  return found.fault;
}

function isAimedAt({ path = /^/, only }: Aim, url: string): boolean {
  if (!path.test(url.split('?')[0] ?? '')) return false;
  if (only === undefined) return true;
  const isList = url.includes('sendInitialEvents=true');
  if (only === 'streamed lists') return isList;
  return only === 'watches' ? isWatch(url) && !isList : !isWatch(url);
}

function isWatch(url: string): boolean {
  return /[?&]watch=(?:true|1)(?:&|$)/.test(url);
}

interface Upstream {
  readonly server: URL;
  readonly agent: Agent;
  readonly ca: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly authorization: Readonly<Record<string, string>>;
}

/** Of a kubeconfig that the test control plane wrote: JSON, everything inline. */
async function readUpstream(path: string): Promise<Upstream> {
  const { clusters, users } = JSON.parse(await readFile(path, 'utf8'));
  const { cluster } = clusters[0];
  const { user } = users[0];
  const decoded = (value: string): Buffer => Buffer.from(value, 'base64');
  const certified = {
    cert: decoded(user['client-certificate-data'] ?? ''),
    key: decoded(user['client-key-data'] ?? ''),
  };
  return {
    server: new URL(cluster.server),
    agent: new Agent({ keepAlive: true }),
    ca: decoded(cluster['certificate-authority-data']),
    ...(user.token === undefined ? certified : {}),
    authorization: user.token === undefined ? {} : { authorization: `Bearer ${user.token}` },
  };
}

/** Clients insist on TLS unless configured so that they need no certificate. */
function plainKubeconfig(server: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'hostile', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'hostile', user: {} }],
    contexts: [{ name: 'hostile', context: { cluster: 'hostile', user: 'hostile' } }],
    'current-context': 'hostile',
  });
}
