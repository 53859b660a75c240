// Counts places that are taken: of each key, and of all.
export interface BoundedPlacesOptions {
  readonly most: number;
  readonly mostOfKey: number;
}

export class BoundedPlaces {
  readonly #options: BoundedPlacesOptions;
  readonly #taken = new Map<string, number>();
  #all = 0;

  constructor(options: BoundedPlacesOptions) {
    this.#options = options;
  }

  /** What gives the place back, more than once is as once; or what there are too many of. */
  take(key: string): (() => void) | 'of key' | 'of all' {
    const own = this.#taken.get(key) ?? 0;
    if (own >= this.#options.mostOfKey) return 'of key';
    if (this.#all >= this.#options.most) return 'of all';
    this.#add(key, 1);
    let isTaken = true;
    return () => {
      if (isTaken) this.#add(key, -1);
      isTaken = false;
    };
  }

  #add(key: string, change: number): void {
    const left = (this.#taken.get(key) ?? 0) + change;
    this.#all += change;
    if (left === 0) this.#taken.delete(key);
    else this.#taken.set(key, left);
  }
}
