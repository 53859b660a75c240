// One file of many resources (LDS or CDS): its contents, what of it Envoy accepted last, and how to change it. Decides
// nothing about order.
import { type AtomicFiles, writeProblem } from '../../lib/atomic-file.ts';
import type { LiveVersions } from '../process/envoy-admin.ts';
import { discoveryFile, sameResources } from './config-files.ts';
import type { Contents } from './contents.ts';
import { awaitFile, type LiveOutcome, type LiveWait } from './live-wait.ts';

export interface LiveFileOptions {
  readonly kind: 'lds' | 'cds';
  readonly path: string;
  readonly files: AtomicFiles;
  /** Current contents of the file. */
  readonly contents: Contents;
}

export class LiveFile {
  readonly #options: LiveFileOptions;
  #contents: Contents;
  #good: Contents;
  #version: string;
  #isConfirmed = false;
  #problem: string | undefined;

  constructor(options: LiveFileOptions) {
    this.#options = options;
    this.#contents = options.contents;
    this.#good = options.contents;
    this.#version = discoveryFile(options.contents).version;
  }

  /** Contents of the file, accepted or not. */
  get contents(): Contents {
    return this.#contents;
  }

  /** What Envoy accepted last. */
  get good(): Contents {
    return this.#good;
  }

  /** Why the file does not hold what was pushed last. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Envoy started or was out of reach: trust only its answers. */
  confirm(live: LiveVersions | undefined): void {
    this.#isConfirmed = live?.[this.#options.kind] === this.#version;
    if (this.#isConfirmed) {
      this.accept();
    }
  }

  /**
   * Undefined where there was nothing to do, and where the file cannot be written: then `problem` says why. Without
   * `wait` the file is only written. Throws EnvoyNotRunning.
   */
  async push(wanted: Contents, wait: LiveWait | undefined): Promise<LiveOutcome | undefined> {
    const { kind } = this.#options;
    if (sameResources(wanted, this.#contents) && (this.#isConfirmed || wait === undefined)) {
      this.#contents = wanted;
      this.#problem = undefined;
      return undefined;
    }
    const { version, text } = discoveryFile(wanted);
    await wait?.log.mark();
    if (!(await this.#write(text))) {
      return undefined;
    }
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

  async #write(text: string): Promise<boolean> {
    const { files, path } = this.#options;
    this.#problem = await files
      .writeFileAtomic(path, text, { evenIfUnchanged: true })
      .then(() => undefined)
      .catch((error: unknown) => writeProblem(path, error));
    return this.#problem === undefined;
  }

  /** The last push is good, and so is all that it depends on. */
  accept(): void {
    this.#good = this.#contents;
  }
}
