// One Envoy that gets everything over xDS, and what serves it: Envoy starts once it can be told everything it should have,
// and continues when this process is gone.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as atomicFiles from '../../lib/atomic-file.ts';
import { makeDirectories } from '../../lib/make-directories.ts';
import type { Json } from '../../render/envoy/envoy-config.ts';
import { endTornLine } from '../log/torn-line.ts';
import { EnvoyAdmin } from '../process/envoy-admin.ts';
import type { EnvoyHandle, EnvoyStart } from '../process/envoy-handle.ts';
import { EnvoyProcess, type EnvoyProcessOptions } from '../process/envoy-process.ts';
import { ExternalEnvoy } from '../process/external-envoy.ts';
import { BootstrapFile } from './bootstrap-file.ts';
import { forEachKind, type Resources } from './resource-kind.ts';
import { type XdsApplied, XdsApplier, type XdsApplierOptions } from './xds-applier.ts';
import { XdsCounts } from './xds-counts.ts';

export interface XdsEnvoyOptions
  extends Pick<EnvoyProcessOptions, 'directory' | 'beforeStart' | 'onExit' | 'onRestart'> {
  /** Undefined: another container of the pod runs Envoy. */
  readonly binary: string | undefined;
  readonly bootstrap: Json;
  /** Worker threads; Envoy's own default where undefined. */
  readonly concurrency: number | undefined;
  readonly delivery: Pick<
    XdsApplierOptions,
    'socketPath' | 'order' | 'rules' | 'placesOf' | 'readyAgain' | 'retryMs' | 'timeoutMs' | 'drainMs'
  >;
  /** Another container's Envoy is awaited first, and then counts as started. */
  readonly onStart: (how: EnvoyStart, pid: number | undefined) => void;
  readonly onStop?: () => void;
  /** Called with the sentence about remembered resources that cannot be used. */
  readonly onDamaged?: (sentence: string) => void;
}

const STOP_TIMEOUT_MS = 2000;
const FOR_OWNER = 0o700;
/** Of a former release, which configured Envoy by files. */
const FORMER_FOLDERS = ['lds', 'cds', 'rds'];

const NOTHING: Resources = forEachKind(() => []);

interface Running {
  readonly envoy: EnvoyHandle;
  readonly applier: XdsApplier;
}

export class XdsEnvoy {
  /** Throws EnvoyNotRunning while none runs. */
  readonly admin: EnvoyAdmin;
  readonly counts = new XdsCounts();
  readonly #options: XdsEnvoyOptions;
  readonly #bootstrap: BootstrapFile;
  #running: Running | undefined;
  #startedAs: EnvoyStart | undefined;
  /** Whether a former process may have left an Envoy. */
  #isUnsure = true;

  constructor(options: XdsEnvoyOptions) {
    this.#options = options;
    this.#bootstrap = new BootstrapFile(options.directory, options.bootstrap);
    this.admin = new EnvoyAdmin(join(options.directory, 'admin.sock'));
  }

  /** Undefined while none runs. */
  get pid(): number | undefined {
    return this.#running?.envoy.pid;
  }

  /** Whether an Envoy that starts now finds its bootstrap, and somebody who tells it everything. */
  get isServing(): boolean {
    return this.#running !== undefined;
  }

  /** Why Envoy must not be used, as a sentence. */
  get problem(): string | undefined {
    return this.#running === undefined ? 'Envoy does not run' : this.#running.envoy.problem;
  }

  /** Why the Envoy of another container should be started again, as a sentence. */
  get restartReason(): string | undefined {
    return this.#running?.envoy.restartReason;
  }

  /** How the present one was got first; undefined where none ever ran. */
  get startedAs(): EnvoyStart | undefined {
    return this.#startedAs;
  }

  /** One call after the other. Undefined: nothing is served, and Envoy ends. Throws where Envoy cannot be started. */
  async serve(wanted: Resources | undefined): Promise<XdsApplied> {
    // The Envoy of another container cannot be ended.
    const resources = wanted ?? (this.#options.binary === undefined ? NOTHING : undefined);
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
    const isBootstrapNew = await this.#bootstrap.isNews();
    await this.#bootstrap.write();
    this.#running = running;
    this.#startedAs = await running.envoy.start(isBootstrapNew);
    if (this.#startedAs !== 'awaited') onStart(this.#startedAs, running.envoy.pid);
    for (const name of FORMER_FOLDERS) await rm(join(directory, name), { recursive: true, force: true });
    this.#isUnsure = false;
  }

  /** Whoever removes files of a running Envoy must not keep the next one from starting. */
  async #putBack(): Promise<void> {
    await makeDirectories(this.#options.directory, FOR_OWNER);
    await this.#bootstrap.write();
    await this.#running?.applier.listenAgain();
  }

  async #end(): Promise<void> {
    if (this.#running !== undefined) {
      await this.stop();
      this.#options.onStop?.();
    }
    if (!this.#isUnsure) return;
    const { binary } = this.#options;
    if (binary !== undefined) await this.#newEnvoy(binary).endFormer();
    this.#isUnsure = false;
  }

  #make(): Running {
    const { directory, binary, delivery, onDamaged = () => undefined } = this.#options;
    const envoy = binary === undefined ? this.#newExternal() : this.#newEnvoy(binary);
    const applier = new XdsApplier({
      ...delivery,
      onDamaged,
      directory: join(directory, 'resources'),
      admin: {
        warming: () => envoy.admin.warming(),
        listenerNames: () => envoy.admin.listenerNames(),
      },
      isRunning: () => envoy.isRunning,
      counts: this.counts,
    });
    return { envoy, applier };
  }

  /** That of a killed Envoy must not swallow the first line of the next one, which would be counted as unreadable. */
  async #endTornLine(log: string): Promise<void> {
    const problem = await atomicFiles.attemptWrite(log, endTornLine);
    if (problem !== undefined) this.#options.onDamaged?.(problem);
  }

  #newExternal(): ExternalEnvoy {
    const { directory, onStart, onExit = () => undefined, onRestart = () => undefined } = this.#options;
    return new ExternalEnvoy({
      directory,
      beforeRestart: async () => {
        await this.#putBack();
        await this.#endTornLine(join(directory, 'log/access.log'));
      },
      onExit,
      onReady: (isFirst) => {
        if (isFirst) onStart('started', undefined);
        else onRestart({});
      },
    });
  }

  #newEnvoy(binary: string): EnvoyProcess {
    const { directory, concurrency, onExit, onRestart } = this.#options;
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
