// Makes the parts of embedded mode: those of every gateway, and the denial log, the remembered ports and the view.
// Nothing is started here but the store; run.ts says in which order the rest starts and stops.
import type { RunConfig } from '../config.ts';
import * as atomicFiles from '../deliver/atomic-file.ts';
import { DenialStore } from '../denials/denial-store.ts';
import { describeSetAside } from '../denials/set-aside.ts';
import { describeExit } from '../gateway/process/running-envoy.ts';
import { CUT_MARK } from '../model/access-log-line.ts';
import { USUAL_CLUSTER_DOMAIN } from '../model/stamp.ts';
import { MAX_CONNECTIONS } from '../render/envoy/bootstrap.ts';
import { DenialLog } from './denial-log.ts';
import { EntrancePorts } from './entrance-ports.ts';
import { GatewayDns } from './gateway-dns.ts';
import {
  type GatewayHooks,
  type GatewayParts,
  type GatewayPlace,
  gatewayParts,
  prepareGateway,
} from './gateway-parts.ts';
import { RuleHistory } from './rule-history.ts';
import type { RunView } from './run-view.ts';
import { WorldReport } from './world-report.ts';

/** The gateway's name in event ids. */
const GATEWAY = 'local';

export interface RunParts extends GatewayParts {
  readonly dns: GatewayDns;
  readonly view: RunView;
  readonly store: DenialStore;
  readonly ports: EntrancePorts;
  readonly rules: RuleHistory;
  readonly report: WorldReport;
}

/** Throws, with nothing left open, where the address, the state directory or Envoy cannot be had. */
export async function assembleParts(config: RunConfig, view: RunView): Promise<RunParts> {
  view.progress('Looking for Envoy, which is fetched once where it is missing');
  const place = await prepareGateway(config);
  for (const note of place.notes) view.progress(note);
  const store = await DenialStore.open(place.paths.database);
  if (store.setAside !== undefined) view.failure(describeSetAside(store.path, store.setAside));
  try {
    return await partsAround(store, { config, view, place });
  } catch (error) {
    await store.close();
    throw error;
  }
}

interface Found {
  readonly config: RunConfig;
  readonly view: RunView;
  readonly place: GatewayPlace;
}

async function partsAround(store: DenialStore, { config, view, place }: Found): Promise<RunParts> {
  const rules = new RuleHistory();
  const log = await DenialLog.open({
    gateway: GATEWAY,
    accountId: config.accountId,
    store,
    findRule: (query) => rules.findRule(query),
    isStillAllowed: (query) => rules.isStillAllowed(query),
    onDenial: (denial) => view.denial(denial),
    onUnreadableLines: (logFile, count) =>
      view.failure(`Cannot read ${count} lines of ${logFile}: what they recorded is not in the denial log`),
    onCutLines: (logFile, count) =>
      view.failure(
        `${count} lines of ${logFile} are too long: their rows have texts that end with "${CUT_MARK}"`,
      ),
  });
  const ports = await EntrancePorts.open({
    path: place.paths.ports,
    address: config.listenAddress,
    range: config.ports,
    files: atomicFiles,
  });
  const hooks = hooksOf(log, view);
  return {
    ...gatewayParts(config, place, hooks),
    dns: new GatewayDns({
      config,
      hooks,
      folder: place.paths.envoyLog,
      clusterNames: { domain: USUAL_CLUSTER_DOMAIN, findService: () => undefined },
      clusterDns: [],
      onProblem: (sentence) => view.failure(sentence),
    }),
    view,
    store,
    ports,
    rules,
    report: new WorldReport(view),
  };
}

function hooksOf(log: DenialLog, view: RunView): GatewayHooks {
  return {
    consume: (batch) => log.consume(batch),
    onEnvoyExit: (exit) =>
      view.failure(`Envoy (pid ${exit.pid}) is gone: ${describeExit(exit)}; starting it again`),
    onEnvoyRestart: ({ pid, error }) => {
      if (error === undefined) view.progress(`Started Envoy again (pid ${pid})`);
      else view.failure(`${error.message}; trying again`);
    },
    onTornLine: ({ logFile, bytes }) =>
      view.failure(`A log line was not written to its end: ${bytes} bytes of ${logFile} are lost`),
    onLogFailure: (error) => view.failure(error.message),
    onRefusedConnections: (connections) =>
      view.failure(
        `Envoy closed ${connections} connections at once: it has ${MAX_CONNECTIONS} open, and takes no more`,
      ),
    onAdminFailure: (error) => view.failure(error.message),
  };
}
