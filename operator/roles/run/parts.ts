// The parts of embedded mode: those of every gateway, and the denial log, the stored ports and the view. Starts only
// the store; process.ts starts the rest, in its order.
import { join } from 'node:path';
import type { RunConfig } from '../../config.ts';
import {
  type GatewayHooks,
  type GatewayParts,
  gatewayParts,
  prepareGateway,
} from '../../gateway/gateway-parts.ts';
import { ListenerPorts } from '../../gateway/ports/listener-ports.ts';
import { describeExit } from '../../gateway/process/running-envoy.ts';
import * as atomicFiles from '../../lib/atomic-file.ts';
import { USUAL_CLUSTER_DOMAIN } from '../../model/stamp.ts';
import { DenialLogProcess } from '../denial-log/process.ts';
import { InboundServers } from '../shared/inbound-servers.ts';
import { FolderPlans } from './folder-plans.ts';
import { IngressGate, type IngressGateOptions } from './ingress-gate.ts';
import { StateReport } from './state-report.ts';
import type { RunView } from './view.ts';

/** The gateway's name in event ids. */
const GATEWAY = 'local';
/** A name of its own: both have log files of the same names. */
const INGRESS_GATEWAY = 'local-ingress';

/** There are no Services without a cluster. */
const NO_SERVICES = {
  clusterNames: { domain: USUAL_CLUSTER_DOMAIN, findService: () => undefined },
  clusterDns: [],
};

export interface RunProcessParts extends GatewayParts {
  readonly view: RunView;
  readonly log: DenialLogProcess;
  readonly ports: ListenerPorts;
  readonly report: StateReport;
  readonly ingress: InboundServers;
  readonly ingressPlans: FolderPlans;
  readonly makeIngressGate: (onEndpoints: IngressGateOptions['onEndpoints']) => IngressGate;
}

/** Throws, with nothing left open, where the address, the state directory or Envoy is not available. */
export async function assembleParts(config: RunConfig, view: RunView): Promise<RunProcessParts> {
  view.progress('Finding Envoy, which is downloaded once where it is missing');
  const place = await prepareGateway(config);
  for (const note of place.notes) view.progress(note);
  const gateway = gatewayParts(config, place, hooksOf(view), NO_SERVICES);
  const ports = await ListenerPorts.open({
    path: place.paths.ports,
    address: config.listenAddress,
    range: config.ports,
    files: atomicFiles,
  });
  const log = await DenialLogProcess.start({
    gateway: GATEWAY,
    accountId: config.accountId,
    database: place.paths.database,
    querySocket: place.paths.querySocket,
    querySecret: place.paths.querySecret,
    spools: place.paths.envoyLog,
    envoyAdminSocket: join(place.paths.envoy, 'admin.sock'),
    inbound: {
      gateway: INGRESS_GATEWAY,
      spools: place.paths.ingressLog,
      envoyAdminSocket: join(place.paths.ingressEnvoy, 'admin.sock'),
      hits: place.paths.hits,
    },
    rotateLogBytes: config.rotateLogBytes,
    spoolBytes: config.spoolBytes,
    rowsPerSecond: config.denialRowsPerSecond,
    retentionMs: config.retentionMs,
    maxBytes: config.retentionBytes,
    shownPerSecond: view.denialsPerSecond,
    view,
    reopenDnsLog: () => gateway.dns.reopenLog(),
  });
  const ingressPlans = await FolderPlans.open(place.paths.ingressPlans);
  const ingress = new InboundServers({
    plans: () => ingressPlans.current,
    listenAddress: config.listenAddress,
    authorize: config.authorize,
    accountId: config.accountId,
    spools: place.paths.ingressLog,
    onServing: (url) => view.progress(`Proxies may ask ${url}`),
    onFailure: (sentence) => view.failure(sentence),
  });
  const report = new StateReport(view);
  return {
    ...{ ...gateway, view, log, ports, ingress, ingressPlans, report },
    makeIngressGate: (onEndpoints) =>
      new IngressGate({
        config,
        place,
        hooks: hooksOf(view, 'Envoy for ingress'),
        onRefused: (denied) => ingress.recordRefused(denied),
        view,
        report,
        onEndpoints,
      }),
  };
}

function hooksOf(view: RunView, what = 'Envoy'): GatewayHooks {
  return {
    onEnvoyStart: (how, pid) =>
      view.progress(
        how === 'adopted'
          ? `Adopted the ${what} that still runs (pid ${pid})`
          : `Started ${what} (pid ${pid})`,
      ),
    onEnvoyExit: (exit) =>
      view.failure(`${what} (pid ${exit.pid}) is gone: ${describeExit(exit)}; starting it again`),
    onEnvoyRestart: ({ pid, error }) => {
      if (error === undefined) view.progress(`Started ${what} again (pid ${pid})`);
      else view.failure(`${error.message}; trying again`);
    },
    onFailure: (_what, error) => view.failure(error.message),
    onTrouble: (_what, sentence) => view.failure(sentence),
  };
}
