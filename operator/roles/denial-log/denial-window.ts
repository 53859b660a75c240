// Denials as they come -> those that a terminal shows: so many a second, and how many more there were.
import type { ShownDenials } from './calls.ts';

const SECOND_MS = 1000;

export class DenialWindow<Row extends { readonly repeats: number }> {
  readonly #show: (shown: ShownDenials<Row>) => void;
  readonly #perSecond: number;
  #room: number;
  #further = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(perSecond: number, show: (shown: ShownDenials<Row>) => void) {
    this.#perSecond = perSecond;
    this.#room = perSecond;
    this.#show = show;
  }

  offer(denials: readonly Row[]): void {
    if (denials.length === 0) return;
    const shown = denials.slice(0, this.#room);
    this.#room -= shown.length;
    this.#further += denials.slice(shown.length).reduce((sum, { repeats }) => sum + repeats, 0);
    if (shown.length > 0) this.#show({ denials: shown, further: 0 });
    this.#timer ??= setTimeout(() => this.#nextSecond(), SECOND_MS).unref();
  }

  #nextSecond(): void {
    this.#timer = undefined;
    this.#room = this.#perSecond;
    if (this.#further > 0) this.#show({ denials: [], further: this.#further });
    this.#further = 0;
  }
}
