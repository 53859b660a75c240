// A reflector's cache: one item per object, never an older one over a newer one.
import { isDeepStrictEqual } from 'node:util';
import type { KubernetesObject } from '../../lib/kubernetes/api-object.ts';

interface Entry<Item> {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly item: Item | undefined;
}

type Entries<Item> = Map<string, Entry<Item>>;

/** A list that is being read; it has no effect before it is complete. */
export interface Replacement {
  put(raw: KubernetesObject): void;
  remove(raw: KubernetesObject): void;
  /** Objects that were not put are removed. True where something changed. */
  commit(): boolean;
}

/** Is told of each item as it comes, so that none is missed that is there only for a moment. */
export interface ItemObserver<Item> {
  /** New or changed. */
  readonly onItem: (item: Item) => void;
  /** As it was last. */
  readonly onGone: (item: Item) => void;
}

export class ObjectStore<Item> {
  readonly #transform: (raw: KubernetesObject) => Item | undefined;
  readonly #onFault: (error: Error) => void;
  readonly #observer: ItemObserver<Item> | undefined;
  #entries: Entries<Item> = new Map();
  #items: readonly Item[] | undefined;

  /** An object whose transformation throws is reported to `onFault`, and not stored. */
  constructor(
    transform: (raw: KubernetesObject) => Item | undefined,
    onFault: (error: Error) => void,
    observer?: ItemObserver<Item>,
  ) {
    this.#transform = transform;
    this.#onFault = onFault;
    this.#observer = observer;
  }

  items(): readonly Item[] {
    this.#items ??= [...this.#entries.values()].flatMap(({ item }) => (item === undefined ? [] : [item]));
    return this.#items;
  }

  /** True where something changed. */
  put(raw: KubernetesObject): boolean {
    const key = keyOf(raw);
    const known = this.#entries.get(key);
    if (known !== undefined && !isNewer(raw, known)) return false;
    const entry = this.#entryOf(raw);
    this.#entries.set(key, entry);
    this.#tell(known, entry);
    return this.#notice(entry.item !== known?.item);
  }

  remove(raw: KubernetesObject): boolean {
    const key = keyOf(raw);
    const known = this.#entries.get(key);
    if (known === undefined || !isNewer(raw, known)) return false;
    this.#entries.delete(key);
    if (this.#observer !== undefined)
      this.#tell({ ...known, item: this.#itemOf(raw) ?? known.item }, undefined);
    return this.#notice(known.item !== undefined);
  }

  /** Objects are transformed as they arrive, so that a long list is never in memory as a whole. */
  replacement(): Replacement {
    const entries: Entries<Item> = new Map();
    return {
      put: (raw) => {
        entries.set(keyOf(raw), this.#entryOf(raw));
      },
      remove: (raw) => {
        entries.delete(keyOf(raw));
      },
      commit: () => {
        const known = this.#entries;
        const hasOthers = [...entries].some(([key, { item }]) => item !== known.get(key)?.item);
        const hasLess = [...known].some(([key, { item }]) => item !== undefined && !entries.has(key));
        this.#entries = entries;
        for (const [key, entry] of known) this.#tell(entry, entries.get(key));
        for (const [key, entry] of entries) if (!known.has(key)) this.#tell(undefined, entry);
        return this.#notice(hasOthers || hasLess);
      },
    };
  }

  /** Another object of the same name is another item. */
  #tell(before: Partial<Entry<Item>> = {}, after: Partial<Entry<Item>> = {}): void {
    if (this.#observer === undefined || before.item === after.item) return;
    const isGone = after.item === undefined || before.uid !== after.uid;
    if (before.item !== undefined && isGone) this.#observer.onGone(before.item);
    if (after.item !== undefined) this.#observer.onItem(after.item);
  }

  #notice(hasChanged: boolean): boolean {
    if (hasChanged) this.#items = undefined;
    return hasChanged;
  }

  /** The item is the very same as before where the object, or the stored part of it, is the same. */
  #entryOf(raw: KubernetesObject): Entry<Item> {
    const { uid = '', resourceVersion = '' } = raw.metadata;
    const known = this.#entries.get(keyOf(raw));
    if (known?.uid !== uid) return { uid, resourceVersion, item: this.#itemOf(raw) };
    if (known.resourceVersion === resourceVersion) return known;
    const item = this.#itemOf(raw);
    return { uid, resourceVersion, item: isDeepStrictEqual(item, known.item) ? known.item : item };
  }

  #itemOf(raw: KubernetesObject): Item | undefined {
    try {
      return this.#transform(raw);
    } catch (cause) {
      this.#onFault(new Error(`Cannot read ${raw.kind} "${keyOf(raw)}"`, { cause }));
      return undefined;
    }
  }
}

function keyOf({ metadata }: KubernetesObject): string {
  return metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
}

function isNewer({ metadata }: KubernetesObject, known: Entry<unknown>): boolean {
  const version = metadata.resourceVersion ?? '';
  return version !== known.resourceVersion && !isOlderVersion(version, known.resourceVersion);
}

/** False where one of them is no number, since then they cannot be compared. */
export function isOlderVersion(version: string, than: string): boolean {
  return isNumber(version) && isNumber(than) && BigInt(version) < BigInt(than);
}

function isNumber(version: string): boolean {
  return /^\d+$/.test(version);
}
