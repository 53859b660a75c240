// Brings resources into force through incremental xDS and says what is. The socket opens only once all resources are
// known, from a file or from the first call: an Envoy that asks too early waits, and keeps what it has. What Envoy
// rejects holds back nothing else; its last good version stays.
import { existsSync } from 'node:fs';
import type { NamedResource } from '../../render/envoy/envoy-config.ts';
import type { DeliveryStage } from './delivery-order.ts';
import { DeltaServer } from './delta-server.ts';
import { encodeResources } from './encode-resources.ts';
import { EnvoyWait } from './envoy-wait.ts';
import { movingListeners, type Places } from './moving-listeners.ts';
import { type HeldBackResource, ResourceBook } from './resource-book.ts';
import { ResourceFiles } from './resource-files.ts';
import { RESOURCE_KINDS, type ResourceRef, type Resources } from './resource-kind.ts';
import { EVERYTHING_STAYS, type StayRules } from './stay-rules.ts';
import { XdsCounts } from './xds-counts.ts';

export type XdsResult =
  /** Everything is in force. */
  | { readonly status: 'applied' }
  /** Everything is in force but this. */
  | { readonly status: 'heldBack'; readonly heldBack: readonly HeldBackResource[] }
  /** Envoy has not answered for everything, or is not ready to serve it; the next call asks again. */
  | { readonly status: 'timeout' }
  /** Envoy gets everything once it runs. */
  | { readonly status: 'notRunning' };

export interface XdsApplied {
  readonly result: XdsResult;
  /** Sentences about files that could not be written: a restart would not know what they should hold. */
  readonly unsaved: readonly string[];
}

/** What the applier asks of Envoy's admin interface. */
interface XdsAdmin {
  readonly warming: () => Promise<number>;
  readonly listenerNames: () => Promise<readonly string[]>;
}

export interface XdsApplierOptions {
  readonly socketPath: string;
  /** Of the encoded resources. */
  readonly directory: string;
  readonly admin: XdsAdmin;
  readonly order: readonly DeliveryStage[];
  /** What may stay where its wanted version is rejected; everything unless given. */
  readonly rules?: StayRules;
  /** Where a listener is reached; nowhere unless given. */
  readonly placesOf?: (listener: NamedResource) => readonly string[];
  /** Of what is held back: what need not wait until it is offered again, since the cause is gone. */
  readonly readyAgain?: (heldBack: readonly HeldBackResource[]) => Promise<readonly HeldBackResource[]>;
  /** Whether an Envoy runs, connected or not. */
  readonly isRunning: () => boolean;
  /** The longest wait for Envoy. */
  readonly timeoutMs?: number;
  /**
   * What is unused is removed so long afterwards: connections that drain are still served, and would get a 503 for a
   * cluster that is gone.
   */
  readonly drainMs?: number;
  readonly counts?: XdsCounts;
  /** Called with the sentence about remembered resources that cannot be used. */
  readonly onDamaged?: (sentence: string) => void;
  /** The longest time until rejected content is offered again. */
  readonly retryMs?: number;
}

const SHORTEST_DRAIN_MS = 1000;

export class XdsApplier {
  readonly #options: XdsApplierOptions;
  readonly #book: ResourceBook;
  readonly #files: ResourceFiles;
  readonly #server: DeltaServer;
  readonly #counts: XdsCounts;
  readonly #wait: EnvoyWait;
  #state: 'closed' | 'open' | 'listening' = 'closed';
  /** Whether there is something new that is not in files yet. */
  #isWriting = false;
  #queue: Promise<unknown> = Promise.resolve();
  #places: Places = new Map();
  #drain: NodeJS.Timeout | undefined;

  constructor(options: XdsApplierOptions) {
    this.#options = options;
    this.#counts = options.counts ?? new XdsCounts();
    this.#book = new ResourceBook({
      longestRetryMs: options.retryMs ?? 60_000,
      drainMs: this.#drainMs,
      rules: options.rules ?? EVERYTHING_STAYS,
    });
    this.#files = new ResourceFiles(options.directory, options.onDamaged);
    this.#server = new DeltaServer({
      book: this.#book,
      order: options.order,
      maySend: () => !this.#isWriting,
      mayRemoveUnused: () => !this.#usesFormer(),
      listenersInEnvoy: () => options.admin.listenerNames(),
      onConnect: () => {
        this.#counts.streams += 1;
        this.#book.offerAll();
      },
      onRejected: () => {
        this.#counts.rejections += 1;
      },
      onEvent: () => {
        if (this.#server.stream !== undefined) this.#startDrain();
        this.#wait.wake();
      },
    });
    this.#wait = new EnvoyWait({
      server: this.#server,
      warming: () => options.admin.warming(),
      isRunning: options.isRunning,
    });
  }

  /** Serves what the last process wanted; returns false, and serves nothing, where that is not known. */
  serveRemembered(): Promise<boolean> {
    return this.#enqueue(async () => {
      const isKnown = await this.#open();
      if (isKnown) await this.#listen();
      return isKnown;
    });
  }

  /** Calls follow one another. Throws where the directory or the socket is not available. */
  apply(resources: Resources): Promise<XdsApplied> {
    return this.#enqueue(() => this.#apply(resources));
  }

  /** Where somebody has removed the socket. */
  async listenAgain(): Promise<void> {
    const { socketPath } = this.#options;
    if (this.#state === 'listening' && !existsSync(socketPath)) await this.#server.listen(socketPath);
  }

  /** Waits for running calls; Envoy keeps what it has. */
  async close(): Promise<void> {
    await this.#queue;
    clearTimeout(this.#drain);
    this.#server.close();
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(work);
    this.#queue = done.catch(() => undefined);
    return done;
  }

  async #apply(resources: Resources): Promise<XdsApplied> {
    const startMs = performance.now();
    await this.#open();
    const changes = await this.#want(resources);
    const unsaved = await this.#write(changes);
    this.#isWriting = false;
    const replacing = changes.filter(([kind, name]) => this.#book.versionsOf(kind, name).length > 1);
    this.#mark([...changes, ...(await this.#offerAgain())]);
    this.#server.stream?.removeFirst(this.#moveListeners(resources));
    this.#startDrain();
    await this.#listen();
    this.#server.stream?.push();
    // Envoy need not wait for the disk: a power cut before it has the files is like one before the change came.
    const [result, ...unsynced] = await Promise.all([this.#result(), this.#files.sync()]);
    if (changes.length > 0) this.#count(result, performance.now() - startMs);
    // Versions that were the last good ones until now.
    unsynced.push(...(await this.#write(replacing)), await this.#files.sync());
    const all = new Set([...unsaved, ...unsynced.filter((problem) => problem !== undefined)]);
    return { result, unsaved: [...all] };
  }

  #count({ status }: XdsResult, tookMs: number): void {
    if (status !== 'applied' && status !== 'heldBack') return;
    this.#counts.changes += 1;
    this.#counts.changeSeconds += tookMs / 1000;
  }

  /** Whether a listener may serve depends on its table, too. */
  #mark(changes: readonly ResourceRef[]): void {
    const { stream } = this.#server;
    for (const [kind, name] of changes) stream?.mark(kind, [name]);
    const tables = changes.filter(([kind]) => kind === 'route').map(([, name]) => name);
    stream?.mark('listener', this.#book.listenersOf(new Set(tables)));
  }

  async #offerAgain(): Promise<readonly ResourceRef[]> {
    const heldBack = this.#book.heldBack();
    const ready = heldBack.length === 0 ? [] : ((await this.#options.readyAgain?.(heldBack)) ?? []);
    return this.#book.offerWhatIsDue(([kind, name]) =>
      ready.some((one) => one.kind === kind && one.name === name),
    );
  }

  #moveListeners({ listener }: Resources): readonly string[] {
    const placesOf = this.#options.placesOf ?? (() => []);
    const before = this.#places;
    this.#places = new Map(listener.map((one) => [one.name, placesOf(one)]));
    return movingListeners(before, this.#places);
  }

  /** A former version may need what nothing else does. */
  #usesFormer(): boolean {
    return this.#book.heldBack().some(({ isFormer }) => isFormer);
  }

  /** Returns whether something is remembered that is not known yet. */
  async #open(): Promise<boolean> {
    if (this.#state !== 'closed') return false;
    const stored = await this.#files.read();
    for (const { kind, versions } of stored ?? []) {
      const [wanted, good = wanted] = versions;
      if (wanted !== undefined && good !== undefined) this.#book.remember(kind, wanted, good);
    }
    this.#state = 'open';
    return stored !== undefined;
  }

  async #want(resources: Resources): Promise<readonly ResourceRef[]> {
    const wanted = await encodeResources(resources);
    this.#isWriting = true;
    this.#counts.resources = RESOURCE_KINDS.reduce((sum, kind) => sum + wanted[kind].size, 0);
    return RESOURCE_KINDS.flatMap((kind) =>
      this.#book.want(kind, wanted[kind]).map((name) => [kind, name] as const),
    );
  }

  #write(changes: readonly ResourceRef[]): Promise<readonly string[]> {
    return this.#files.write(changes, (kind, name) => this.#book.versionsOf(kind, name));
  }

  async #listen(): Promise<void> {
    if (this.#state === 'listening') return;
    await this.#server.listen(this.#options.socketPath);
    this.#state = 'listening';
  }

  get #drainMs(): number {
    return this.#options.drainMs ?? 7_000;
  }

  #startDrain(): void {
    if (this.#drain !== undefined || this.#book.former.isEmpty) return;
    const look = (): void => {
      this.#drain = undefined;
      this.#server.stream?.push();
      this.#startDrain();
    };
    this.#drain = setTimeout(look, Math.max(this.#drainMs, SHORTEST_DRAIN_MS) + 1).unref();
  }

  async #result(): Promise<XdsResult> {
    const answer = await this.#wait.untilInForce(this.#options.timeoutMs ?? 10_000);
    if (answer !== 'inForce') return { status: answer };
    const heldBack = this.#book.heldBack();
    return heldBack.length === 0 ? { status: 'applied' } : { status: 'heldBack', heldBack };
  }
}
