// One connected Envoy: its subscriptions, what it is sent next, and what follows from its answers.
import { type DeltaRequest, type DeltaResponse, type EncodedResource, encodeResource } from './codec.ts';
import type { DeliveryStage } from './delivery-order.ts';
import type { ResourceBook } from './resource-book.ts';
import { isFirstKind, kindOf, type ResourceKind, TYPE_URLS } from './resource-kind.ts';
import { type Batch, Subscription } from './subscription.ts';

export interface EnvoyStreamOptions {
  readonly book: ResourceBook;
  readonly write: (response: DeltaResponse) => void;
  readonly order: readonly DeliveryStage[];
  /** Whether that may go which is needed only by connections that drain, once they have drained. */
  readonly mayRemoveUnused: () => boolean;
  /** False while what it would send is not in files yet: a restart would go back to what was wanted before. */
  readonly maySend: () => boolean;
  /** Of a single resource. */
  readonly onRejected: () => void;
  /** Names of the listeners that Envoy has. */
  readonly listenersInEnvoy: () => Promise<readonly string[]>;
}

export class EnvoyStream {
  readonly #options: EnvoyStreamOptions;
  readonly #subscriptions = new Map<ResourceKind, Subscription>();
  #nonces = 0;
  #isQuiet = false;
  /** Responses with listeners or clusters that Envoy accepted; and how many there were when nothing waited any more. */
  #accepts = 0;
  #warmAccepts = -1;

  constructor(options: EnvoyStreamOptions) {
    this.#options = options;
  }

  /** Whether Envoy has been sent, and has answered, all that it should have; what must drain aside. */
  get isQuiet(): boolean {
    return this.#isQuiet;
  }

  /** Responses that Envoy has accepted and that may wait for something else before they serve; undefined: none does. */
  get warming(): number | undefined {
    return this.#accepts === this.#warmAccepts ? undefined : this.#accepts;
  }

  /** Envoy says that of so many none waits. */
  warmedUp(accepts: number): void {
    this.#warmAccepts = accepts;
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

  /** Of listeners: what Envoy has of these is removed before they are sent again. */
  removeFirst(listeners: Iterable<string>): void {
    this.#subscriptions.get('listener')?.removeFirst(listeners);
  }

  /** Sends what may be sent now. */
  push(): void {
    const { order, maySend } = this.#options;
    this.#isQuiet = maySend() && order.every((stage) => this.#pushStage(stage));
  }

  /** Whether the stages after it may follow. */
  #pushStage(stage: DeliveryStage): boolean {
    const subscription = this.#subscriptions.get(stage.kind);
    // Whatever comes before it has been answered.
    if (stage.isAfterDrain) this.#options.book.former.startDrain();
    if (subscription === undefined) return !(isFirstKind(stage.kind) && stage.what === 'changes');
    this.#send(subscription, stage);
    return !subscription.isBusy;
  }

  #subscribe(kind: ResourceKind, first: DeltaRequest): Subscription {
    const subscription = new Subscription(kind, this.#options.book, first);
    this.#subscriptions.set(kind, subscription);
    if (kind === 'listener') void this.#noteListeners(subscription);
    return subscription;
  }

  /** Those of a rejected response may be there without Envoy's saying so when it connects again. */
  async #noteListeners(subscription: Subscription): Promise<void> {
    const names = await this.#options.listenersInEnvoy().catch(() => []);
    subscription.noteNames(names);
    this.push();
  }

  #send(subscription: Subscription, stage: DeliveryStage): void {
    for (let batch = subscription.next(stage); batch !== undefined; batch = subscription.next(stage)) {
      if (stage.isAfterDrain && !this.#options.mayRemoveUnused()) return;
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
    else if (batch.resources.length === 1) this.#rejected(batch, errorDetail.message);
  }

  #accepted({ kind, resources }: Batch): void {
    if (resources.length > 0 && (kind === 'listener' || kind === 'cluster')) this.#accepts += 1;
    const healed = resources.filter((resource) => this.#options.book.accepted(kind, resource));
    if (kind === 'route') this.#markListenersOf(healed);
    // Envoy keeps no scopes for a listener that comes later, and does not ask for them a second time.
    if (kind === 'listener' && resources.length > 0) this.#subscriptions.get('scope')?.sendAgain();
  }

  #rejected({ kind, resources, resources: [resource] }: Batch, text: string): void {
    const { name } = resource as EncodedResource;
    this.#options.onRejected();
    this.#options.book.rejected(kind, resource as EncodedResource, text.replaceAll(/\s+/g, ' ').trim());
    if (kind === 'route') this.#markListenersOf(resources);
    if (kind === 'secret' && this.#options.book.offered(kind, name) === undefined) this.#blank(name);
  }

  /** Whether they may serve depends on their tables. */
  #markListenersOf(tables: readonly EncodedResource[]): void {
    this.mark('listener', this.#options.book.listenersOf(new Set(tables.map(({ name }) => name))));
  }

  /**
   * Envoy keeps the hash of a secret that it rejected, and would accept the same one the next time without using it. With
   * another content in between, it does not.
   */
  #blank(name: string): void {
    const body = { '@type': TYPE_URLS.secret, name, tls_certificate: {} };
    const { entry } = encodeResource({ name, body });
    // Its answer is of no interest, so the nonce is not remembered.
    this.#options.write({ typeUrl: TYPE_URLS.secret, nonce: 'blank', entries: [entry], removed: [] });
  }
}
