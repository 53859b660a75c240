// What one connected Envoy asked for of one kind, what it has of it, and what is on its way. Decides what goes into the
// next response; sends nothing itself.
import type { DeltaRequest, EncodedResource } from './codec.ts';
import type { DeliveryStage } from './delivery-order.ts';
import type { ResourceBook } from './resource-book.ts';
import { isWildcardKind, type ResourceKind } from './resource-kind.ts';

/** One response. */
export interface Batch {
  readonly kind: ResourceKind;
  readonly resources: readonly EncodedResource[];
  readonly removed: readonly string[];
}

/** Clusters and listeners of one response; a route table or a secret has one of its own. */
const BATCH_SIZE = 200;
const MOST_IN_FLIGHT = 32;

export class Subscription {
  readonly #kind: ResourceKind;
  readonly #book: ResourceBook;
  #isWildcard: boolean;
  #isAnswered: boolean;
  readonly #asked = new Set<string>();
  /** Version that Envoy has, by name; empty where it is not known. */
  readonly #has: Map<string, string>;
  /** Names that may differ from what Envoy has. */
  readonly #open = new Set<string>();
  /** By nonce. */
  readonly #inFlight = new Map<string, Batch>();
  readonly #namesInFlight = new Set<string>();
  /** Names that were in a rejected response with others. */
  readonly #alone = new Set<string>();
  /** Names that Envoy must let go of before it gets them again. */
  readonly #moving = new Set<string>();

  /** `first`: the first request of this kind on a connection. */
  constructor(kind: ResourceKind, book: ResourceBook, first: DeltaRequest) {
    this.#kind = kind;
    this.#book = book;
    this.#isWildcard = isWildcardKind(kind) && first.resourceNamesSubscribe.length === 0;
    // Envoy does not start before it has an answer, even an empty one.
    this.#isAnswered = !isWildcardKind(kind);
    this.#has = new Map(Object.entries(first.initialResourceVersions));
    for (const name of this.#has.keys()) book.found(kind, name);
    this.mark([...this.#has.keys(), ...(this.#isWildcard ? book.namesOf(kind) : [])]);
    this.#ask(first.resourceNamesSubscribe);
  }

  get isBusy(): boolean {
    return this.#inFlight.size > 0;
  }

  change({
    resourceNamesSubscribe: added,
    resourceNamesUnsubscribe: removed,
    responseNonce,
  }: DeltaRequest): void {
    for (const name of removed) {
      if (name === '*') this.#isWildcard = false;
      this.#asked.delete(name);
      this.#removed(name);
    }
    const isAllAgain =
      isWildcardKind(this.#kind) && added.length + removed.length === 0 && responseNonce === '';
    // Envoy may have dropped what it asks for again.
    if (isAllAgain || added.includes('*')) {
      this.sendAgain();
      this.#isAnswered = false;
    }
    for (const name of added) this.#has.delete(name);
    this.#ask(isAllAgain ? ['*'] : added);
  }

  /** Everything that Envoy has, in case it has forgotten it. */
  sendAgain(): void {
    for (const name of this.#has.keys()) this.#has.set(name, '');
    this.mark(this.#has.keys());
  }

  /** These may have changed. */
  mark(names: Iterable<string>): void {
    for (const name of names) this.#open.add(name);
  }

  /** What Envoy has of these is removed before they are sent again: another listener may need their ports. */
  removeFirst(names: Iterable<string>): void {
    for (const name of names) {
      if (!this.#has.has(name)) continue;
      this.#moving.add(name);
      this.#open.add(name);
    }
  }

  /** Envoy has these, in whatever version. */
  noteNames(names: Iterable<string>): void {
    const unknown = [...names].filter((name) => !this.#has.has(name) && !this.#namesInFlight.has(name));
    for (const name of unknown) {
      this.#book.found(this.#kind, name);
      this.#has.set(name, '');
    }
    this.mark(unknown);
  }

  /** The next response of a stage; undefined where there is nothing to send at this moment. */
  next(stage: DeliveryStage): Batch | undefined {
    if (this.#inFlight.size >= MOST_IN_FLIGHT) return undefined;
    // An Envoy that has nothing counts as configured with the first response: that has everything.
    if (stage.what === 'additions' && !this.#isAnswered && this.#has.size === 0) return undefined;
    const batch = stage.what === 'removals' ? this.#nextRemovals(stage) : this.#nextChanges(stage);
    const isEmpty = batch.resources.length + batch.removed.length === 0;
    if (isEmpty && (this.#isAnswered || stage.what !== 'changes')) return undefined;
    this.#isAnswered = true;
    return batch;
  }

  sent(nonce: string, batch: Batch): void {
    this.#inFlight.set(nonce, batch);
    for (const name of namesIn(batch)) {
      this.#namesInFlight.add(name);
      this.#open.delete(name);
    }
  }

  /** Envoy's answer; undefined where the nonce is of another connection. */
  answered(nonce: string, isAccepted: boolean): Batch | undefined {
    const batch = this.#inFlight.get(nonce);
    if (batch === undefined) return undefined;
    this.#inFlight.delete(nonce);
    const names = namesIn(batch);
    for (const name of names) this.#namesInFlight.delete(name);
    if (isAccepted) {
      for (const { name, version } of batch.resources) {
        this.#alone.delete(name);
        if (this.#concerns(name)) this.#has.set(name, version);
      }
      for (const name of batch.removed) this.#removed(name);
    } else {
      this.#rejected(batch.resources);
    }
    this.mark(isAccepted ? names : batch.resources.map(({ name }) => name));
    return batch;
  }

  #ask(names: readonly string[]): void {
    for (const name of names) {
      if (name === '*') {
        this.#isWildcard = true;
        this.mark(this.#book.namesOf(this.#kind));
      } else {
        this.#asked.add(name);
        this.#book.offerOnRequest(this.#kind, name);
      }
    }
    this.mark(names);
  }

  #removed(name: string): void {
    this.#has.delete(name);
    this.#moving.delete(name);
    this.#book.former.forget(this.#kind, name);
  }

  #rejected(resources: readonly EncodedResource[]): void {
    for (const { name } of resources) {
      if (resources.length > 1) this.#alone.add(name);
      // A rejected secret replaces the last good one in Envoy, for listeners that come later: that is sent again.
      if (this.#has.has(name)) this.#has.set(name, '');
    }
  }

  #nextChanges(stage: DeliveryStage): Batch {
    const resources: EncodedResource[] = [];
    const most = isWildcardKind(this.#kind) ? BATCH_SIZE : 1;
    for (const name of this.#open) {
      if (!this.#isOf(stage, name)) continue;
      const offered = this.#changeOf(name);
      if (offered === undefined) continue;
      if (!this.#alone.has(name)) resources.push(offered);
      else if (resources.length === 0) return { kind: this.#kind, resources: [offered], removed: [] };
      if (resources.length >= most) break;
    }
    return { kind: this.#kind, resources, removed: [] };
  }

  /** Forgets names that need nothing. */
  #changeOf(name: string): EncodedResource | undefined {
    if (this.#namesInFlight.has(name)) return undefined;
    if (this.#isGone(name)) return undefined;
    const offered = this.#book.offered(this.#kind, name);
    const isChange = offered !== undefined && this.#concerns(name) && offered.version !== this.#has.get(name);
    if (!isChange) this.#open.delete(name);
    return isChange ? offered : undefined;
  }

  #nextRemovals(stage: DeliveryStage): Batch {
    const removed = [...this.#open].filter(
      (name) =>
        !this.#namesInFlight.has(name) &&
        this.#isGone(name) &&
        this.#isOf(stage, name) &&
        (!stage.isAfterDrain || this.#book.former.hasDrained(this.#kind, name)),
    );
    return { kind: this.#kind, resources: [], removed };
  }

  #isOf({ what, of }: DeliveryStage, name: string): boolean {
    if (what === 'additions' && this.#has.has(name)) return false;
    return of === undefined || this.#book.isInternal(name) === (of === 'internal');
  }

  #isGone(name: string): boolean {
    return this.#has.has(name) && (this.#moving.has(name) || this.#book.mustGo(this.#kind, name));
  }

  #concerns(name: string): boolean {
    return this.#isWildcard || this.#asked.has(name);
  }
}

function namesIn({ resources, removed }: Batch): readonly string[] {
  return [...resources.map(({ name }) => name), ...removed];
}
