// Asks a gateway a hundred times a second for a name that it must deny and for one that it must allow, whatever happens to
// it meanwhile. In: names and where they are asked for, and when what is wanted of a name changes. Out: counts. A change is
// in force from the first answer that says so; from then on every other answer is a fault.
import { ask } from '../../outside/proxy-client.ts';
import { until } from '../until.ts';

type Place = Readonly<{ host: string; port: number }>;

/** A name at one way in of one workspace. */
export interface Watched {
  readonly name: string;
  readonly workspace: string;
  /** By CONNECT, or as TLS to the port that stands for the server's. */
  readonly way: 'proxy' | 'direct';
  readonly place: Place;
}

export interface FaultCounts {
  readonly probes: number;
  /** Let through although that was denied before, and nobody has allowed it since. */
  readonly forbidden: number;
  /** Not answered although that was allowed, and Envoy had not been killed. */
  readonly lost: number;
  /** Not answered between the death of an Envoy and the first answer of the next one. */
  readonly withoutEnvoy: number;
}

interface Watch extends Watched {
  state: 'denied' | 'opening' | 'open' | 'closing';
  /** How often something else was wanted of it. */
  changes: number;
}

interface Answer {
  /** The state when the probe began. */
  readonly before: Watch['state'];
  readonly isReached: boolean;
  /** No Envoy ran for a while during the probe. */
  readonly isExcused: boolean;
  readonly why: string;
}

const EVERY_MS = 10;
/** Of each kind: a stopped Envoy accepts no more in the end. */
const MOST_IN_FLIGHT = 60;
/** An Envoy that is stopped for half a minute has lost nothing. */
const PATIENCE_MS = 90_000;

export class FaultProbe {
  readonly #watches: readonly Watch[];
  readonly #ca: string;
  readonly #timer: NodeJS.Timeout;
  readonly #running = new Set<Promise<void>>();
  readonly faults: string[] = [];
  #counts = { probes: 0, forbidden: 0, lost: 0, withoutEnvoy: 0 };
  #inFlight = { denied: 0, open: 0 };
  #turn = 0;
  /** The last death of an Envoy after which nothing has been answered yet, and its number. */
  #deaths = 0;
  #isWithoutEnvoy = false;
  #isDying = false;

  constructor(watched: readonly Watched[], ca: string) {
    this.#watches = watched.map((one) => ({ ...one, state: 'closing', changes: 0 }));
    this.#ca = ca;
    this.#timer = setInterval(() => this.#tick(), EVERY_MS);
  }

  /** What is wanted from now on. */
  want(isAllowed: (watched: Watched) => boolean): void {
    for (const watch of this.#watches) {
      const isOpen = watch.state === 'open' || watch.state === 'opening';
      if (isAllowed(watch) === isOpen) continue;
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

  /** Resolves when every name is answered as it is wanted. */
  async settled(): Promise<void> {
    const open = (): readonly Watch[] =>
      this.#watches.filter(({ state }) => state === 'opening' || state === 'closing');
    await until('everything is in force', () => open().length === 0 && !this.#isWithoutEnvoy).catch(
      (cause: unknown) => {
        const left = open().map(({ name, workspace, way, state }) => `${workspace} ${way} ${name} ${state}`);
        throw new Error(`Not in force: ${left.join(', ')}`, { cause });
      },
    );
  }

  /** Since the last call. */
  take(): FaultCounts {
    const counts = this.#counts;
    this.#counts = { probes: 0, forbidden: 0, lost: 0, withoutEnvoy: 0 };
    return counts;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#running);
  }

  #tick(): void {
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

  async #probe(watch: Watch): Promise<void> {
    const { state: before, changes, place, name, way } = watch;
    const [deaths, wasWithoutEnvoy] = [this.#deaths, this.#isWithoutEnvoy];
    const how = way === 'proxy' ? { proxy: place } : { address: place };
    const result = await ask({ ...how, ca: this.#ca, url: `https://${name}/`, timeoutMs: PATIENCE_MS });
    const isReached = result.outcome === 'ok';
    this.#counts.probes += 1;
    if (isReached && deaths === this.#deaths && !this.#isDying) this.#isWithoutEnvoy = false;
    const isExcused = wasWithoutEnvoy || deaths !== this.#deaths;
    const why = `${result.outcome} ${result.reason ?? result.error ?? ''}`;
    // Otherwise it may have been answered by what is wanted since then.
    if (watch.changes !== changes) return;
    this.#count(watch, { before, isReached, isExcused, why });
    if (watch.state === before) watch.state = stateAfter(before, isReached, isExcused);
  }

  #count(watch: Watch, { before, isReached, isExcused, why }: Answer): void {
    if (isReached && before === 'denied') this.#fault('forbidden', watch, why);
    if (isReached || before !== 'open') return;
    if (isExcused) this.#counts.withoutEnvoy += 1;
    else this.#fault('lost', watch, why);
  }

  #fault(kind: 'forbidden' | 'lost', { name, workspace, way }: Watch, answer: string): void {
    this.#counts[kind] += 1;
    this.faults.push(`${kind}: ${workspace} ${way} ${name}: ${answer}`);
  }
}

/** What is wanted is in force with the first answer that says so; no answer of an Envoy that is gone does. */
function stateAfter(before: Watch['state'], isReached: boolean, isExcused: boolean): Watch['state'] {
  if (before === 'opening' && isReached) return 'open';
  return before === 'closing' && !isReached && !isExcused ? 'denied' : before;
}
