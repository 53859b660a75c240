// Counts places that are taken. A key that has none always gets one, whatever others hold: only further ones are bounded
// for all together.
export interface BoundedPlacesOptions {
  readonly mostOfKey: number;
  /** Of all keys together, beyond the first of each. */
  readonly mostFurther: number;
}

export class BoundedPlaces {
  readonly #options: BoundedPlacesOptions;
  readonly #taken = new Map<string, number>();
  #further = 0;

  constructor(options: BoundedPlacesOptions) {
    this.#options = options;
  }

  /** What gives the place back, more than once is as once; or what there are too many of. */
  take(key: string): (() => void) | 'of key' | 'further' {
    const own = this.#taken.get(key) ?? 0;
    if (own >= this.#options.mostOfKey) return 'of key';
    if (own > 0 && this.#further >= this.#options.mostFurther) return 'further';
    this.#set(key, own + 1);
    let isTaken = true;
    return () => {
      if (isTaken) this.#set(key, (this.#taken.get(key) ?? 0) - 1);
      isTaken = false;
    };
  }

  #set(key: string, own: number): void {
    this.#further += furtherOf(own) - furtherOf(this.#taken.get(key) ?? 0);
    if (own === 0) this.#taken.delete(key);
    else this.#taken.set(key, own);
  }
}

const furtherOf = (own: number): number => Math.max(0, own - 1);
