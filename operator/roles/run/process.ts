// `sallyport run`: the wiring of embedded mode. A folder, an Envoy, a denial log, and one loop between them.
// All decisions are elsewhere; this file has only the calls, and the order of start and stop.

import type { RunConfig } from '../../config.ts';
import { queryDenials } from '../../denials/query/query-denials.ts';
import type { QueryAnswer } from '../../denials/query/run-query.ts';
import type { ApplyResult } from '../../gateway/config/config-applier.ts';
import { heldBackSentences } from '../../gateway/config/held-back-sentences.ts';
import { type Endpoints, endpointsOf } from '../../gateway/ports/product-listeners.ts';
import { writeOrSay } from '../../gateway/state/write-or-say.ts';
import { writeFileAtomic } from '../../lib/atomic-file.ts';
import { Loop, SYSTEM_CLOCK } from '../../lib/loop.ts';
import { within } from '../../lib/within.ts';
import { type DesiredOutputs, desiredOutputs } from '../../pipeline.ts';
import { renderBootstrap } from '../../render/envoy/bootstrap.ts';
import { type FolderReading, FolderSource, throwIfUnreadable } from '../../sources/folder.ts';
import { assembleParts, type RunProcessParts } from './parts.ts';
import type { RunView } from './view.ts';

const MIN_INTERVAL_MS = 10;
const RETRY_INTERVAL_MS = 2000;
/** Also how soon a recreated folder is found. */
const MAX_INTERVAL_MS = 2000;
/** At the end, for calls that may wait for an Envoy that does not answer. */
const LAST_PASS_MS = 500;

export class RunProcess {
  readonly #parts: RunProcessParts;
  readonly #source: FolderSource;
  readonly #loop: Loop;
  #computed: { readonly reading: FolderReading; readonly outputs: DesiredOutputs } | undefined;
  #endpoints: Endpoints = { workspaces: [] };
  /** What could not be stored for the next start, and why. */
  #unsaved: readonly string[] = [];

  private constructor(parts: RunProcessParts, source: FolderSource) {
    this.#parts = parts;
    this.#source = source;
    this.#loop = new Loop({
      job: async () => {
        await parts.tunnelCloser.look(SYSTEM_CLOCK.nowMs());
        const outputs = await this.#outputs();
        await this.#apply(outputs);
        const { changesAtMs = Number.POSITIVE_INFINITY } = outputs;
        return { runAgainAtMs: Math.min(changesAtMs, parts.tunnelCloser.dueAtMs) };
      },
      minIntervalMs: MIN_INTERVAL_MS,
      retryIntervalMs: RETRY_INTERVAL_MS,
      maxIntervalMs: MAX_INTERVAL_MS,
      clock: SYSTEM_CLOCK,
      onFailure: (error) => parts.view.failure(messageOf(error)),
    });
  }

  /** Throws, with nothing left running, where the folder, the state directory, Envoy or a port is not available. */
  static async start(config: RunConfig, view: RunView): Promise<RunProcess> {
    let gateway: RunProcess | undefined;
    const source = new FolderSource(config.folder, () => void gateway?.refresh());
    try {
      throwIfUnreadable(await source.read());
      gateway = new RunProcess(await assembleParts(config, view), source);
      await gateway.#start();
      return gateway;
    } catch (error) {
      source.close();
      await gateway?.stop();
      throw error;
    }
  }

  get endpoints(): Endpoints {
    return this.#endpoints;
  }

  get envoyPid(): number | undefined {
    return this.#parts.envoy.pid;
  }

  /** Of the process of the denial log, while it is ready. */
  get logPid(): number | undefined {
    return this.#parts.log.pid;
  }

  /** Queries the denial log through its socket. */
  query(sql: string): Promise<QueryAnswer> {
    return queryDenials({ ...this.#parts.paths, sql });
  }

  /** Resolves when every change seen so far is in force. */
  settled(): Promise<void> {
    return this.#loop.settled();
  }

  /** Reads the folder now, without waiting for inotify. */
  async refresh(): Promise<void> {
    this.#loop.trigger();
    await this.#loop.settled();
  }

  /** Resolves when every denial that Envoy or the DNS has written is in the store. */
  async drained(): Promise<void> {
    await this.#parts.dns.flush();
    await this.#parts.log.drain();
  }

  /** Takes less than five seconds, whatever hangs; the next run reads what is left in the spools. */
  async stop(): Promise<void> {
    const { dns, envoy, applier, refused, overload, limits, log } = this.#parts;
    const lastPass = Promise.all([this.#loop.stop(), refused.stop(), overload.stop(), limits.stop()]);
    await within(LAST_PASS_MS, lastPass);
    await within(LAST_PASS_MS, applier.close());
    await Promise.all([dns.stop(), envoy.stop()]);
    // Without an Envoy nothing waits for it any more.
    await lastPass;
    // After the last reading, which would watch the folder anew and keep the process from ending.
    this.#source.close();
    await log.stop();
    await this.#parts.release();
  }

  /** Files first, so that Envoy starts from them; then again with the running Envoy, which may reject them. */
  async #start(): Promise<void> {
    const { paths, log, dns, envoy, refused, overload, limits, settings, view } = this.#parts;
    await dns.start();
    const first = await this.#outputs();
    await writeFileAtomic(`${paths.envoy}/bootstrap.json`, `${JSON.stringify(renderBootstrap(settings))}\n`);
    await this.#apply(first);
    await log.follow();
    const how = await envoy.start();
    view.progress(
      how === 'adopted'
        ? `Adopted the Envoy that still runs (pid ${envoy.pid})`
        : `Started Envoy (pid ${envoy.pid})`,
    );
    const rejection = await this.#apply(first);
    // An adopted Envoy has a last good configuration, and traffic that must continue.
    if (rejection !== '' && how === 'started') throw new Error(rejection);
    refused.start();
    overload.start();
    limits.start();
    this.#loop.trigger();
  }

  async #outputs(): Promise<DesiredOutputs> {
    const { settings, ports, tunnels, log, report } = this.#parts;
    const reading = await this.#source.read();
    const { snapshot, problems } = reading;
    const isCurrent =
      this.#computed?.reading === reading &&
      this.#computed.outputs.tunnels === tunnels.memory &&
      SYSTEM_CLOCK.nowMs() < (this.#computed.outputs.changesAtMs ?? Number.POSITIVE_INFINITY);
    if (isCurrent && this.#computed !== undefined) {
      if (this.#unsaved.length > 0) await this.#save(this.#computed.outputs);
      return this.#computed.outputs;
    }
    const egressListenersOf = ports.egressListenersOf.bind(ports);
    const gateway = { settings, egressListenersOf, tunnels: tunnels.memory };
    let outputs = desiredOutputs(snapshot, gateway, SYSTEM_CLOCK.nowMs());
    while (await ports.giveUpTaken()) outputs = desiredOutputs(snapshot, gateway, SYSTEM_CLOCK.nowMs());
    await this.#save(outputs);
    log.remember(outputs.tables);
    report.problems([...problems, ...outputs.problems, ...ports.problems]);
    this.#computed = { reading, outputs };
    return outputs;
  }

  async #save(outputs: DesiredOutputs): Promise<void> {
    const { ports, tunnels } = this.#parts;
    const unsaved = await ports.save();
    await tunnels.keep(outputs.tunnels);
    this.#unsaved = [unsaved, tunnels.problem].filter((problem) => problem !== undefined);
  }

  /** The parts that are not in force, and why; empty where all are, or Envoy does not run. */
  async #apply(outputs: DesiredOutputs): Promise<string> {
    const { applier, dns, limits, paths, report, tunnelCloser } = this.#parts;
    await limits.serve(outputs.egressListeners);
    const served = dns.serve(outputs.egressListeners, outputs);
    const [result] = await Promise.all([applier.apply(outputs.envoy), served]);
    this.#endpoints = endpointsOf(outputs.plans, outputs.egressListeners);
    const unsaved = await writeOrSay(paths.endpoints, `${JSON.stringify(this.#endpoints, null, 2)}\n`);
    const heldBack = await heldBackSentences(result, outputs.envoy);
    report.heldBack([...heldBack, ...this.#unsaved, ...(unsaved === undefined ? [] : [unsaved])]);
    if (result.status === 'applied' || result.status === 'heldBack') {
      tunnelCloser.inForce(SYSTEM_CLOCK.nowMs());
      const former = formerTables(result, outputs);
      report.applied(outputs, this.#endpoints, (table) => !former.has(table));
    }
    return heldBack.join('\n');
  }
}

/** Tables that are not in force as they should be, in one of their lanes at least. */
function formerTables(result: ApplyResult, { envoy }: DesiredOutputs): ReadonlySet<string> {
  const heldBack = result.status === 'heldBack' ? result.heldBack : [];
  const names = new Set(heldBack.filter(({ layer }) => layer === 'table').map(({ name }) => name));
  return new Set(envoy.routeTables.filter(({ name }) => names.has(name)).map(({ table }) => table));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
