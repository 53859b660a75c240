// bootstrap.json, which Envoy reads at its start.
import { join } from 'node:path';
import * as atomicFiles from '../../lib/atomic-file.ts';
import type { Json } from '../../render/envoy/envoy-config.ts';

export class BootstrapFile {
  readonly #path: string;
  readonly #text: string;

  constructor(directory: string, bootstrap: Json) {
    this.#path = join(directory, 'bootstrap.json');
    this.#text = `${JSON.stringify(bootstrap)}\n`;
  }

  /** Whether there is another one: an Envoy that runs was started from that. One that cannot be read is nobody's. */
  async isNews(): Promise<boolean> {
    const former = await atomicFiles.readIfExists(this.#path).catch(() => undefined);
    return former !== undefined && former !== this.#text;
  }

  /** Throws the reason where it is not there and cannot be written. */
  async write(): Promise<void> {
    const unwritten = await atomicFiles.writeOrSay(this.#path, this.#text);
    if (unwritten !== undefined) throw new Error(unwritten);
  }
}
