// One file of many resources (LDS or CDS): what it holds, what of it Envoy accepted last, and how to change it.
// Decides nothing about order.

import type { AtomicFiles } from '../atomic-files.ts';
import type { LiveVersions } from '../process/envoy-admin.ts';
import { discoveryFile, type ResourceTexts, sameResources } from './config-files.ts';
import { awaitFile, type LiveOutcome, type LiveWait } from './live-wait.ts';

export interface LiveFileOptions {
  readonly kind: 'lds' | 'cds';
  readonly path: string;
  readonly files: AtomicFiles;
  /** What the file holds now. */
  readonly contents: ResourceTexts;
}

export class LiveFile {
  readonly #options: LiveFileOptions;
  #contents: ResourceTexts;
  #good: ResourceTexts;
  #version: string;
  #isConfirmed = false;

  constructor(options: LiveFileOptions) {
    this.#options = options;
    this.#contents = options.contents;
    this.#good = options.contents;
    this.#version = discoveryFile(options.contents).version;
  }

  /** What the file holds, accepted or not. */
  get contents(): ResourceTexts {
    return this.#contents;
  }

  /** What Envoy accepted last. */
  get good(): ResourceTexts {
    return this.#good;
  }

  /** Envoy came up or was out of reach: believe only what it says. */
  confirm(live: LiveVersions | undefined): void {
    this.#isConfirmed = live?.[this.#options.kind] === this.#version;
    if (this.#isConfirmed) {
      this.accept();
    }
  }

  /** Undefined where there was nothing to do. Without `wait` the file is only written. Throws EnvoyNotRunning. */
  async push(wanted: ResourceTexts, wait: LiveWait | undefined): Promise<LiveOutcome | undefined> {
    const { files, kind, path } = this.#options;
    if (sameResources(wanted, this.#contents) && (this.#isConfirmed || wait === undefined)) {
      return undefined;
    }
    const { version, text } = discoveryFile(wanted);
    await wait?.log.mark();
    await files.writeFileAtomic(path, text, { evenIfUnchanged: true });
    this.#contents = wanted;
    this.#version = version;
    this.#isConfirmed = false;
    if (wait === undefined) {
      return undefined;
    }
    const outcome = await awaitFile(wait, kind, version, wanted);
    this.#isConfirmed = outcome.status === 'applied';
    return outcome;
  }

  /** What was pushed last is good, and so is all that it depends on. */
  accept(): void {
    this.#good = this.#contents;
  }
}
