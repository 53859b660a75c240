// Replays a case's rows as real requests through the real Envoy of a stage, with stand-in outside servers that serve
// every name any row asks for.
// In: a case. Out: what a client saw, what arrived where, and what the denial log says in the end.
import type { AskResult } from '../outside/ask-result.ts';
import { ORIGIN_HEADER } from '../outside/origin-page.ts';
import { type OutsideServers, startOutsideServers } from '../outside/outside-servers.ts';
import { ask } from '../outside/proxy-client.ts';
import type { CaseFolder } from './case-folder.ts';
import { aimOf, type CaseRow, sniOf } from './case-rows.ts';
import { outsideNames, SOME_SERVER } from './outside-names.ts';
import type { LoggedDenial, ProxyPlace, Stage, StartStage } from './stage.ts';

/** What a client saw: the answer of the right server, a denial with its reason, or a tunnel that was shut. */
export interface Seen {
  readonly answer: string;
  /** Whether a connection or request came to any outside server. */
  readonly arrived: boolean;
}

/** No TLS, and too short for no protocol. */
const PLAIN_BYTES = 'SSH-2.0-client\r\n';

export class CaseReplay {
  readonly #outside: OutsideServers;
  readonly #stage: Stage;
  #arrivals = 0;
  #finished: Promise<readonly LoggedDenial[]> | undefined;

  private constructor(outside: OutsideServers, stage: Stage) {
    this.#outside = outside;
    this.#stage = stage;
  }

  /** Throws, with nothing left running, where the stage cannot start. */
  static async start(found: CaseFolder, startStage: StartStage): Promise<CaseReplay> {
    const outside = await startOutsideServers({ names: [SOME_SERVER] });
    try {
      for (const name of outsideNames(found.rows, outside.closedAddress)) await outside.addName(name);
      return new CaseReplay(outside, await startStage(found, outside));
    } catch (error) {
      await outside.stop();
      throw error;
    }
  }

  /** Address that stands for `<address>` in the rows. */
  get address(): string {
    return this.#outside.addressOf(SOME_SERVER.name);
  }

  async replay(row: CaseRow): Promise<Seen> {
    const proxy = this.#stage.proxyOf(row);
    if (proxy === null) return { answer: 'no gateway in the way', arrived: false };
    const before = this.#journalLength();
    const result = await this.#ask(row, proxy);
    const arrivals = this.#journalLength() - before;
    this.#arrivals += arrivals;
    return { answer: this.#describe(row, result), arrived: arrivals > 0 };
  }

  /** Questions that the DNS was asked for this name. */
  questionsFor(name: string): readonly unknown[] {
    return this.#outside.dns.questionsFor(name);
  }

  /** Connections and requests that came to a server when the row that caused them was over. */
  get lateArrivals(): number {
    return this.#journalLength() - this.#arrivals;
  }

  /** Ends everything; returns the denial log. */
  finish(): Promise<readonly LoggedDenial[]> {
    this.#finished ??= this.#stage.finish().finally(() => this.#outside.stop());
    return this.#finished;
  }

  #ask(row: CaseRow, proxy: ProxyPlace): Promise<AskResult> {
    const { scheme, host, url, authority } = aimOf(row, this.address);
    const options = { proxy, ca: this.#outside.caPem };
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
    return `${host === this.address ? host : this.#outside.addressOf(host)}:${port}`;
  }

  #journalLength(): number {
    const { arrivals } = this.#outside.origins;
    return arrivals.length + arrivals.reduce((sum, { requests }) => sum + requests.length, 0);
  }
}
