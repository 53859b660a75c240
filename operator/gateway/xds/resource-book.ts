// What one Envoy should have, what it accepted last, and what it rejected. Rejected content is replaced by its last good
// version, where that may stay, and offered again: soon at first, since the cause may be gone, and then less and less
// often. No I/O; it is told what Envoy answered.
import { backOffMs } from '../../lib/back-off.ts';
import type { NamedResource } from '../../render/envoy/envoy-config.ts';
import { type EncodedResource, isInternalListener } from './codec.ts';
import { FormerResources } from './former-resources.ts';
import { forEachKind, RESOURCE_KINDS, type ResourceKind, type ResourceRef } from './resource-kind.ts';
import type { StayRules } from './stay-rules.ts';

/** A resource that is not in force as it should be. */
export interface HeldBackResource {
  readonly kind: ResourceKind;
  readonly name: string;
  /** Envoy's text, or why it was not asked. */
  readonly text: string;
  /** Set where an earlier version is in force; else there is none. */
  readonly isFormer: boolean;
  /** As it should be; undefined where only a former process knew it. */
  readonly resource: NamedResource | undefined;
}

/** A resource as it should be. */
export interface WantedResource {
  /** Undefined where it could not be encoded, for the reason in `fault`. */
  readonly encoded: EncodedResource | undefined;
  readonly fault?: string;
  readonly resource: NamedResource | undefined;
}

interface Rejection {
  readonly version: string;
  readonly text: string;
  readonly times: number;
  readonly dueAtMs: number;
  /** Offered again, and not answered so far. */
  readonly isOffered: boolean;
}

/** A version that Envoy accepted. */
interface GoodResource {
  readonly encoded: EncodedResource;
  /** Undefined where only a former process knew it. */
  readonly resource: NamedResource | undefined;
}

interface Entry {
  wanted: WantedResource;
  good: GoodResource | undefined;
  rejection: Rejection | undefined;
}

export interface ResourceBookOptions {
  /** The longest time until rejected content is offered again. */
  readonly longestRetryMs: number;
  /** How long connections drain that need what is no longer wanted. */
  readonly drainMs: number;
  readonly rules: StayRules;
}

const FIRST_RETRY_MS = 1000;

export class ResourceBook {
  readonly former: FormerResources;
  readonly #longestRetryMs: number;
  readonly #rules: StayRules;
  readonly #entries = forEachKind(() => new Map<string, Entry>());

  constructor({ longestRetryMs, drainMs, rules }: ResourceBookOptions) {
    this.former = new FormerResources(drainMs);
    this.#longestRetryMs = longestRetryMs;
    this.#rules = rules;
  }

  /** From the last process: what it wanted, and what Envoy had before that. */
  remember(kind: ResourceKind, encoded: EncodedResource, good: EncodedResource): void {
    const wanted = { encoded, resource: undefined };
    const former = { encoded: good, resource: undefined };
    this.#entries[kind].set(encoded.name, { wanted, good: former, rejection: undefined });
  }

  /** All that is wanted of a kind, by name. Returns the names whose content has changed. */
  want(kind: ResourceKind, wanted: ReadonlyMap<string, WantedResource>): readonly string[] {
    const entries = this.#entries[kind];
    const gone = [...entries.keys()].filter((name) => !wanted.has(name));
    for (const name of gone) {
      this.former.add(kind, name, kind === 'listener' && this.isInternal(name));
      entries.delete(name);
    }
    const changed = [...wanted].filter(([name, next]) => wantOne(entries, name, next));
    for (const [name] of changed) this.former.forget(kind, name);
    return [...gone, ...changed.map(([name]) => name)];
  }

  wanted(kind: ResourceKind, name: string): EncodedResource | undefined {
    return this.#entries[kind].get(name)?.wanted.encoded;
  }

  /** What Envoy should be given now; undefined where it should be given nothing under this name. */
  offered(kind: ResourceKind, name: string): EncodedResource | undefined {
    const entry = this.#entries[kind].get(name);
    if (entry === undefined || this.#closingTable(kind, entry) !== undefined) return undefined;
    if (!isHeldBack(entry)) return entry.wanted.encoded;
    return this.#mayStay(kind, entry) ? entry.good?.encoded : undefined;
  }

  /** Whether Envoy must not keep what it has under this name. What is rejected and may stay does, known or not. */
  mustGo(kind: ResourceKind, name: string): boolean {
    const entry = this.#entries[kind].get(name);
    if (entry === undefined) return true;
    // Envoy ignores removals of what a listener names.
    if (kind !== 'listener') return false;
    return (
      this.#closingTable(kind, entry) !== undefined || (isHeldBack(entry) && !this.#mayStay(kind, entry))
    );
  }

  /** Envoy says that it has this. */
  found(kind: ResourceKind, name: string): void {
    if (this.#entries[kind].has(name)) return;
    this.former.found(kind, name, kind === 'listener' && this.#rules.isInternalName(name));
  }

  /** Whether only other listeners reach it; one that nobody knows counts as open to clients. */
  isInternal(listener: string): boolean {
    const { resource, encoded } = this.#entries.listener.get(listener)?.wanted ?? {};
    if (resource !== undefined) return resource.body['internal_listener'] !== undefined;
    return encoded === undefined ? this.former.isInternal(listener) : isInternalListener(encoded);
  }

  /** Internal listeners come before those that lead to them: the first response of an Envoy waits for no stage. */
  namesOf(kind: ResourceKind): Iterable<string> {
    const names = [...this.#entries[kind].keys()];
    if (kind !== 'listener') return names;
    const internal = new Set(names.filter((name) => this.isInternal(name)));
    return new Set([...internal, ...names]);
  }

  /** Listeners behind which one of these route tables decides. */
  listenersOf(tables: ReadonlySet<string>): readonly string[] {
    if (tables.size === 0) return [];
    return [...this.#entries.listener]
      .filter(([, { wanted }]) => tables.has(this.#rules.routesOf(wanted.resource) ?? ''))
      .map(([name]) => name);
  }

  /** The versions that a restart should know: the wanted one, and the last good one where that is another. */
  versionsOf(kind: ResourceKind, name: string): readonly EncodedResource[] {
    const entry = this.#entries[kind].get(name);
    const { wanted, good } = entry ?? { wanted: undefined, good: undefined };
    const versions = [wanted?.encoded, good?.encoded].filter((version) => version !== undefined);
    return versions.length === 2 && versions[0]?.version === versions[1]?.version
      ? versions.slice(1)
      : versions;
  }

  /** Returns whether it had been rejected before. */
  accepted(kind: ResourceKind, sent: EncodedResource): boolean {
    const entry = this.#entries[kind].get(sent.name);
    if (entry === undefined) return false;
    const { wanted, good, rejection } = entry;
    const isWanted = wanted.encoded?.version === sent.version;
    const former = good?.encoded.version === sent.version ? good.resource : undefined;
    entry.good = { encoded: sent, resource: isWanted ? wanted.resource : former };
    if (rejection?.version !== sent.version) return false;
    entry.rejection = undefined;
    return true;
  }

  rejected(kind: ResourceKind, { name, version }: EncodedResource, text: string): void {
    const entry = this.#entries[kind].get(name);
    if (entry === undefined) return;
    // A new Envoy may reject what a former one accepted.
    if (entry.good?.encoded.version === version) entry.good = undefined;
    if (entry.wanted.encoded?.version !== version) return;
    const times = entry.rejection?.version === version ? entry.rejection.times + 1 : 1;
    const waitMs = backOffMs(times - 1, { firstMs: FIRST_RETRY_MS, longestMs: this.#longestRetryMs });
    entry.rejection = { version, text, times, dueAtMs: performance.now() + waitMs, isOffered: false };
  }

  /** Returns what is offered again: what is due by its time, and what `isReady` says. */
  offerWhatIsDue(isReady: (resource: ResourceRef) => boolean = () => false): readonly ResourceRef[] {
    const nowMs = performance.now();
    return this.#offerAgain(({ dueAtMs }, resource) => dueAtMs <= nowMs || isReady(resource));
  }

  /** For a new Envoy, which may accept what the last one rejected. */
  offerAll(): void {
    this.#offerAgain(() => true);
  }

  /** Rejected or not, when Envoy asks for it: without an answer it would keep the listener that names it waiting. */
  offerOnRequest(kind: ResourceKind, name: string): void {
    const entry = this.#entries[kind].get(name);
    if (entry?.rejection !== undefined) entry.rejection = { ...entry.rejection, isOffered: true };
  }

  heldBack(): readonly HeldBackResource[] {
    return RESOURCE_KINDS.flatMap((kind) =>
      [...this.#entries[kind]].flatMap(([name, entry]) => {
        const closing = this.#closingTable(kind, entry);
        const text = troubleOf(entry) ?? (closing && troubleOf(closing));
        if (text === undefined) return [];
        const isFormer = entry.good !== undefined && closing === undefined && this.#mayStay(kind, entry);
        return [{ kind, name, text, isFormer, resource: entry.wanted.resource }];
      }),
    );
  }

  #mayStay(kind: ResourceKind, { good, wanted }: Entry): boolean {
    return this.#rules.mayStay(kind, good?.resource, wanted.resource);
  }

  /** The route table for which a listener must not serve: it is rejected, and its former version may not stay. */
  #closingTable(kind: ResourceKind, { wanted }: Entry): Entry | undefined {
    if (kind !== 'listener') return undefined;
    const table = this.#rules.routesOf(wanted.resource);
    const entry = table === undefined ? undefined : this.#entries.route.get(table);
    if (entry === undefined || !isHeldBack(entry)) return undefined;
    return this.#mayStay('route', entry) ? undefined : entry;
  }

  #offerAgain(isDue: (rejection: Rejection, resource: ResourceRef) => boolean): readonly ResourceRef[] {
    return RESOURCE_KINDS.flatMap((kind) =>
      [...this.#entries[kind]].flatMap(([name, entry]) => {
        const { rejection } = entry;
        const resource = [kind, name] as const;
        if (rejection === undefined || rejection.isOffered || !isDue(rejection, resource)) return [];
        entry.rejection = { ...rejection, isOffered: true };
        return [resource];
      }),
    );
  }
}

/** Returns whether its content has changed. */
function wantOne(entries: Map<string, Entry>, name: string, wanted: WantedResource): boolean {
  const entry = entries.get(name);
  if (entry === undefined) {
    entries.set(name, { wanted, good: undefined, rejection: undefined });
    return true;
  }
  const { good } = entry;
  const { encoded, resource } = wanted;
  const isSame = entry.wanted.encoded?.version === encoded?.version;
  entry.wanted = wanted;
  if (!isSame) entry.rejection = undefined;
  // What a former process knew is known once it is wanted again; and nothing is kept twice.
  if (encoded !== undefined && good?.encoded.version === encoded.version) entry.good = { encoded, resource };
  return !isSame;
}

function troubleOf({ wanted, rejection }: Entry): string | undefined {
  return wanted.fault ?? rejection?.text;
}

function isHeldBack({ wanted, rejection }: Entry): boolean {
  return wanted.encoded === undefined || (rejection !== undefined && !rejection.isOffered);
}
