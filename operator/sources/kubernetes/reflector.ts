// Maintains a copy of one kind, or a selection of it: a list as a stream, then watches from where that ended, for ever.
// It recovers from every failure by itself; the last state stays meanwhile. @kubernetes/client-node's own informer
// stops for good after one reset connection.
import { setTimeout as delay } from 'node:timers/promises';
import { type KubernetesObject, pathOf, type Resource } from '../../lib/kubernetes/api-object.ts';
import { ApiFailure, type KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { BackOff } from './back-off.ts';
import { type Listing, listInPages, SilentList, streamList } from './list-objects.ts';
import { type ItemObserver, isOlderVersion, ObjectStore, type Replacement } from './object-store.ts';
import { checkEvent, type WatchEvent } from './watch-event.ts';

export interface ReflectorOptions<Item> {
  readonly api: KubernetesApi;
  readonly resource: Resource;
  /** All namespaces where absent. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** The stored part of an object; undefined stores nothing. */
  readonly transform: (raw: KubernetesObject) => Item | undefined;
  readonly observer?: ItemObserver<Item>;
  /** May be called often; called first when everything has been read. */
  readonly onChange: () => void;
  readonly onFailure: (failure: ReflectorFailure) => void;
  /** 0 to 1; Math.random unless given. */
  readonly random?: () => number;
  readonly timings?: Partial<Timings>;
}

export interface ReflectorFailure {
  /** "networkpolicies.sallyport.dev/v1alpha1". */
  readonly reflector: string;
  readonly error: Error;
  readonly retryInMs: number;
}

export interface ReflectorProgress {
  readonly reflector: string;
  readonly hasSynced: boolean;
  /** When the server last answered, by performance.now(); undefined before the first answer. */
  readonly heardAtMs: number | undefined;
  /** Failure since then. */
  readonly error: Error | undefined;
}

/**
 * * A watch ends by itself after 25 to 45 s and is opened again from where it ended. So a silently broken connection is
 * noticed within a minute: the server would have ended the watch by then. That costs one small request per kind and
 * window, as a longer window with a probe would; and bookmarks, which also show that the server is alive, come about
 * once a minute, which is too late.
 *
 * From time to time everything is listed again. Nothing else can find a lost event.
 */
export interface Timings {
  readonly shortestWatchMs: number;
  readonly longestWatchMs: number;
  /** Added to the planned end of a watch. */
  readonly graceMs: number;
  readonly relistMs: number;
}

const TIMINGS: Timings = {
  shortestWatchMs: 25_000,
  longestWatchMs: 45_000,
  graceMs: 5_000,
  relistMs: 600_000,
};

/** A watch that ends sooner, without an event, counts as failed, since opening it again at once could loop. */
const SHORTEST_WINDOW_MS = 500;
/** So many lists in a row may be older than the known state (a server with a lagging cache); then they are accepted. */
const STALE_LISTS = 5;

export class Reflector<Item> {
  readonly #options: ReflectorOptions<Item>;
  readonly #timings: Timings;
  readonly #random: () => number;
  readonly #store: ObjectStore<Item>;
  readonly #stopped = new AbortController();
  readonly #name: string;
  readonly #whenSynced = Promise.withResolvers<undefined>();
  readonly #backOff: BackOff;
  /** Where the next watch starts. */
  #resourceVersion = '';
  #mustList = true;
  #canStreamLists = true;
  /** The last stream stopped before its end: the next list is in pages. */
  #wasSilent = false;
  #staleLists = 0;
  #listedAtMs = 0;
  #hasSynced = false;
  #heardAtMs: number | undefined;
  #error: Error | undefined;
  #running: Promise<void> | undefined;

  constructor(options: ReflectorOptions<Item>) {
    this.#options = options;
    this.#timings = { ...TIMINGS, ...options.timings };
    this.#random = options.random ?? Math.random;
    this.#backOff = new BackOff(this.#random);
    this.#store = new ObjectStore(options.transform, (error) => this.#report(error, 0), options.observer);
    const { plural, apiVersion } = options.resource;
    this.#name = `${plural}.${apiVersion}`;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Whether everything has been read once. */
  hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** Resolves when everything has been read once. */
  synced(): Promise<undefined> {
    return this.#whenSynced.promise;
  }

  /** The very same array as before where nothing has changed, with the very same items for unchanged objects. */
  items(): readonly Item[] {
    return this.#store.items();
  }

  progress(): ReflectorProgress {
    return {
      reflector: this.#name,
      hasSynced: this.#hasSynced,
      heardAtMs: this.#heardAtMs,
      error: this.#error,
    };
  }

  /** No callback is called after this. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      try {
        if (this.#mustList) await this.#list();
        await this.#watch();
        this.#mustList = performance.now() - this.#listedAtMs > this.#timings.relistMs;
      } catch (error) {
        if (this.#stopped.signal.aborted) return;
        await this.#recover(error as Error);
      }
    }
  }

  async #recover(error: Error): Promise<void> {
    const isLost = isLostPlace(error);
    if (isLost) this.#mustList = true;
    const waitMs = this.#backOff.nextMs(error, performance.now(), isLost);
    this.#report(error, waitMs);
    await delay(waitMs, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
  }

  #report(error: Error, retryInMs: number): void {
    this.#error = error;
    this.#options.onFailure({ reflector: this.#name, error, retryInMs });
  }

  #heard(): void {
    this.#heardAtMs = performance.now();
    this.#error = undefined;
  }

  async #list(): Promise<void> {
    const replacement = this.#store.replacement();
    const resourceVersion = await this.#readList(replacement);
    if (isOlderVersion(resourceVersion, this.#resourceVersion) && this.#staleLists < STALE_LISTS) {
      this.#staleLists += 1;
      throw new Error(`The list is older (${resourceVersion}) than what is known (${this.#resourceVersion})`);
    }
    this.#staleLists = 0;
    this.#resourceVersion = resourceVersion;
    this.#mustList = false;
    this.#listedAtMs = performance.now();
    this.#heard();
    const isFirst = !this.#hasSynced;
    this.#hasSynced = true;
    this.#whenSynced.resolve(undefined);
    if (replacement.commit() || isFirst) this.#options.onChange();
  }

  async #readList(replacement: Replacement): Promise<string> {
    const { api } = this.#options;
    const signal = this.#stopped.signal;
    const listing: Listing = { api, path: this.#path(), selection: this.#selection(), signal };
    const isInPages = !this.#canStreamLists || this.#wasSilent;
    this.#wasSilent = false;
    if (isInPages) return listInPages(listing, replacement);
    try {
      return await streamList(listing, replacement);
    } catch (error) {
      this.#wasSilent = error instanceof SilentList;
      if (!(error instanceof ApiFailure) || (error.status !== 400 && error.status !== 422)) throw error;
      this.#canStreamLists = false;
      return listInPages(listing, replacement);
    }
  }

  /** One watch, from its start to its end. */
  async #watch(): Promise<void> {
    const { shortestWatchMs, longestWatchMs, graceMs } = this.#timings;
    const windowMs = shortestWatchMs + this.#random() * (longestWatchMs - shortestWatchMs);
    const watchdog = new AbortController();
    const timer = setTimeout(() => watchdog.abort(), windowMs + graceMs);
    const signal = AbortSignal.any([watchdog.signal, this.#stopped.signal]);
    const startMs = performance.now();
    try {
      const query = this.#watchQuery(windowMs);
      for await (const value of this.#options.api.stream({ path: this.#path(), query, signal })) {
        this.#apply(checkEvent(value));
      }
    } catch (error) {
      if (!watchdog.signal.aborted) throw error;
      const message = `The watch did not end when it should have, after ${Math.round(windowMs)} ms`;
      throw new ApiFailure(message, { status: 0, cause: error });
    } finally {
      clearTimeout(timer);
    }
    if (performance.now() - startMs < SHORTEST_WINDOW_MS) throw new Error('The watch ended at once');
    this.#heard();
  }

  #watchQuery(windowMs: number): Readonly<Record<string, string>> {
    return {
      ...this.#selection(),
      watch: 'true',
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(Math.max(1, Math.round(windowMs / 1000))),
      resourceVersion: this.#resourceVersion,
    };
  }

  #apply(event: WatchEvent): void {
    const version = event.object.metadata.resourceVersion ?? '';
    const isOld = isOlderVersion(version, this.#resourceVersion);
    if (event.type === 'BOOKMARK') {
      if (!isOld) this.#resourceVersion = version;
      return this.#heard();
    }
    // The API server sends events in the order of their versions. Otherwise a deleted object could come back.
    if (isOld) throw new OutOfOrder(`The watch went back from ${this.#resourceVersion} to ${version}`);
    this.#heard();
    this.#resourceVersion = version;
    const hasChanged =
      event.type === 'DELETED' ? this.#store.remove(event.object) : this.#store.put(event.object);
    if (hasChanged) this.#options.onChange();
  }

  #path(): string {
    const { resource, namespace } = this.#options;
    return pathOf(resource, { namespace });
  }

  #selection(): Readonly<Record<string, string>> {
    const { labelSelector, fieldSelector } = this.#options;
    return {
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
    };
  }
}

class OutOfOrder extends Error {}

/** Whether the server cannot continue where the last watch ended. */
function isLostPlace(error: Error): boolean {
  if (error instanceof OutOfOrder) return true;
  if (!(error instanceof ApiFailure)) return false;
  const { status, reason, message } = error;
  return status === 410 || reason === 'Expired' || message.includes('Too large resource version');
}
