// `sallyport run`: the wiring of embedded mode. A folder, an Envoy, a denial log, and one loop between them.
// Everything is decided elsewhere; this file only says who calls whom, and in which order things start and stop.

import type { RunConfig } from '../config.ts';
import { readIfExists, writeFileAtomic } from '../deliver/atomic-file.ts';
import { DenialStore } from '../denials/denial-store.ts';
import { type QueryServer, serveQueries } from '../denials/query-socket.ts';
import { ConfigApplier } from '../gateway/config/config-applier.ts';
import { LogTail } from '../gateway/log/log-tail.ts';
import { portProblem } from '../gateway/ports/port-probe.ts';
import { EnvoyProcess } from '../gateway/process/envoy-process.ts';
import { envoyBinary } from '../gateway/process/find-envoy.ts';
import { describeExit } from '../gateway/process/running-envoy.ts';
import { Loop, SYSTEM_CLOCK } from '../lib/loop.ts';
import { type DesiredOutputs, desiredOutputs } from '../pipeline.ts';
import { renderBootstrap } from '../render/envoy/bootstrap.ts';
import type { GatewaySettings } from '../render/envoy/envoy-config.ts';
import { FolderSource, throwIfUnreadable } from '../sources/folder.ts';
import { DenialLog } from './denial-log.ts';
import { EntrancePorts } from './entrance-ports.ts';
import { type Endpoints, endpointsOf } from './entrances.ts';
import { refusalCause } from './refusal-cause.ts';
import { RuleHistory } from './rule-history.ts';
import type { RunView } from './run-view.ts';
import { prepareStateDirectory, type StatePaths } from './state-directory.ts';
import { WorldReport } from './world-report.ts';

const FILES = { readIfExists, writeFileAtomic };
/** The gateway's name in event ids. */
const GATEWAY = 'local';
const MIN_INTERVAL_MS = 10;
const RETRY_INTERVAL_MS = 2000;
/** Also how soon a folder is found again that was deleted and made anew. */
const MAX_INTERVAL_MS = 2000;

/** Everything that has a lifetime, in the order in which it is started; stopping goes backwards. */
interface Parts {
  readonly config: RunConfig;
  readonly paths: StatePaths;
  readonly view: RunView;
  readonly store: DenialStore;
  readonly ports: EntrancePorts;
  readonly rules: RuleHistory;
  readonly envoy: EnvoyProcess;
  readonly applier: ConfigApplier;
  readonly tail: LogTail;
  readonly settings: GatewaySettings;
  readonly report: WorldReport;
}

export class RunningGateway {
  readonly #parts: Parts;
  readonly #source: FolderSource;
  readonly #loop: Loop;
  #queries: QueryServer | undefined;
  #endpoints: Endpoints = { workspaces: [] };

  private constructor(parts: Parts, source: FolderSource) {
    this.#parts = parts;
    this.#source = source;
    this.#loop = new Loop({
      job: async () => {
        const outputs = await this.#outputs();
        await this.#apply(outputs);
        return { runAgainAtMs: outputs.changesAtMs };
      },
      minIntervalMs: MIN_INTERVAL_MS,
      retryIntervalMs: RETRY_INTERVAL_MS,
      maxIntervalMs: MAX_INTERVAL_MS,
      clock: SYSTEM_CLOCK,
      onFailure: (error) => parts.view.failure(messageOf(error)),
    });
  }

  /** Throws, with nothing left running, where the folder, the state directory, Envoy or a port cannot be had. */
  static async start(config: RunConfig, view: RunView): Promise<RunningGateway> {
    let gateway: RunningGateway | undefined;
    const source = new FolderSource(config.folder, () => void gateway?.refresh());
    try {
      throwIfUnreadable(await source.read());
      gateway = new RunningGateway(await assemble(config, view), source);
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

  get store(): DenialStore {
    return this.#parts.store;
  }

  /** Resolves when every change seen so far is in force. */
  settled(): Promise<void> {
    return this.#loop.settled();
  }

  /** Looks at the folder now, without waiting for the system's notification. */
  async refresh(): Promise<void> {
    this.#loop.trigger();
    await this.#loop.settled();
  }

  /** Resolves when every denial that Envoy has written is in the store. */
  drained(): Promise<void> {
    return this.#parts.tail.drain();
  }

  /** Starts a new log file; the old one is read to its end. */
  rotateLog(): Promise<void> {
    return this.#parts.tail.rotate();
  }

  async stop(): Promise<void> {
    const { envoy, applier, tail, store } = this.#parts;
    await this.#loop.stop();
    // After the last reading, which would watch the folder anew and keep the process from ending.
    this.#source.close();
    await this.#queries?.close();
    await applier.close();
    await envoy.stop();
    await tail.drain();
    await tail.close();
    await store.close();
  }

  /** Files first, so that Envoy starts from them; then once more against the running Envoy, which may object. */
  async #start(): Promise<void> {
    const { paths, store, envoy, tail, settings, view } = this.#parts;
    const first = await this.#outputs();
    await writeFileAtomic(`${paths.envoy}/bootstrap.json`, `${JSON.stringify(renderBootstrap(settings))}\n`);
    await this.#apply(first);
    await tail.start();
    const how = await envoy.start();
    view.progress(
      how === 'adopted'
        ? `Adopted the Envoy that still runs (pid ${envoy.pid})`
        : `Started Envoy (pid ${envoy.pid})`,
    );
    this.#queries = await serveQueries(store, paths.querySocket);
    const refusal = await this.#apply(first);
    // An adopted Envoy has a last good configuration to go on with, and traffic that must not end for this.
    if (refusal !== '' && how === 'started') throw new Error(refusal);
    this.#loop.trigger();
  }

  async #outputs(): Promise<DesiredOutputs> {
    const { settings, ports, rules, report } = this.#parts;
    const { snapshot, problems } = await this.#source.read();
    const gateway = { settings, entrancesOf: ports.entrancesOf.bind(ports) };
    let outputs = desiredOutputs(snapshot, gateway, SYSTEM_CLOCK.nowMs());
    while (await ports.giveUpTaken()) outputs = desiredOutputs(snapshot, gateway, SYSTEM_CLOCK.nowMs());
    await ports.save();
    rules.remember(outputs.tables);
    report.problems([...problems, ...outputs.problems, ...ports.problems]);
    return outputs;
  }

  /** Why Envoy did not take them; empty where it did, or does not run. */
  async #apply(outputs: DesiredOutputs): Promise<string> {
    const { applier, paths, report } = this.#parts;
    const result = await applier.apply(outputs.envoy);
    this.#endpoints = endpointsOf(outputs.plans, outputs.entrances);
    await writeFileAtomic(paths.endpoints, `${JSON.stringify(this.#endpoints, null, 2)}\n`);
    const refusal = await refusalCause(result, outputs.entrances);
    if (result.status !== 'notRunning') report.applied(outputs, this.#endpoints, refusal);
    return refusal;
  }
}

async function assemble(config: RunConfig, view: RunView): Promise<Parts> {
  const addressProblem = await portProblem(config.listenAddress, 0);
  if (addressProblem !== undefined) throw new Error(addressProblem);
  const paths = await prepareStateDirectory(config.stateDirectory);
  view.progress('Looking for Envoy, which is fetched once where it is missing');
  const binary = await envoyBinary(config.path);
  const store = await DenialStore.open(paths.database);
  try {
    return await assembleAround(store, { config, view, paths, binary });
  } catch (error) {
    await store.close();
    throw error;
  }
}

interface Found {
  readonly config: RunConfig;
  readonly view: RunView;
  readonly paths: StatePaths;
  readonly binary: string;
}

async function assembleAround(store: DenialStore, { config, view, paths, binary }: Found): Promise<Parts> {
  const rules = new RuleHistory();
  const log = await DenialLog.open({
    gateway: GATEWAY,
    accountId: config.accountId,
    store,
    findRule: (query) => rules.findRule(query),
    onDenial: (denial) => view.denial(denial),
  });
  const envoy = new EnvoyProcess({
    directory: paths.envoy,
    binary,
    files: FILES,
    ...(config.concurrency === undefined ? {} : { concurrency: config.concurrency }),
    // A torn last line of a killed Envoy must not swallow the first line of the next one.
    beforeStart: () => tail.rotate(),
    onExit: (exit) =>
      view.failure(`Envoy (pid ${exit.pid}) is gone: ${describeExit(exit)}; starting it again`),
    onRestart: ({ pid, error }) => {
      // What the dead Envoy had refused, for a taken port for example, the new one may take.
      applier.envoyRestarted();
      if (error === undefined) view.progress(`Started Envoy again (pid ${pid})`);
      else view.failure(`${messageOf(error)}; trying again`);
    },
  });
  const tail = new LogTail({
    folder: paths.envoyLog,
    files: FILES,
    consume: (batch) => log.consume(batch),
    ...(config.rotateLogBytes === undefined ? {} : { maxBytes: config.rotateLogBytes }),
    reopenLogs: () => envoy.admin.reopenLogs(),
    onTornLine: ({ logFile, bytes }) =>
      view.failure(`Envoy ended in the middle of a log line: ${bytes} bytes of ${logFile} are lost`),
    onSkippedLine: ({ logFile, bytes }) =>
      view.failure(`A log line of ${bytes} bytes in ${logFile} is too long and was left out`),
    onFailure: (error) => view.failure(messageOf(error)),
  });
  const applier = new ConfigApplier({ directory: paths.envoy, admin: envoy.admin, files: FILES });
  const ports = await EntrancePorts.open({
    path: paths.ports,
    address: config.listenAddress,
    range: config.ports,
    files: FILES,
  });
  return {
    config,
    paths,
    view,
    store,
    ports,
    rules,
    envoy,
    applier,
    tail,
    settings: settingsOf(config, paths),
    report: new WorldReport(view),
  };
}

function settingsOf(config: RunConfig, paths: StatePaths): GatewaySettings {
  return {
    directory: paths.envoy,
    resolvers: config.resolvers,
    openRanges: config.openRanges,
    maxConnectionsPerEntrance: config.maxConnections,
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
