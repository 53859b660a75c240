// Reads the journals of the outside servers between two cases: who was connected to, and which names were asked for.
// In: the outside servers. Out: what is new since the last call, as text.
import type { OutsideServers } from '../outside/outside-servers.ts';
import type { Wanted } from './attack-case.ts';

export interface Left {
  /** "127.80.2.61:443", and "127.80.2.61:80 GET example.com /" for each request. */
  readonly arrivals: readonly string[];
  /** Names asked for that neither this case nor one before it may ask for. */
  readonly strayQuestions: readonly string[];
}

export class Witness {
  readonly #outside: OutsideServers;
  readonly #known = new Map<string, number>();
  readonly #mayBeAsked = new Set<string>();
  #questions = 0;

  constructor(outside: OutsideServers) {
    this.#outside = outside;
    this.#newArrivals();
    this.#questions = outside.dns.questions.length;
  }

  check({ reaches = [], asks = reaches }: Pick<Wanted, 'reaches' | 'asks'>): Left {
    // What was asked once is asked again in the background, when the answer has grown old.
    for (const name of asks) this.#mayBeAsked.add(name);
    return { arrivals: this.#newArrivals(), strayQuestions: this.#strayQuestions() };
  }

  /** What came after the last call. */
  late(): readonly string[] {
    return [...this.#newArrivals(), ...this.#strayQuestions().map((name) => `question for ${name}`)];
  }

  #strayQuestions(): readonly string[] {
    const { questions } = this.#outside.dns;
    const asked = questions.slice(this.#questions).map(({ name }) => name);
    this.#questions = questions.length;
    return asked.filter((name) => !this.#mayBeAsked.has(name));
  }

  #newArrivals(): readonly string[] {
    const all = this.#outside.origins.arrivals.flatMap(({ address, port, requests }) => [
      `${address}:${port}`,
      ...requests.map(({ method, host, path }) => `${address}:${port} ${method} ${host} ${path}`),
    ]);
    const counted = [...Map.groupBy(all, (text) => text)].map(([text, { length }]) => ({ text, length }));
    const fresh = counted.filter(({ text, length }) => length > (this.#known.get(text) ?? 0));
    for (const { text, length } of counted) this.#known.set(text, length);
    return fresh.map(({ text }) => text);
  }
}
