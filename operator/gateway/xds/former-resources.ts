// Resources that are no longer wanted and that Envoy may still have: since when nothing new uses them, so that connections
// can drain first. That begins once Envoy has what came in their place, which takes long where it hangs.
import { forEachKind, RESOURCE_KINDS, type ResourceKind } from './resource-kind.ts';

interface Former {
  /** By performance.now(). */
  readonly sinceMs: number;
  /** When connections began to drain; undefined: not yet. */
  drainsSinceMs: number | undefined;
  readonly isInternal: boolean;
}

/** What Envoy never had is never reported as removed. */
const KEPT_MS = 600_000;

export class FormerResources {
  readonly #drainMs: number;
  readonly #former = forEachKind(() => new Map<string, Former>());

  constructor(drainMs: number) {
    this.#drainMs = drainMs;
  }

  get isEmpty(): boolean {
    return RESOURCE_KINDS.every((kind) => this.#former[kind].size === 0);
  }

  add(kind: ResourceKind, name: string, isInternal: boolean): void {
    const nowMs = performance.now();
    const former = this.#former[kind];
    for (const [other, { sinceMs }] of former) {
      if (nowMs - sinceMs < KEPT_MS) break;
      former.delete(other);
    }
    former.set(name, { sinceMs: nowMs, drainsSinceMs: undefined, isInternal });
  }

  /** Envoy says that it has this, which is not wanted: an agent that ended did not see it go, and neither drain. */
  found(kind: ResourceKind, name: string, isInternal: boolean): void {
    if (!this.#former[kind].has(name)) this.add(kind, name, isInternal);
  }

  /** It is wanted again, or Envoy no longer has it. */
  forget(kind: ResourceKind, name: string): void {
    this.#former[kind].delete(name);
  }

  isInternal(listener: string): boolean {
    return this.#former.listener.get(listener)?.isInternal ?? false;
  }

  /** Envoy has all that is wanted in their place. */
  startDrain(): void {
    const nowMs = performance.now();
    for (const kind of RESOURCE_KINDS)
      for (const former of this.#former[kind].values()) former.drainsSinceMs ??= nowMs;
  }

  /** True for what was forgotten after so long. */
  hasDrained(kind: ResourceKind, name: string): boolean {
    const former = this.#former[kind].get(name);
    if (former === undefined) return true;
    const { drainsSinceMs: sinceMs } = former;
    return sinceMs !== undefined && performance.now() - sinceMs >= this.#drainMs;
  }
}
