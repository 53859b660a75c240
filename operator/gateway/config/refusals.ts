// What Envoy refused, and what follows from it: a refused resource stays as it last was accepted; one that never
// was accepted is left out, and so is everything that names it. All else goes on, so that one workspace's broken
// table cannot hold up the others.

import type { ResourceTexts } from './config-files.ts';

export type Layer = 'listener' | 'cluster' | 'table';

export interface Refusal {
  readonly layer: Layer;
  readonly name: string;
  /** Envoy's words. */
  readonly text: string;
}

interface RememberedRefusal extends Refusal {
  readonly content: string;
  readonly sinceMs: number;
}

export class Refusals {
  readonly #retryMs: number;
  readonly #remembered = new Map<string, RememberedRefusal>();

  /** A refused content is offered again after `retryMs`: what stood in its way may be gone. */
  constructor(retryMs: number) {
    this.#retryMs = retryMs;
  }

  add(refusal: Refusal, content: string): void {
    this.#remembered.set(key(refusal.layer, refusal.name), {
      ...refusal,
      content,
      sinceMs: performance.now(),
    });
  }

  forgetOld(): void {
    for (const [name, { sinceMs }] of this.#remembered) {
      if (performance.now() - sinceMs > this.#retryMs) {
        this.#remembered.delete(name);
      }
    }
  }

  forgetAll(): void {
    this.#remembered.clear();
  }

  of(layer: Layer, name: string, content: string | undefined): Refusal | undefined {
    const refusal = this.#remembered.get(key(layer, name));
    if (refusal === undefined || refusal.content !== content) {
      return undefined;
    }
    return { layer, name, text: refusal.text };
  }

  /** The refusals that concern these contents. */
  among(layer: Layer, wanted: ResourceTexts): Refusal[] {
    return [...wanted].flatMap(([name, content]) => this.of(layer, name, content) ?? []);
  }

  /**
   * `wanted` without what was refused; `good` has the contents that Envoy accepted last. Names that are left out
   * altogether are added to `blocked`, and what mentions a blocked name is treated like a refused resource.
   */
  withhold(
    layer: Layer,
    wanted: ResourceTexts,
    good: ResourceTexts,
    blocked: Set<string>,
  ): Map<string, string> {
    const result = new Map<string, string>();
    const usable = (name: string, content: string | undefined): content is string => {
      return content !== undefined && !this.of(layer, name, content) && !mentions(content, blocked);
    };
    for (const [name, content] of wanted) {
      const chosen = [content, good.get(name)].find((text) => usable(name, text));
      if (chosen === undefined) {
        blocked.add(name);
      } else {
        result.set(name, chosen);
      }
    }
    return result;
  }
}

function key(layer: Layer, name: string): string {
  return `${layer} ${name}`;
}

function mentions(content: string, names: ReadonlySet<string>): boolean {
  return names.size > 0 && [...names].some((name) => content.includes(JSON.stringify(name)));
}
