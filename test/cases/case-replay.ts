// Replays a case's rows as real requests: in.yaml in a folder, `sallyport run`'s gateway with a real Envoy over it,
// and a stand-in outside world that serves every name any row asks for.
// In: a case. Out: what a client saw, what arrived where, and what the denial log says in the end.
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRunConfig } from '../../operator/config.ts';
import { queryDenials } from '../../operator/denials/query-denials.ts';
import type { JsonRow } from '../../operator/denials/run-query.ts';
import { RunningGateway } from '../../operator/roles/run.ts';
import { SILENT_VIEW } from '../../operator/roles/run-view.ts';
import { statePaths } from '../../operator/roles/state-directory.ts';
import type { AskResult } from '../outside/ask-result.ts';
import { ORIGIN_HEADER } from '../outside/origin-page.ts';
import { type OutsideWorld, startOutsideWorld } from '../outside/outside-world.ts';
import { ask } from '../outside/proxy-client.ts';
import { type CaseFolder, casePath } from './case-folder.ts';
import { aimOf, type CaseRow, sniOf } from './case-rows.ts';
import { outsideNames, SOME_SERVER } from './outside-names.ts';

/** What a client saw: the answer of the right server, a refusal with its reason, or a tunnel that was shut. */
export interface Seen {
  readonly answer: string;
  /** Whether a connection or request came to any server of the world. */
  readonly arrived: boolean;
}

const DENIALS = `SELECT workspace, product, policy, network_source_type, access_type, reason, destination, port, rule, revision
  FROM access.outbound_network`;
/** No TLS, and too short for no protocol. */
const PLAIN_BYTES = 'SSH-2.0-client\r\n';

export class CaseReplay {
  readonly #folder: string;
  readonly #world: OutsideWorld;
  readonly #gateway: RunningGateway;
  #arrivals = 0;
  #finished: Promise<readonly JsonRow[]> | undefined;

  private constructor(folder: string, world: OutsideWorld, gateway: RunningGateway) {
    this.#folder = folder;
    this.#world = world;
    this.#gateway = gateway;
  }

  /** Throws, with nothing left running, where the gateway cannot start. */
  static async start(found: CaseFolder): Promise<CaseReplay> {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-case-'));
    const world = await startOutsideWorld({ names: [SOME_SERVER] });
    try {
      for (const name of outsideNames(found.rows, world.closedAddress)) await world.addName(name);
      return new CaseReplay(folder, world, await startGateway(found.name, folder, world));
    } catch (error) {
      await release(folder, world);
      throw error;
    }
  }

  /** Address that stands for `<address>` in the rows. */
  get address(): string {
    return this.#world.addressOf(SOME_SERVER.name);
  }

  async replay(row: CaseRow): Promise<Seen> {
    const proxy = this.#proxyOf(row);
    if (proxy === null) return { answer: 'no gateway in the way', arrived: false };
    const before = this.#journalLength();
    const result = await this.#ask(row, proxy);
    const arrivals = this.#journalLength() - before;
    this.#arrivals += arrivals;
    return { answer: this.#describe(row, result), arrived: arrivals > 0 };
  }

  /** Questions that the DNS was asked for this name. */
  questionsFor(name: string): readonly unknown[] {
    return this.#world.dns.questionsFor(name);
  }

  /** Connections and requests that came to a server when the row that caused them was over. */
  get lateArrivals(): number {
    return this.#journalLength() - this.#arrivals;
  }

  /** Ends everything, Envoy first: so every line that it will ever write is in the denial log that is returned. */
  finish(): Promise<readonly JsonRow[]> {
    this.#finished ??= this.#finish();
    return this.#finished;
  }

  async #finish(): Promise<readonly JsonRow[]> {
    const paths = statePaths(join(this.#folder, 'state'));
    await this.#gateway.drained();
    await this.#gateway.stop();
    const answer = await queryDenials({
      socketPath: paths.querySocket,
      databasePath: paths.database,
      sql: DENIALS,
    });
    await release(this.#folder, this.#world);
    if ('error' in answer) throw new Error(answer.error);
    return answer.rows;
  }

  #proxyOf({ workspace, product }: CaseRow): { readonly host: string; readonly port: number } | null {
    const entry = this.#gateway.endpoints.workspaces.find((endpoints) => endpoints.workspace === workspace);
    const endpoint = entry?.products.find((candidate) => candidate.product === product);
    if (endpoint === undefined) throw new Error(`Cannot find the entrance for ${product} of "${workspace}"`);
    if (endpoint.proxy === null) return null;
    const { hostname, port } = new URL(endpoint.proxy);
    return { host: hostname, port: Number(port) };
  }

  #ask(row: CaseRow, proxy: { readonly host: string; readonly port: number }): Promise<AskResult> {
    const { scheme, host, url, authority } = aimOf(row, this.address);
    const options = { proxy, ca: this.#world.caPem };
    if (scheme === 'http') return ask({ ...options, url });
    if (row.inside === 'not-tls')
      return ask({ ...options, connect: authority, sends: 'bytes', bytes: PLAIN_BYTES });
    return ask({ ...options, connect: authority, sni: sniOf(row, host) });
  }

  #describe(row: CaseRow, result: AskResult): string {
    const { outcome, proxyStatus, status, reason, headers, body, error } = result;
    if (outcome === 'refused') return `${proxyStatus} ${reason}`;
    if (outcome === 'reset' && proxyStatus === 200) return 'tunnel closed';
    const origin = headers?.[ORIGIN_HEADER];
    const isAnswer = row.inside === 'not-tls' ? body === PLAIN_BYTES : origin === this.#originOf(row);
    return outcome === 'ok' && isAnswer
      ? 'answered'
      : `${outcome}: ${error ?? `${status} from ${origin}: ${body}`}`;
  }

  #originOf(row: CaseRow): string {
    const { host, port } = aimOf(row, this.address);
    return `${host === this.address ? host : this.#world.addressOf(host)}:${port}`;
  }

  #journalLength(): number {
    const { arrivals } = this.#world.origins;
    return arrivals.length + arrivals.reduce((sum, { requests }) => sum + requests.length, 0);
  }
}

async function startGateway(name: string, folder: string, world: OutsideWorld): Promise<RunningGateway> {
  await mkdir(join(folder, 'in'));
  await copyFile(casePath(name, 'in.yaml'), join(folder, 'in/in.yaml'));
  const options = {
    state: join(folder, 'state'),
    listenAddress: world.listenAddress,
    ports: '10000-31999',
    resolver: [world.resolver],
    openRange: [world.openRange],
    maxConnections: '1000',
    accountId: 'cases',
    concurrency: '1',
  };
  return RunningGateway.start(readRunConfig(join(folder, 'in'), options, process.env), SILENT_VIEW);
}

async function release(folder: string, world: OutsideWorld): Promise<void> {
  await world.stop();
  await rm(folder, { recursive: true, force: true });
}
