// What one Envoy should have, what it accepted last, and what it refused. Refused content is replaced by its last good
// version and offered again: soon at first, since the cause may be gone, and then less and less often.
// No I/O; it is told what Envoy answered.
import { backOffMs } from '../../lib/back-off.ts';
import type { NamedResource } from '../../render/envoy/envoy-config.ts';
import type { EncodedResource } from './codec.ts';
import { forEachKind, RESOURCE_KINDS, type ResourceKind } from './resource-kind.ts';

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

interface Refusal {
  readonly version: string;
  readonly text: string;
  readonly times: number;
  readonly dueAtMs: number;
  /** Offered again, and not answered so far. */
  readonly isOffered: boolean;
}

interface Entry {
  wanted: WantedResource;
  good: EncodedResource | undefined;
  refusal: Refusal | undefined;
}

const FIRST_RETRY_MS = 1000;

export class ResourceBook {
  readonly #longestRetryMs: number;
  readonly #entries = forEachKind(() => new Map<string, Entry>());

  constructor(longestRetryMs: number) {
    this.#longestRetryMs = longestRetryMs;
  }

  /** From the last process: what it wanted, and what Envoy had before that. */
  remember(kind: ResourceKind, encoded: EncodedResource, good: EncodedResource): void {
    const wanted = { encoded, resource: undefined };
    this.#entries[kind].set(encoded.name, { wanted, good, refusal: undefined });
  }

  /** All that is wanted of a kind, by name. Returns the names whose content has changed. */
  want(kind: ResourceKind, wanted: ReadonlyMap<string, WantedResource>): readonly string[] {
    const entries = this.#entries[kind];
    const gone = [...entries.keys()].filter((name) => !wanted.has(name));
    for (const name of gone) entries.delete(name);
    const changed = [...wanted].filter(([name, next]) => this.#wantOne(entries, name, next));
    return [...gone, ...changed.map(([name]) => name)];
  }

  /** What Envoy should be given now; undefined where it should have nothing under this name. */
  offered(kind: ResourceKind, name: string): EncodedResource | undefined {
    const entry = this.#entries[kind].get(name);
    return entry === undefined || !isHeldBack(entry) ? entry?.wanted.encoded : entry.good;
  }

  isWanted(kind: ResourceKind, name: string): boolean {
    return this.#entries[kind].has(name);
  }

  namesOf(kind: ResourceKind): Iterable<string> {
    return this.#entries[kind].keys();
  }

  /** The versions that a restart should know: the wanted one, and the last good one where that is another. */
  versionsOf(kind: ResourceKind, name: string): readonly EncodedResource[] {
    const entry = this.#entries[kind].get(name);
    const { wanted, good } = entry ?? { wanted: undefined, good: undefined };
    const versions = [wanted?.encoded, good].filter((version) => version !== undefined);
    return versions.length === 2 && versions[0]?.version === versions[1]?.version
      ? versions.slice(1)
      : versions;
  }

  accepted(kind: ResourceKind, sent: EncodedResource): void {
    const entry = this.#entries[kind].get(sent.name);
    if (entry === undefined) return;
    entry.good = sent;
    if (entry.refusal?.version === sent.version) entry.refusal = undefined;
  }

  refused(kind: ResourceKind, { name, version }: EncodedResource, text: string): void {
    const entry = this.#entries[kind].get(name);
    if (entry === undefined) return;
    // A new Envoy may refuse what a former one accepted.
    if (entry.good?.version === version) entry.good = undefined;
    if (entry.wanted.encoded?.version !== version) return;
    const times = entry.refusal?.version === version ? entry.refusal.times + 1 : 1;
    const waitMs = backOffMs(times - 1, { firstMs: FIRST_RETRY_MS, longestMs: this.#longestRetryMs });
    entry.refusal = { version, text, times, dueAtMs: performance.now() + waitMs, isOffered: false };
  }

  /** Returns the kinds and names that are offered again. */
  offerWhatIsDue(): readonly (readonly [ResourceKind, string])[] {
    const nowMs = performance.now();
    return this.#offerAgain(({ dueAtMs }) => dueAtMs <= nowMs);
  }

  /** For a new Envoy, which may accept what the last one refused. */
  offerAll(): void {
    this.#offerAgain(() => true);
  }

  /** Refused or not, when Envoy asks for it: without an answer it would keep the listener that names it waiting. */
  offerOnRequest(kind: ResourceKind, name: string): void {
    const entry = this.#entries[kind].get(name);
    if (entry?.refusal !== undefined) entry.refusal = { ...entry.refusal, isOffered: true };
  }

  heldBack(): readonly HeldBackResource[] {
    return RESOURCE_KINDS.flatMap((kind) =>
      [...this.#entries[kind]].flatMap(([name, { wanted, good, refusal }]) => {
        const text = wanted.fault ?? refusal?.text;
        if (text === undefined) return [];
        return [{ kind, name, text, isFormer: good !== undefined, resource: wanted.resource }];
      }),
    );
  }

  #wantOne(entries: Map<string, Entry>, name: string, wanted: WantedResource): boolean {
    const entry = entries.get(name);
    if (entry === undefined) {
      entries.set(name, { wanted, good: undefined, refusal: undefined });
      return true;
    }
    const isSame = entry.wanted.encoded?.version === wanted.encoded?.version;
    entry.wanted = wanted;
    if (!isSame) entry.refusal = undefined;
    return !isSame;
  }

  #offerAgain(isDue: (refusal: Refusal) => boolean): readonly (readonly [ResourceKind, string])[] {
    return RESOURCE_KINDS.flatMap((kind) =>
      [...this.#entries[kind]].flatMap(([name, entry]) => {
        const { refusal } = entry;
        if (refusal === undefined || refusal.isOffered || !isDue(refusal)) return [];
        entry.refusal = { ...refusal, isOffered: true };
        return [[kind, name] as const];
      }),
    );
  }
}

function isHeldBack({ wanted, refusal }: Entry): boolean {
  return wanted.encoded === undefined || (refusal !== undefined && !refusal.isOffered);
}
