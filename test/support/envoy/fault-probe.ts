// Asks a gateway a hundred times a second for a name that it must deny and for one that it must allow, whatever happens to
// it meanwhile. In: names and how they are asked for, and when what is wanted of a name changes. Out: counts. A change is
// in force from the first answer that says so; from then on every other answer is a fault.
import { until } from '../until.ts';

/** A name at one way in of one workspace. */
export interface Watched {
  readonly name: string;
  readonly workspace: string;
  readonly way: string;
}

export interface Reached {
  readonly isReached: boolean;
  /** For people. */
  readonly why: string;
}

export interface FaultCounts {
  readonly probes: number;
  /** Let through although that was denied before, and nobody has allowed it since. */
  readonly forbidden: number;
  /** Not answered although that was allowed, and Envoy had not been killed. */
  readonly lost: number;
  /** Not answered between the death of an Envoy and the first answer of the next one. */
  readonly withoutEnvoy: number;
  /**
   * Not answered by an Envoy that stood still meanwhile for longer than it waits for the first bytes of a client: once it
   * goes on, that time is over for connections that it was about to accept.
   */
  readonly stoodStill: number;
  /** Not answered while this process, in which the client, its DNS and the servers are, stood still for longer than that. */
  readonly probeStoodStill: number;
}

type State = 'denied' | 'opening' | 'open' | 'closing';

interface Watch<Asked extends Watched> {
  readonly asked: Asked;
  state: State;
  /** How often something else was wanted of it. */
  changes: number;
}

type Excuse = 'withoutEnvoy' | 'stoodStill' | 'probeStoodStill';

interface Answer {
  /** The state when the probe began. */
  readonly before: State;
  readonly isReached: boolean;
  /** Why Envoy need not have answered. */
  readonly excuse: Excuse | undefined;
  readonly why: string;
}

const EVERY_MS = 10;
/**
 * Of each kind. A busy machine is asked less often: what waits for its turn longer than Envoy waits for a client, or for
 * the DNS, would count as lost.
 */
const MOST_IN_FLIGHT = 10;
/** Envoy asks the DNS again after so long; it gives up after twice that, and waits a second longer for a client. */
export const STALL_MS = 2000;
const NOTHING: FaultCounts = {
  probes: 0,
  forbidden: 0,
  lost: 0,
  withoutEnvoy: 0,
  stoodStill: 0,
  probeStoodStill: 0,
};
/** An Envoy that is stopped for half a minute has lost nothing. */
export const PATIENCE_MS = 90_000;

export class FaultProbe<Asked extends Watched = Watched> {
  readonly #watches: readonly Watch<Asked>[];
  readonly #ask: (asked: Asked) => Promise<Reached>;
  readonly #timer: NodeJS.Timeout;
  readonly #running = new Set<Promise<void>>();
  readonly faults: string[] = [];
  #counts = { ...NOTHING };
  #inFlight = { denied: 0, open: 0 };
  #turn = 0;
  /** The last death of an Envoy after which nothing has been answered yet, and its number. */
  #deaths = 0;
  #isWithoutEnvoy = false;
  #isDying = false;
  /** How often it went on after it had stood still for too long. */
  #stops = 0;
  /** When this process was seen to go on the last time, and how often it had not for too long. */
  #seenAtMs = performance.now();
  #stalls = 0;

  constructor(watched: readonly Asked[], ask: (asked: Asked) => Promise<Reached>) {
    this.#watches = watched.map((asked) => ({ asked, state: 'closing', changes: 0 }));
    this.#ask = ask;
    this.#timer = setInterval(() => this.#tick(), EVERY_MS);
  }

  /** What is wanted from now on. */
  want(isAllowed: (asked: Asked) => boolean): void {
    for (const watch of this.#watches) {
      const isOpen = watch.state === 'open' || watch.state === 'opening';
      if (isAllowed(watch.asked) === isOpen) continue;
      watch.state = isOpen ? 'closing' : 'opening';
      watch.changes += 1;
    }
  }

  /** Call it just before the signal. */
  envoyDies(): void {
    this.#deaths += 1;
    this.#isWithoutEnvoy = true;
    this.#isDying = true;
  }

  /** Call it once that Envoy is gone. */
  envoyDied(): void {
    this.#deaths += 1;
    this.#isDying = false;
  }

  /** Call it just before Envoy goes on that has stood still for so long. */
  envoyStoodStill(): void {
    this.#stops += 1;
  }

  /** Resolves when every name is answered as it is wanted. */
  async settled(): Promise<void> {
    const open = (): readonly Watch<Asked>[] =>
      this.#watches.filter(({ state }) => state === 'opening' || state === 'closing');
    await until('everything is in force', () => open().length === 0 && !this.#isWithoutEnvoy).catch(
      (cause: unknown) => {
        const left = open().map(({ asked, state }) => `${textOf(asked)} ${state}`);
        throw new Error(`Not in force: ${left.join(', ')}`, { cause });
      },
    );
  }

  /** Resolves when it has asked so many more times: a fault that is over at once has hardly been asked about. */
  async asked(times = 100): Promise<void> {
    const enough = this.#counts.probes + times;
    await until('it has asked', () => this.#counts.probes >= enough);
  }

  /** Since the last call. */
  take(): FaultCounts {
    const counts = this.#counts;
    this.#counts = { ...NOTHING };
    return counts;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#running);
  }

  /** How often this process has stood still for too long. */
  #stallsNow(): number {
    const nowMs = performance.now();
    if (nowMs - this.#seenAtMs > STALL_MS) this.#stalls += 1;
    this.#seenAtMs = nowMs;
    return this.#stalls;
  }

  #tick(): void {
    this.#stallsNow();
    this.#turn += 1;
    for (const kind of ['denied', 'open'] as const) {
      const states = kind === 'denied' ? ['denied', 'closing'] : ['open', 'opening'];
      const watches = this.#watches.filter(({ state }) => states.includes(state));
      const watch = watches[this.#turn % watches.length];
      if (watch === undefined || this.#inFlight[kind] >= MOST_IN_FLIGHT) continue;
      this.#inFlight[kind] += 1;
      const running = this.#probe(watch).finally(() => {
        this.#inFlight[kind] -= 1;
        this.#running.delete(running);
      });
      this.#running.add(running);
    }
  }

  async #probe(watch: Watch<Asked>): Promise<void> {
    const { state: before, changes } = watch;
    const [deaths, wasWithoutEnvoy, stops] = [this.#deaths, this.#isWithoutEnvoy, this.#stops];
    const stalls = this.#stallsNow();
    const { isReached, why } = await this.#ask(watch.asked);
    this.#counts.probes += 1;
    if (isReached && deaths === this.#deaths && !this.#isDying) this.#isWithoutEnvoy = false;
    const excuses: readonly (readonly [Excuse, boolean])[] = [
      ['withoutEnvoy', wasWithoutEnvoy || deaths !== this.#deaths],
      ['stoodStill', stops !== this.#stops],
      ['probeStoodStill', stalls !== this.#stallsNow()],
    ];
    const excuse = excuses.find(([, holds]) => holds)?.[0];
    // Otherwise it may have been answered by what is wanted since then.
    if (watch.changes !== changes) return;
    this.#count(watch, { before, isReached, excuse, why });
    if (watch.state === before) watch.state = stateAfter(before, isReached, excuse !== undefined);
  }

  #count({ asked }: Watch<Asked>, { before, isReached, excuse, why }: Answer): void {
    if (isReached && before === 'denied') this.#fault('forbidden', asked, why);
    if (isReached || before !== 'open') return;
    if (excuse !== undefined) this.#counts[excuse] += 1;
    else this.#fault('lost', asked, why);
  }

  #fault(kind: 'forbidden' | 'lost', asked: Watched, answer: string): void {
    this.#counts[kind] += 1;
    this.faults.push(`${kind}: ${textOf(asked)}: ${answer}`);
  }
}

function textOf({ name, workspace, way }: Watched): string {
  return `${workspace} ${way} ${name}`;
}

/** What is wanted is in force with the first answer that says so; no answer of an Envoy that is gone does. */
function stateAfter(before: State, isReached: boolean, isExcused: boolean): State {
  if (before === 'opening' && isReached) return 'open';
  return before === 'closing' && !isReached && !isExcused ? 'denied' : before;
}
