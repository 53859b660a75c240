// The sockets of all lanes: opened and closed as plans change, and the lane behind one exchanged in place. A port that
// is not available is reported once and tried again; the other lanes do not wait for it.
import pLimit from 'p-limit';
import { formatHostPort } from '../../lib/host-port.ts';
import { portSentence } from '../ports/port-probe.ts';
import type { DnsLane } from './dns-lanes.ts';
import { LaneSockets, type Serving } from './lane-sockets.ts';

export interface DnsServerOptions extends Serving {
  /** A sentence about a port, reported once until the port is open. */
  readonly onProblem: (sentence: string) => void;
  readonly retryMs?: number;
}

const RETRY_MS = 2000;
const OPENED_AT_ONCE = 64;

export class DnsServer {
  readonly #options: DnsServerOptions;
  readonly #open = new Map<string, LaneSockets>();
  #wanted: ReadonlyMap<string, DnsLane> = new Map();
  #problems: ReadonlySet<string> = new Set();
  readonly #exclusively = pLimit(1);
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: DnsServerOptions) {
    this.#options = options;
  }

  /** From now on these lanes and no others. Resolves when every port was tried. */
  serve(lanes: readonly DnsLane[]): Promise<void> {
    this.#wanted = new Map(lanes.map((lane) => [keyOf(lane), lane]));
    for (const [key, sockets] of this.#open) {
      const lane = this.#wanted.get(key);
      if (lane !== undefined) sockets.lane = lane;
    }
    return this.#reconcile();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    this.#wanted = new Map();
    await this.#reconcile();
  }

  #reconcile(): Promise<void> {
    return this.#exclusively(() => this.#run());
  }

  async #run(): Promise<void> {
    clearTimeout(this.#retry);
    const gone = [...this.#open].filter(([key]) => !this.#wanted.has(key));
    await Promise.all(
      gone.map(([key, sockets]) => {
        this.#open.delete(key);
        return sockets.close();
      }),
    );
    const missing = [...this.#wanted.keys()].filter((key) => !this.#open.has(key));
    const problems: string[] = [];
    for (let at = 0; at < missing.length; at += OPENED_AT_ONCE) {
      const tried = missing.slice(at, at + OPENED_AT_ONCE).map((key) => this.#tryOpen(key));
      problems.push(...(await Promise.all(tried)).filter((problem) => problem !== undefined));
    }
    this.#notify(problems);
  }

  /** Why the port is not available. */
  async #tryOpen(key: string): Promise<string | undefined> {
    const lane = this.#wanted.get(key);
    if (lane === undefined) return undefined;
    try {
      const sockets = await LaneSockets.open(lane, this.#options, () => this.#lost(key));
      // Plans may have changed meanwhile; the next turn closes a lane that is no longer wanted.
      sockets.lane = this.#wanted.get(key) ?? lane;
      this.#open.set(key, sockets);
      return undefined;
    } catch (error) {
      return `${portSentence(key, error as NodeJS.ErrnoException)}; until then "${lane.egressListener.workspace}" has no DNS in lane ${lane.egressListener.lane}`;
    }
  }

  #lost(key: string): void {
    const sockets = this.#open.get(key);
    this.#open.delete(key);
    void sockets?.close();
    this.#retryLater();
  }

  #notify(problems: readonly string[]): void {
    for (const problem of problems) if (!this.#problems.has(problem)) this.#options.onProblem(problem);
    this.#problems = new Set(problems);
    if (problems.length > 0) this.#retryLater();
  }

  #retryLater(): void {
    if (this.#isClosed) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.#reconcile(), this.#options.retryMs ?? RETRY_MS).unref();
  }
}

function keyOf({ egressListener: { address }, port }: DnsLane): string {
  return formatHostPort(address, port);
}
