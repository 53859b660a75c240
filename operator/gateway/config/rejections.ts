// What Envoy rejected, and when it is offered again: soon at first, since the cause may be gone, and then less and less
// often. A listener whose port was taken is offered as soon as the port is free.
import { isPortFree } from '../ports/port-probe.ts';
import type { Content, Place } from './contents.ts';

export type Layer = 'listener' | 'cluster' | 'table';

interface RememberedRejection {
  readonly text: string;
  readonly content: Content;
  readonly times: number;
  readonly dueAtMs: number;
  /** Offered again, and not rejected again so far. */
  readonly isOffered: boolean;
  /** Another process was seen on one of its ports. */
  readonly isPortTaken: boolean;
}

const FIRST_RETRY_MS = 1000;

export class Rejections {
  readonly #longestRetryMs: number;
  readonly #remembered = new Map<string, RememberedRejection>();

  constructor(longestRetryMs: number) {
    this.#longestRetryMs = longestRetryMs;
  }

  add(layer: Layer, name: string, text: string, content: Content): void {
    const before = this.#remembered.get(key(layer, name));
    const times = before?.content.text === content.text ? before.times + 1 : 1;
    const retryMs = Math.min(this.#longestRetryMs, FIRST_RETRY_MS * 2 ** (times - 1));
    this.#remembered.set(key(layer, name), {
      text,
      content,
      times,
      dueAtMs: performance.now() + retryMs,
      isOffered: false,
      isPortTaken: false,
    });
  }

  /** Call it before a configuration is applied. */
  async offerWhatIsDue(): Promise<void> {
    const nowMs = performance.now();
    for (const [name, rejection] of this.#remembered) {
      if (rejection.isOffered) {
        if (nowMs - rejection.dueAtMs > this.#longestRetryMs) this.#remembered.delete(name);
        continue;
      }
      const isPortTaken = !(await arePlacesFree(rejection.content.places));
      const isFreed = rejection.isPortTaken && !isPortTaken;
      this.#remembered.set(name, {
        ...rejection,
        isPortTaken,
        isOffered: isFreed || nowMs >= rejection.dueAtMs,
      });
    }
  }

  forgetAll(): void {
    this.#remembered.clear();
  }

  /** Envoy's error; undefined where this content was not rejected, or may be offered. */
  of(layer: Layer, name: string, content: Content): string | undefined {
    const rejection = this.#remembered.get(key(layer, name));
    return rejection === undefined || rejection.isOffered || rejection.content.text !== content.text
      ? undefined
      : rejection.text;
  }
}

function key(layer: Layer, name: string): string {
  return `${layer} ${name}`;
}

async function arePlacesFree(places: readonly Place[]): Promise<boolean> {
  for (const { address, port } of places) {
    if (!(await isPortFree(address, port))) return false;
  }
  return true;
}
