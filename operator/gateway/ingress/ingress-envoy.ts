// The Envoy for ingress: runs while there is something to serve, and gets everything over xDS. It shares no process, no
// file and no limit with the Envoy for egress.
import { join } from 'node:path';
import * as atomicFiles from '../../lib/atomic-file.ts';
import {
  type IngressBootstrapSettings,
  renderIngressBootstrap,
  xdsSocketPath,
} from '../../render/envoy/ingress/ingress-bootstrap.ts';
import { endTornLine } from '../log/torn-line.ts';
import { EnvoyProcess, type EnvoyProcessOptions } from '../process/envoy-process.ts';
import type { Resources } from '../xds/resource-kind.ts';
import { type XdsApplied, XdsApplier } from '../xds/xds-applier.ts';

export interface IngressEnvoyOptions extends Pick<EnvoyProcessOptions, 'onExit' | 'onRestart'> {
  readonly settings: IngressBootstrapSettings;
  readonly binary: string;
  readonly concurrency: number | undefined;
  /** After a start: "adopted" is an Envoy that a former process left running. */
  readonly onStart: (how: 'adopted' | 'started', pid: number | undefined) => void;
  readonly onStop: () => void;
}

const STOP_TIMEOUT_MS = 2000;
/** A port that is free again is soon taken. */
const RETRY_MS = 5000;

interface Running {
  readonly envoy: EnvoyProcess;
  readonly applier: XdsApplier;
}

export class IngressEnvoy {
  readonly #options: IngressEnvoyOptions;
  #running: Running | undefined;
  /** Whether a former process may have left an Envoy. */
  #isUnsure = true;

  constructor(options: IngressEnvoyOptions) {
    this.#options = options;
  }

  get envoy(): EnvoyProcess | undefined {
    return this.#running?.envoy;
  }

  /** One call after the other. Undefined: nothing is served, and Envoy ends. */
  async serve(resources: Resources | undefined): Promise<XdsApplied> {
    if (resources === undefined) {
      await this.#end();
      return { result: { status: 'applied' }, unsaved: [] };
    }
    if (this.#running !== undefined) return await this.#running.applier.apply(resources);
    const running = this.#make();
    try {
      // Served before Envoy starts, which waits for it.
      const { unsaved } = await running.applier.apply(resources);
      await this.#start(running);
      const { result } = await running.applier.apply(resources);
      return { result, unsaved };
    } catch (error) {
      await running.applier.close();
      await running.envoy.stop();
      this.#running = undefined;
      throw error;
    }
  }

  /** For a gateway that knows no plans yet: what the last process served. Returns whether that is known. */
  async serveRemembered(): Promise<boolean> {
    const running = this.#make();
    if (await running.applier.serveRemembered()) {
      await this.#start(running);
      return true;
    }
    await running.applier.close();
    return false;
  }

  /** Ends Envoy. */
  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await running?.applier.close();
    await running?.envoy.stop();
  }

  async #start(running: Running): Promise<void> {
    const { settings, onStart } = this.#options;
    const bootstrap = `${JSON.stringify(renderIngressBootstrap(settings))}\n`;
    await atomicFiles.writeFileAtomic(join(settings.directory, 'bootstrap.json'), bootstrap);
    this.#running = running;
    onStart(await running.envoy.start(), running.envoy.pid);
    this.#isUnsure = false;
  }

  async #end(): Promise<void> {
    if (this.#running !== undefined) {
      await this.stop();
      this.#options.onStop();
    }
    if (!this.#isUnsure) return;
    await this.#newEnvoy().endFormer();
    this.#isUnsure = false;
  }

  #make(): Running {
    const { settings } = this.#options;
    const envoy = this.#newEnvoy();
    const applier = new XdsApplier({
      socketPath: xdsSocketPath(settings),
      directory: join(settings.directory, 'resources'),
      admin: {
        warming: () => envoy.admin.warming(),
        listenerNames: () => envoy.admin.listenerNames(),
      },
      isRunning: () => envoy.pid !== undefined,
      retryMs: RETRY_MS,
    });
    return { envoy, applier };
  }

  #newEnvoy(): EnvoyProcess {
    const { settings, binary, concurrency, onExit, onRestart } = this.#options;
    return new EnvoyProcess({
      directory: settings.directory,
      binary,
      files: atomicFiles,
      ...(concurrency === undefined ? {} : { concurrency }),
      stopTimeoutMs: STOP_TIMEOUT_MS,
      // A torn last line of a killed Envoy must not swallow the first line of the next one.
      beforeStart: () => endTornLine(join(settings.directory, 'log/access.log')),
      ...(onExit === undefined ? {} : { onExit }),
      ...(onRestart === undefined ? {} : { onRestart }),
    });
  }
}
