// `sallyport run` as a process of its own, so that its memory is measured alone, and it can be killed.
// In: a folder and a state directory. Out: the proxy to use, process ids, queries. stop() ends the process.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { queryDenials } from '../../operator/denials/query/query-denials.ts';
import type { JsonRow } from '../../operator/denials/query/run-query.ts';
import type { Endpoints, ProductEndpoint } from '../../operator/gateway/ports/product-listeners.ts';
import { statePaths } from '../../operator/gateway/state/state-directory.ts';
import type { Product } from '../../operator/model/product.ts';
import type { OutsideServers } from '../outside/outside-servers.ts';
import type { Place } from './tunnel.ts';

export interface SallyportOptions {
  /** The YAML. */
  readonly folder: string;
  readonly state: string;
  readonly outside: Pick<OutsideServers, 'resolver' | 'openRange' | 'listenAddress'>;
  /** "20000-20999": two processes on one address need ranges of their own. */
  readonly ports?: string;
  readonly furtherOptions?: readonly string[];
}

/** As users start it. */
const PROGRAM = fileURLToPath(new URL('../../hack/sallyport', import.meta.url));
/** Printed last when the gateway is ready. */
const READY = 'Stop with Ctrl-C';
/** Fetching Envoy, where it is missing, counts too. */
const START_LIMIT_MS = 180_000;
const STOP_LIMIT_MS = 20_000;
const POLL_MS = 20;

export class SallyportProcess {
  readonly #options: SallyportOptions;
  #process: ChildProcess | undefined;

  constructor(options: SallyportOptions) {
    this.#options = options;
  }

  /** Starts it and waits until it is ready; throws with what it said when it ends before. */
  async start(): Promise<void> {
    const { state } = this.#options;
    await mkdir(state, { recursive: true });
    const child = spawn(PROGRAM, this.#arguments(), {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    const log = createWriteStream(join(state, 'run.log'), { flags: 'a' });
    let complaint = '';
    child.stderr.on('data', (chunk: Buffer) => (complaint = chunk.toString())).pipe(log, { end: false });
    const ready = new Promise<void>((resolve) => {
      child.stdout.on('data', (chunk: Buffer) => chunk.includes(READY) && resolve());
    });
    child.stdout.pipe(log, { end: false });
    const ended = once(child, 'exit').then(() =>
      Promise.reject(new Error(`Cannot start sallyport: ${complaint.trim()}`)),
    );
    const late = delay(START_LIMIT_MS, undefined, { ref: false }).then(() =>
      Promise.reject(new Error(`Cannot start sallyport: read "${state}/run.log"`)),
    );
    ended.catch(() => undefined);
    await Promise.race([ready, ended, late]);
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Of the Envoy that runs now. */
  async envoyPid(): Promise<number> {
    const text = await readFile(join(statePaths(this.#options.state).envoy, 'envoy.json'), 'utf8');
    return (JSON.parse(text) as { readonly pid: number }).pid;
  }

  /** How often Envoy's log has been rotated, as far as its files have been read to the end. */
  async rotations(): Promise<number> {
    const text = await readFile(join(statePaths(this.#options.state).envoyLog, 'positions.json'), 'utf8');
    return (JSON.parse(text) as { readonly sequence: number }).sequence - 1;
  }

  /** Where a workload of the workspace sends its requests. */
  proxy(workspace: string, product: Product = 'GENERAL'): Promise<Place> {
    return this.#place(workspace, product, ({ proxy }) => proxy?.replace('http://', ''));
  }

  /** Where a client without a proxy comes with TLS. */
  tls(workspace: string, product: Product = 'GENERAL'): Promise<Place> {
    return this.#place(workspace, product, ({ tls }) => tls);
  }

  /** Where it asks for names. */
  nameServer(workspace: string, product: Product = 'GENERAL'): Promise<Place> {
    return this.#place(workspace, product, ({ dns }) => dns);
  }

  async #place(
    workspace: string,
    product: Product,
    read: (endpoint: ProductEndpoint) => string | null | undefined,
  ): Promise<Place> {
    const text = await readFile(statePaths(this.#options.state).endpoints, 'utf8');
    const found = (JSON.parse(text) as Endpoints).workspaces.find((one) => one.workspace === workspace);
    const endpoint = found?.products.find((one) => one.product === product);
    const [host = '', port = ''] = (endpoint && read(endpoint))?.split(':') ?? [];
    return { host, port: Number(port) };
  }

  /** Rows of the denial log; throws where the query is rejected or nobody answers. */
  async query(sql: string, maxRows = 1_000_000): Promise<readonly JsonRow[]> {
    const answer = await queryDenials({ ...statePaths(this.#options.state), sql, maxRows });
    if ('error' in answer) throw new Error(answer.error);
    return answer.rows;
  }

  /** Ends our process as a crash would; Envoy goes on. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Ends it in good order, and Envoy with it. */
  async stop(): Promise<void> {
    const inTime = await Promise.race([
      this.#end('SIGTERM').then(() => true),
      delay(STOP_LIMIT_MS, false, { ref: false }),
    ]);
    if (!inTime) await this.kill();
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  #arguments(): readonly string[] {
    const { folder, state, outside, ports = '20000-20999', furtherOptions = [] } = this.#options;
    const address = ['--listen-address', outside.listenAddress, '--ports', ports];
    const outsideOptions = ['--resolver', outside.resolver, '--open-range', outside.openRange];
    return ['run', folder, '--state', state, ...address, ...outsideOptions, ...furtherOptions];
  }
}

/** Polls until the answer is true; throws after the limit. */
export async function until(isSo: () => Promise<boolean>, what: string, limitMs: number): Promise<void> {
  const deadlineMs = performance.now() + limitMs;
  while (!(await isSo())) {
    if (performance.now() > deadlineMs) throw new Error(`Waited ${limitMs} ms for ${what}`);
    await delay(POLL_MS);
  }
}
