// Brings resources into force through incremental xDS and says what is. The socket opens only once all resources are
// known, from a file or from the first call: an Envoy that asks too early waits, and keeps what it has. What Envoy
// refuses holds back nothing else; its last good version stays.
import { setTimeout as delay } from 'node:timers/promises';
import { EnvoyNotRunning, EnvoySilent } from '../process/envoy-admin.ts';
import { encodeResource } from './codec.ts';
import { DeltaServer } from './delta-server.ts';
import { type HeldBackResource, ResourceBook, type WantedResource } from './resource-book.ts';
import { ResourceFiles } from './resource-files.ts';
import { RESOURCE_KINDS, type ResourceKind, type Resources } from './resource-kind.ts';

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
  /** Whether an Envoy runs, connected or not. */
  readonly isRunning: () => boolean;
  /** The longest wait for Envoy. */
  readonly timeoutMs?: number;
  /**
   * Unused clusters are removed this long after the last change: connections that drain are still served, and would get
   * a 503 for a cluster that is gone.
   */
  readonly drainMs?: number;
  /** The longest time until refused content is offered again. */
  readonly retryMs?: number;
}

type Change = readonly [ResourceKind, string];

const POLL_MS = 5;

export class XdsApplier {
  readonly #options: XdsApplierOptions;
  readonly #book: ResourceBook;
  readonly #files: ResourceFiles;
  readonly #server: DeltaServer;
  #state: 'closed' | 'open' | 'listening' = 'closed';
  #isComplete = false;
  #queue: Promise<unknown> = Promise.resolve();
  #waiting: (() => void)[] = [];
  #drainedAtMs = 0;
  #drain: NodeJS.Timeout | undefined;

  constructor(options: XdsApplierOptions) {
    this.#options = options;
    this.#book = new ResourceBook(options.retryMs ?? 60_000);
    this.#files = new ResourceFiles(options.directory);
    this.#server = new DeltaServer({
      book: this.#book,
      mayRemoveClusters: () => performance.now() >= this.#drainedAtMs,
      listenersInEnvoy: () => options.admin.listenerNames(),
      onConnect: () => this.#book.offerAll(),
      onEvent: () => this.#wake(),
    });
  }

  /** Serves what the last process wanted; returns false, and serves nothing, where that is not known. */
  serveRemembered(): Promise<boolean> {
    return this.#enqueue(async () => {
      await this.#open();
      if (this.#isComplete) await this.#listen();
      return this.#isComplete;
    });
  }

  /** Calls follow one another. Throws where the directory or the socket is not available. */
  apply(resources: Resources): Promise<XdsApplied> {
    return this.#enqueue(() => this.#apply(resources));
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
    await this.#open();
    const changes = this.#want(resources);
    const unsaved = await this.#write(changes);
    const replacing = changes.filter(([kind, name]) => this.#book.versionsOf(kind, name).length > 1);
    const offered = this.#book.offerWhatIsDue();
    for (const [kind, name] of [...changes, ...offered]) this.#server.stream?.mark(kind, [name]);
    if (changes.length > 0) this.#startDrain();
    await this.#listen();
    this.#server.stream?.push();
    // Envoy need not wait for the disk: a power cut before it has the files is like one before the change came.
    const [result, ...unsynced] = await Promise.all([this.#result(), this.#files.sync()]);
    // Versions that were the last good ones until now.
    unsynced.push(...(await this.#write(replacing)), await this.#files.sync());
    return { result, unsaved: [...unsaved, ...unsynced.filter((problem) => problem !== undefined)] };
  }

  async #open(): Promise<void> {
    if (this.#state !== 'closed') return;
    const stored = await this.#files.read();
    for (const { kind, versions } of stored ?? []) {
      const [wanted, good = wanted] = versions;
      if (wanted !== undefined && good !== undefined) this.#book.remember(kind, wanted, good);
    }
    this.#isComplete = stored !== undefined;
    this.#state = 'open';
  }

  #want(resources: Resources): readonly Change[] {
    return RESOURCE_KINDS.flatMap((kind) => {
      const wanted = new Map(resources[kind].map((resource) => [resource.name, wantedOf(resource)]));
      return this.#book.want(kind, wanted).map((name) => [kind, name] as const);
    });
  }

  async #write(changes: readonly Change[]): Promise<readonly string[]> {
    const problems = await this.#files.write(
      changes.map(([kind, name]) => ({ kind, name, versions: this.#book.versionsOf(kind, name) })),
    );
    if (this.#isComplete || problems.length > 0) return problems;
    const problem = (await this.#files.sync()) ?? (await this.#files.markComplete());
    this.#isComplete = problem === undefined;
    return problem === undefined ? [] : [problem];
  }

  async #listen(): Promise<void> {
    if (this.#state === 'listening') return;
    await this.#server.listen(this.#options.socketPath);
    this.#state = 'listening';
  }

  #startDrain(): void {
    const drainMs = this.#options.drainMs ?? 7_000;
    this.#drainedAtMs = performance.now() + drainMs;
    clearTimeout(this.#drain);
    this.#drain = setTimeout(() => this.#server.stream?.push(), drainMs + 1).unref();
  }

  async #result(): Promise<XdsResult> {
    const deadlineMs = performance.now() + (this.#options.timeoutMs ?? 10_000);
    const isQuiet = await this.#untilQuiet(deadlineMs);
    if (!this.#options.isRunning()) return { status: 'notRunning' };
    if (!isQuiet) {
      // An answer may have been lost; on a new connection Envoy says what it has.
      this.#server.disconnect();
      return { status: 'timeout' };
    }
    if (!(await this.#untilWarm(deadlineMs))) return { status: 'timeout' };
    const heldBack = this.#book.heldBack();
    return heldBack.length === 0 ? { status: 'applied' } : { status: 'heldBack', heldBack };
  }

  async #untilQuiet(deadlineMs: number): Promise<boolean> {
    while (this.#server.stream?.isQuiet !== true) {
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0 || !this.#options.isRunning()) return false;
      await this.#event(leftMs);
    }
    return true;
  }

  /** Accepted listeners may still wait for their route tables, clusters for their hosts. */
  async #untilWarm(deadlineMs: number): Promise<boolean> {
    while (performance.now() < deadlineMs) {
      if (this.#server.stream?.isQuiet === true && (await this.#isWarm())) return true;
      if (!this.#options.isRunning()) return false;
      await delay(POLL_MS);
    }
    return false;
  }

  async #isWarm(): Promise<boolean> {
    try {
      return (await this.#options.admin.warming()) === 0;
    } catch (error) {
      if (error instanceof EnvoyNotRunning || error instanceof EnvoySilent) return false;
      throw error;
    }
  }

  async #event(limitMs: number): Promise<void> {
    const limit = new AbortController();
    const event = new Promise<void>((resolve) => this.#waiting.push(resolve));
    // An Envoy that dies without a connection causes no event.
    const pause = delay(Math.min(limitMs, 200), undefined, { signal: limit.signal }).catch(() => undefined);
    await Promise.race([event, pause]);
    limit.abort();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

function wantedOf(resource: Parameters<typeof encodeResource>[0]): WantedResource {
  try {
    return { encoded: encodeResource(resource), resource };
  } catch (error) {
    return { encoded: undefined, fault: (error as Error).message, resource };
  }
}
