// Listeners whose ports another process had: they are offered to Envoy again as soon as the ports are free.
import { isPortFree } from '../ports/port-probe.ts';
import type { HeldBackResource } from '../xds/resource-book.ts';
import { placesOf } from './egress-resources.ts';

export class TakenPorts {
  /** Names of listeners. */
  #taken: ReadonlySet<string> = new Set();

  /** Those of the listeners held back that had a taken port the last time, and have none now. */
  async freed(heldBack: readonly HeldBackResource[]): Promise<readonly HeldBackResource[]> {
    const before = this.#taken;
    const taken = new Set<string>();
    for (const { name, resource } of heldBack) {
      for (const { address, port } of placesOf(resource)) {
        if (!(await isPortFree(address, port))) taken.add(name);
      }
    }
    this.#taken = taken;
    return heldBack.filter(({ name }) => before.has(name) && !taken.has(name));
  }
}
