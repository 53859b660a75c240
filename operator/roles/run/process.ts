// `sallyport run`: the wiring of embedded mode. A folder, an Envoy, a denial log, and one loop between them.
// All decisions are elsewhere; this file has only the calls, and the order of start and stop.
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { RunConfig } from '../../config.ts';
import { queryDenials } from '../../denials/query/query-denials.ts';
import type { QueryAnswer } from '../../denials/query/run-query.ts';
import type { EgressResource } from '../../gateway/egress/egress-resources.ts';
import type { PassResult } from '../../gateway/gateway-pass.ts';
import { type Endpoints, endpointsOf } from '../../gateway/ports/product-listeners.ts';
import type { XdsResult } from '../../gateway/xds/xds-applier.ts';
import { writeOrSay } from '../../lib/atomic-file.ts';
import { Loop, SYSTEM_CLOCK } from '../../lib/loop.ts';
import { within } from '../../lib/within.ts';
import { type DesiredOutputs, desiredOutputs, earliest } from '../../pipeline.ts';
import type { TunnelMemory } from '../../render/envoy/tunnel-memory.ts';
import { type FolderReading, FolderSource, throwIfUnreadable } from '../../sources/folder.ts';
import { type FolderApi, startFolderApi } from './folder-api.ts';
import type { IngressGate } from './ingress-gate.ts';
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
  #api: FolderApi | undefined;
  readonly #gate: IngressGate;

  private constructor(parts: RunProcessParts, source: FolderSource) {
    this.#parts = parts;
    this.#source = source;
    this.#gate = parts.makeIngressGate(() => this.#writeEndpoints());
    this.#loop = new Loop({
      job: () => this.#pass(),
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
      await gateway.#startApi(config);
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

  /** Port of the REST API; undefined where there is none. */
  get apiPort(): number | undefined {
    return this.#api?.port;
  }

  /** Port of /authorize; undefined where it is not served. */
  get authorizePort(): number | undefined {
    return this.#parts.ingress.authorizePort;
  }

  get envoyPid(): number | undefined {
    return this.#parts.envoy.pid;
  }

  /** Of the Envoy for ingress, which runs while some workspace has hosts. */
  get ingressEnvoyPid(): number | undefined {
    return this.#gate.envoyPid;
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
  async settled(): Promise<void> {
    await this.#loop.settled();
    await this.#gate.settled();
  }

  /** Reads the folder now, without waiting for inotify. */
  async refresh(): Promise<void> {
    this.#loop.trigger();
    await this.settled();
  }

  /** Resolves when every denial that Envoy or the DNS has written is in the store. */
  async drained(): Promise<void> {
    await this.#parts.dns.flush();
    await this.#parts.ingress.flush();
    await this.#parts.log.drain();
  }

  /** Takes less than five seconds, whatever hangs; the next run reads what is left in the spools. */
  async stop(): Promise<void> {
    const { dns, envoy, pass, polls, log, ingress, usesWriter } = this.#parts;
    await within(LAST_PASS_MS, this.#api?.close() ?? Promise.resolve());
    const lastPass = Promise.all([this.#loop.stop(), polls.stop()]);
    await within(LAST_PASS_MS, lastPass);
    await within(LAST_PASS_MS, pass.close());
    await Promise.all([dns.stop(), envoy.stop(), this.#gate.stop()]);
    await within(LAST_PASS_MS, ingress.stop());
    // Without an Envoy nothing waits for it any more.
    await lastPass;
    await usesWriter.stop();
    // After the last reading, which would watch the folder anew and keep the process from ending.
    this.#source.close();
    await log.stop();
    await this.#parts.release();
  }

  /** Envoy starts with the first pass. */
  async #start(): Promise<void> {
    const { log, dns, envoy, ingress, polls, usesWriter } = this.#parts;
    await dns.start();
    await log.follow();
    const { heldBack } = await this.#pass();
    // An adopted Envoy has a last good configuration, and traffic that must continue.
    if (heldBack.length > 0 && envoy.startedAs === 'started') throw new Error(heldBack.join('\n'));
    await ingress.start();
    polls.start();
    usesWriter.start();
    this.#loop.trigger();
  }

  async #startApi(config: RunConfig): Promise<void> {
    this.#api = await startFolderApi(config, {
      view: this.#parts.view,
      plans: () => this.#parts.ingressPlans.current,
      onChange: () => this.#loop.trigger(),
      onJudged: (line) => this.#parts.ingress.append(line),
      onAdministered: (who) => {
        if (this.#parts.ingressPlans.administrators.note(who, SYSTEM_CLOCK.nowMs())) this.#loop.trigger();
      },
    });
  }

  async #pass(): Promise<PassResult<DesiredOutputs>> {
    const { pass, ports, log, report } = this.#parts;
    const done = await pass.run({
      compute: (tunnels) => this.#compute(tunnels),
      remember: (outputs) => {
        log.remember(outputs.tables);
        return ports.save();
      },
    });
    const { outputs } = done;
    this.#endpoints = { ...this.#endpoints, ...endpointsOf(outputs.plans, outputs.egressListeners) };
    const unsaved = [...(await this.#writeEndpoints()), ...(await this.#savePlans())];
    report.heldBack([...done.heldBack, ...done.unsaved, ...unsaved]);
    if (done.isAnswered) {
      const former = formerTables(done.result);
      report.applied(outputs, this.#endpoints, (table) => !former.has(table));
    }
    return done;
  }

  /** Returns why that failed. */
  async #writeEndpoints(): Promise<readonly string[]> {
    const { ingress: _, ...egress } = this.#endpoints;
    const { endpoints: ingress } = this.#gate;
    this.#endpoints = { ...egress, ...(ingress.length === 0 ? {} : { ingress }) };
    const text = `${JSON.stringify(this.#endpoints, null, 2)}\n`;
    const unsaved = await writeOrSay(this.#parts.paths.endpoints, text);
    return unsaved === undefined ? [] : [unsaved];
  }

  /** Returns why that failed. */
  async #savePlans(): Promise<readonly string[]> {
    const unsaved = await this.#parts.ingressPlans.save(SYSTEM_CLOCK.nowMs());
    return unsaved === undefined ? [] : [unsaved];
  }

  async #compute(tunnels: TunnelMemory): Promise<DesiredOutputs> {
    const { settings, ports, report, ingressPlans, log } = this.#parts;
    const reading = await this.#source.read();
    const before = this.#computed;
    const isCurrent =
      before?.reading === reading &&
      before.outputs.tunnels === tunnels &&
      SYSTEM_CLOCK.nowMs() < (before.outputs.changesAtMs ?? Number.POSITIVE_INFINITY);
    if (isCurrent) return before.outputs;
    const compiled = ingressPlans.compile(reading.snapshot, SYSTEM_CLOCK.nowMs());
    log.rememberPlans(compiled.plans);
    this.#gate.offer({ plans: compiled.plans, snapshot: reading.snapshot });
    // Ingress need not wait for what is computed for egress.
    await yieldToEventLoop();
    const gateway = { settings, egressListenersOf: ports.egressListenersOf.bind(ports), tunnels };
    let outputs = desiredOutputs(reading.snapshot, gateway, SYSTEM_CLOCK.nowMs());
    while (await ports.giveUpTaken())
      outputs = desiredOutputs(reading.snapshot, gateway, SYSTEM_CLOCK.nowMs());
    report.problems([...reading.problems, ...outputs.problems, ...compiled.problems, ...ports.problems]);
    const changesAtMs = earliest(outputs.changesAtMs, compiled.changesAtMs);
    this.#computed = { reading, outputs: { ...outputs, changesAtMs } };
    return this.#computed.outputs;
  }
}

/** Tables that are not in force as they should be, in one of their lanes at least. */
function formerTables(result: XdsResult): ReadonlySet<string> {
  const heldBack = result.status === 'heldBack' ? result.heldBack : [];
  return new Set(heldBack.flatMap(({ resource }) => (resource as EgressResource | undefined)?.table ?? []));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
