// Makes the parts of a running gateway: the store, Envoy, the applier of its files, the tail of its log. Nothing is
// started here but the store; run.ts says in which order the rest starts and stops.
import type { RunConfig } from '../config.ts';
import * as atomicFiles from '../deliver/atomic-file.ts';
import { DenialStore } from '../denials/denial-store.ts';
import { ConfigApplier } from '../gateway/config/config-applier.ts';
import { LogTail } from '../gateway/log/log-tail.ts';
import { portProblem } from '../gateway/ports/port-probe.ts';
import { EnvoyProcess } from '../gateway/process/envoy-process.ts';
import { envoyBinary } from '../gateway/process/find-envoy.ts';
import { describeExit } from '../gateway/process/running-envoy.ts';
import type { GatewaySettings } from '../render/envoy/envoy-config.ts';
import { DenialLog } from './denial-log.ts';
import { EntrancePorts } from './entrance-ports.ts';
import { RuleHistory } from './rule-history.ts';
import type { RunView } from './run-view.ts';
import { prepareStateDirectory, type StatePaths } from './state-directory.ts';
import { WorldReport } from './world-report.ts';

/** The gateway's name in event ids. */
const GATEWAY = 'local';

/** Everything that has a lifetime, in the order in which it is started; stopping goes backwards. */
export interface GatewayParts {
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

/** Throws, with nothing left open, where the address, the state directory or Envoy cannot be had. */
export async function assembleParts(config: RunConfig, view: RunView): Promise<GatewayParts> {
  const addressProblem = await portProblem(config.listenAddress, 0);
  if (addressProblem !== undefined) throw new Error(addressProblem);
  const paths = await prepareStateDirectory(config.stateDirectory);
  view.progress('Looking for Envoy, which is fetched once where it is missing');
  const binary = await envoyBinary(config.path);
  const store = await DenialStore.open(paths.database);
  try {
    return await partsAround(store, { config, view, paths, binary });
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

async function partsAround(store: DenialStore, found: Found): Promise<GatewayParts> {
  const { config, paths, view } = found;
  const rules = new RuleHistory();
  const log = await DenialLog.open({
    gateway: GATEWAY,
    accountId: config.accountId,
    store,
    findRule: (query) => rules.findRule(query),
    onDenial: (denial) => view.denial(denial),
    onUnreadableLines: (logFile, count) =>
      view.failure(`Cannot read ${count} lines of ${logFile}: what they recorded is not in the denial log`),
  });
  const envoy = envoyProcess(found, {
    // A torn last line of a killed Envoy must not swallow the first line of the next one.
    beforeStart: () => tail.rotate(),
    // What the dead Envoy had refused, for a taken port for example, the new one may take.
    afterRestart: () => applier.envoyRestarted(),
  });
  const tail = logTail(found, log, envoy);
  const applier = new ConfigApplier({ directory: paths.envoy, admin: envoy.admin, files: atomicFiles });
  const ports = await EntrancePorts.open({
    path: paths.ports,
    address: config.listenAddress,
    range: config.ports,
    files: atomicFiles,
  });
  const report = new WorldReport(view);
  return {
    paths,
    view,
    store,
    ports,
    rules,
    envoy,
    applier,
    tail,
    settings: settingsOf(config, paths),
    report,
  };
}

interface EnvoyHooks {
  readonly beforeStart: () => Promise<void>;
  readonly afterRestart: () => void;
}

function envoyProcess({ config, view, paths, binary }: Found, hooks: EnvoyHooks): EnvoyProcess {
  return new EnvoyProcess({
    directory: paths.envoy,
    binary,
    files: atomicFiles,
    ...(config.concurrency === undefined ? {} : { concurrency: config.concurrency }),
    beforeStart: hooks.beforeStart,
    onExit: (exit) =>
      view.failure(`Envoy (pid ${exit.pid}) is gone: ${describeExit(exit)}; starting it again`),
    onRestart: ({ pid, error }) => {
      hooks.afterRestart();
      if (error === undefined) view.progress(`Started Envoy again (pid ${pid})`);
      else view.failure(`${error.message}; trying again`);
    },
  });
}

function logTail({ config, view, paths }: Found, log: DenialLog, envoy: EnvoyProcess): LogTail {
  return new LogTail({
    folder: paths.envoyLog,
    files: atomicFiles,
    consume: (batch) => log.consume(batch),
    ...(config.rotateLogBytes === undefined ? {} : { maxBytes: config.rotateLogBytes }),
    reopenLogs: () => envoy.admin.reopenLogs(),
    onTornLine: ({ logFile, bytes }) =>
      view.failure(`Envoy ended in the middle of a log line: ${bytes} bytes of ${logFile} are lost`),
    onSkippedLine: ({ logFile, bytes }) =>
      view.failure(`A log line of ${bytes} bytes in ${logFile} is too long and was left out`),
    onFailure: (error) => view.failure(error.message),
  });
}

function settingsOf(config: RunConfig, paths: StatePaths): GatewaySettings {
  return {
    directory: paths.envoy,
    resolvers: config.resolvers,
    openRanges: config.openRanges,
    maxConnectionsPerEntrance: config.maxConnections,
  };
}
