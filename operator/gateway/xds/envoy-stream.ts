// One connected Envoy: its subscriptions, and the order in which it is sent what it lacks. A kind waits for Envoy's
// answers about the kinds before it, so that nothing names what is not there yet; removals go in reverse.
import { type DeltaRequest, type DeltaResponse, type EncodedResource, encodeResource } from './codec.ts';
import type { ResourceBook } from './resource-book.ts';
import { isFirstKind, kindOf, type ResourceKind, TYPE_URLS } from './resource-kind.ts';
import { type Batch, type BatchOf, Subscription } from './subscription.ts';

/** Listeners are removed before others are added, which may need their ports; and nothing else holds that back. */
const STAGES: readonly (readonly [ResourceKind, BatchOf])[] = [
  ['listener', 'removals'],
  ['cluster', 'changes'],
  ['secret', 'changes'],
  ['route', 'changes'],
  ['scope', 'changes'],
  ['listener', 'changes'],
  ['scope', 'removals'],
  ['route', 'removals'],
  ['secret', 'removals'],
  ['cluster', 'removals'],
];

export interface EnvoyStreamOptions {
  readonly book: ResourceBook;
  readonly write: (response: DeltaResponse) => void;
  /** Whether unused clusters may go: connections that drain still need them. */
  readonly mayRemoveClusters: () => boolean;
  /** Names of the listeners that Envoy has. */
  readonly listenersInEnvoy: () => Promise<readonly string[]>;
}

export class EnvoyStream {
  readonly #options: EnvoyStreamOptions;
  readonly #subscriptions = new Map<ResourceKind, Subscription>();
  #nonces = 0;
  #isQuiet = false;

  constructor(options: EnvoyStreamOptions) {
    this.#options = options;
  }

  /** Whether Envoy has been sent, and has answered, all that it should have; unused clusters aside. */
  get isQuiet(): boolean {
    return this.#isQuiet;
  }

  receive(request: DeltaRequest): void {
    const kind = kindOf(request.typeUrl);
    if (kind === undefined) return;
    const known = this.#subscriptions.get(kind);
    known?.change(request);
    const subscription = known ?? this.#subscribe(kind, request);
    if (request.responseNonce !== '') this.#answer(subscription, request);
    this.push();
  }

  mark(kind: ResourceKind, names: Iterable<string>): void {
    this.#subscriptions.get(kind)?.mark(names);
  }

  /** Sends what may be sent now. */
  push(): void {
    this.#isQuiet = STAGES.every(([kind, what]) => this.#pushStage(kind, what));
  }

  /** Whether the stages after it may follow. */
  #pushStage(kind: ResourceKind, what: BatchOf): boolean {
    if (kind === 'cluster' && what === 'removals' && !this.#options.mayRemoveClusters()) return true;
    const subscription = this.#subscriptions.get(kind);
    if (subscription === undefined) return !(isFirstKind(kind) && what === 'changes');
    this.#send(subscription, what);
    return !subscription.isBusy;
  }

  #subscribe(kind: ResourceKind, first: DeltaRequest): Subscription {
    const subscription = new Subscription(kind, this.#options.book, first);
    this.#subscriptions.set(kind, subscription);
    if (kind === 'listener') void this.#noteListeners(subscription);
    return subscription;
  }

  /** Those of a refused response may be there without Envoy's saying so when it connects again. */
  async #noteListeners(subscription: Subscription): Promise<void> {
    const names = await this.#options.listenersInEnvoy().catch(() => []);
    subscription.noteNames(names);
    this.push();
  }

  #send(subscription: Subscription, what: BatchOf): void {
    for (let batch = subscription.next(what); batch !== undefined; batch = subscription.next(what)) {
      this.#nonces += 1;
      const nonce = String(this.#nonces);
      subscription.sent(nonce, batch);
      const { kind, resources, removed } = batch;
      const entries = resources.map(({ entry }) => entry);
      this.#options.write({ typeUrl: TYPE_URLS[kind], nonce, entries, removed });
    }
  }

  #answer(subscription: Subscription, { responseNonce, errorDetail }: DeltaRequest): void {
    const batch = subscription.answered(responseNonce, errorDetail === undefined);
    if (batch === undefined) return;
    if (errorDetail === undefined) this.#accepted(batch);
    else if (batch.resources.length === 1) this.#refused(batch, errorDetail.message);
  }

  #accepted({ kind, resources }: Batch): void {
    for (const resource of resources) this.#options.book.accepted(kind, resource);
    // Envoy keeps no scopes for a listener that comes later, and does not ask for them a second time.
    if (kind === 'listener' && resources.length > 0) this.#subscriptions.get('scope')?.sendAgain();
  }

  #refused({ kind, resources: [resource] }: Batch, text: string): void {
    const { name } = resource as EncodedResource;
    this.#options.book.refused(kind, resource as EncodedResource, text.replaceAll(/\s+/g, ' ').trim());
    if (kind === 'secret' && this.#options.book.offered(kind, name) === undefined) this.#blank(name);
  }

  /**
   * Envoy keeps the hash of a secret that it refused, and would accept the same one the next time without using it. With
   * another content in between, it does not.
   */
  #blank(name: string): void {
    const body = { '@type': TYPE_URLS.secret, name, tls_certificate: {} };
    const { entry } = encodeResource({ name, body });
    // Its answer is of no interest, so the nonce is not remembered.
    this.#options.write({ typeUrl: TYPE_URLS.secret, nonce: 'blank', entries: [entry], removed: [] });
  }
}
