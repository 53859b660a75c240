// One Envoy that gets everything over xDS, and what serves it: Envoy starts once it can be told everything it should have,
// and continues when this process is gone.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as atomicFiles from '../../lib/atomic-file.ts';
import type { Json } from '../../render/envoy/envoy-config.ts';
import { endTornLine } from '../log/torn-line.ts';
import { EnvoyAdmin } from '../process/envoy-admin.ts';
import { EnvoyProcess, type EnvoyProcessOptions } from '../process/envoy-process.ts';
import type { Resources } from './resource-kind.ts';
import { type XdsApplied, XdsApplier, type XdsApplierOptions } from './xds-applier.ts';
import { XdsCounts } from './xds-counts.ts';

/** "adopted" is an Envoy that a former process left running. */
export type EnvoyStart = 'adopted' | 'started';

export interface XdsEnvoyOptions
  extends Pick<EnvoyProcessOptions, 'directory' | 'binary' | 'beforeStart' | 'onExit' | 'onRestart'> {
  readonly bootstrap: Json;
  /** Worker threads; Envoy's own default where undefined. */
  readonly concurrency: number | undefined;
  readonly delivery: Pick<
    XdsApplierOptions,
    'socketPath' | 'order' | 'rules' | 'placesOf' | 'readyAgain' | 'retryMs' | 'timeoutMs' | 'drainMs'
  >;
  readonly onStart: (how: EnvoyStart, pid: number | undefined) => void;
  readonly onStop?: () => void;
  /** Called with the sentence about remembered resources that cannot be used. */
  readonly onDamaged?: (sentence: string) => void;
}

const STOP_TIMEOUT_MS = 2000;
/** Of a former release, which configured Envoy by files. */
const FORMER_FOLDERS = ['lds', 'cds', 'rds'];

interface Running {
  readonly envoy: EnvoyProcess;
  readonly applier: XdsApplier;
}

export class XdsEnvoy {
  /** Throws EnvoyNotRunning while none runs. */
  readonly admin: EnvoyAdmin;
  readonly counts = new XdsCounts();
  readonly #options: XdsEnvoyOptions;
  #running: Running | undefined;
  #startedAs: EnvoyStart | undefined;
  /** Whether a former process may have left an Envoy. */
  #isUnsure = true;

  constructor(options: XdsEnvoyOptions) {
    this.#options = options;
    this.admin = new EnvoyAdmin(join(options.directory, 'admin.sock'));
  }

  /** Undefined while none runs. */
  get pid(): number | undefined {
    return this.#running?.envoy.pid;
  }

  /** How the present one was got first; undefined where none ever ran. */
  get startedAs(): EnvoyStart | undefined {
    return this.#startedAs;
  }

  /** One call after the other. Undefined: nothing is served, and Envoy ends. Throws where Envoy cannot be started. */
  async serve(resources: Resources | undefined): Promise<XdsApplied> {
    if (resources === undefined) {
      await this.#end();
      return { result: { status: 'applied' }, unsaved: [] };
    }
    if (this.#running !== undefined) return await this.#running.applier.apply(resources);
    const running = this.#make();
    const unsaved = await this.#startWith(running, resources);
    const { result } = await running.applier.apply(resources);
    return { result, unsaved };
  }

  /** Served before Envoy starts, which waits for it. Returns what could not be stored. */
  async #startWith(running: Running, resources: Resources): Promise<readonly string[]> {
    try {
      const { unsaved } = await running.applier.apply(resources);
      await this.#start(running);
      return unsaved;
    } catch (error) {
      await running.applier.close();
      await running.envoy.stop();
      this.#running = undefined;
      throw error;
    }
  }

  /** For a gateway that knows nothing yet: what the last process served. Returns whether that is known. */
  async serveRemembered(): Promise<boolean> {
    const running = this.#make();
    if (await running.applier.serveRemembered()) {
      await this.#start(running);
      return true;
    }
    await running.applier.close();
    return false;
  }

  /** Waits for the change that is on its way; Envoy keeps what it has. */
  async close(): Promise<void> {
    await this.#running?.applier.close();
  }

  /** Ends Envoy. */
  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    // First, since a change waits for an Envoy that hangs.
    await running?.envoy.stop();
    await running?.applier.close();
    this.admin.close();
  }

  async #start(running: Running): Promise<void> {
    const { directory, bootstrap, onStart } = this.#options;
    const text = `${JSON.stringify(bootstrap)}\n`;
    await atomicFiles.writeFileAtomic(join(directory, 'bootstrap.json'), text);
    this.#running = running;
    this.#startedAs = await running.envoy.start();
    onStart(this.#startedAs, running.envoy.pid);
    for (const name of FORMER_FOLDERS) await rm(join(directory, name), { recursive: true, force: true });
    this.#isUnsure = false;
  }

  async #end(): Promise<void> {
    if (this.#running !== undefined) {
      await this.stop();
      this.#options.onStop?.();
    }
    if (!this.#isUnsure) return;
    await this.#newEnvoy().endFormer();
    this.#isUnsure = false;
  }

  #make(): Running {
    const { directory, delivery, onDamaged = () => undefined } = this.#options;
    const envoy = this.#newEnvoy();
    const applier = new XdsApplier({
      ...delivery,
      onDamaged,
      directory: join(directory, 'resources'),
      admin: {
        warming: () => envoy.admin.warming(),
        listenerNames: () => envoy.admin.listenerNames(),
      },
      isRunning: () => envoy.pid !== undefined,
      counts: this.counts,
    });
    return { envoy, applier };
  }

  #newEnvoy(): EnvoyProcess {
    const { directory, binary, concurrency, onExit, onRestart } = this.#options;
    // A torn last line of a killed Envoy must not swallow the first line of the next one.
    const { beforeStart = () => endTornLine(join(directory, 'log/access.log')) } = this.#options;
    return new EnvoyProcess({
      directory,
      binary,
      files: atomicFiles,
      ...(concurrency === undefined ? {} : { concurrency }),
      stopTimeoutMs: STOP_TIMEOUT_MS,
      beforeStart,
      ...(onExit === undefined ? {} : { onExit }),
      ...(onRestart === undefined ? {} : { onRestart }),
    });
  }
}
