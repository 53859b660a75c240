// One Envoy that gets everything over xDS, and what serves it: Envoy starts once it can be told everything it should have,
// and continues when this process is gone.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as atomicFiles from '../../lib/atomic-file.ts';
import { makeDirectories } from '../../lib/make-directories.ts';
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
const FOR_OWNER = 0o700;
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
    const running = this.#running ?? (await this.#startWith(resources));
    const { result, unsaved } = await running.applier.apply(resources);
    const unknown = await running.envoy.save();
    return { result, unsaved: unknown === undefined ? unsaved : [...unsaved, unknown] };
  }

  /** Served before Envoy starts, which waits for it. */
  #startWith(resources: Resources): Promise<Running> {
    return this.#making(async (running) => {
      await running.applier.apply(resources);
      await this.#start(running);
      return running;
    });
  }

  /** For a gateway that knows nothing yet: what the last process served. Returns whether that is known. */
  async serveRemembered(): Promise<boolean> {
    return await this.#making(async (running) => {
      const isKnown = await running.applier.serveRemembered();
      if (isKnown) await this.#start(running);
      else await running.applier.close();
      return isKnown;
    });
  }

  /** Where it fails midway, nothing new is left: no Envoy, and nobody who listens for one. */
  async #making<Made>(make: (running: Running) => Promise<Made>): Promise<Made> {
    const running = this.#make();
    try {
      return await make(running);
    } catch (error) {
      this.#running = undefined;
      await running.applier.close();
      await running.envoy.stop();
      throw error;
    }
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
    const { directory, onStart } = this.#options;
    await this.#writeBootstrap();
    this.#running = running;
    this.#startedAs = await running.envoy.start();
    onStart(this.#startedAs, running.envoy.pid);
    for (const name of FORMER_FOLDERS) await rm(join(directory, name), { recursive: true, force: true });
    this.#isUnsure = false;
  }

  async #writeBootstrap(): Promise<void> {
    const { directory, bootstrap } = this.#options;
    const text = `${JSON.stringify(bootstrap)}\n`;
    const unwritten = await atomicFiles.writeOrSay(join(directory, 'bootstrap.json'), text);
    if (unwritten !== undefined) throw new Error(unwritten);
  }

  /** Whoever removes files of a running Envoy must not keep the next one from starting. */
  async #putBack(): Promise<void> {
    await makeDirectories(this.#options.directory, FOR_OWNER);
    await this.#writeBootstrap();
    await this.#running?.applier.listenAgain();
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

  /** That of a killed Envoy must not swallow the first line of the next one, which would be counted as unreadable. */
  async #endTornLine(log: string): Promise<void> {
    const problem = await atomicFiles.attemptWrite(log, endTornLine);
    if (problem !== undefined) this.#options.onDamaged?.(problem);
  }

  #newEnvoy(): EnvoyProcess {
    const { directory, binary, concurrency, onExit, onRestart } = this.#options;
    const { beforeStart = () => this.#endTornLine(join(directory, 'log/access.log')) } = this.#options;
    return new EnvoyProcess({
      directory,
      binary,
      files: atomicFiles,
      ...(concurrency === undefined ? {} : { concurrency }),
      stopTimeoutMs: STOP_TIMEOUT_MS,
      beforeStart,
      beforeRestart: () => this.#putBack(),
      ...(onExit === undefined ? {} : { onExit }),
      ...(onRestart === undefined ? {} : { onRestart }),
    });
  }
}
