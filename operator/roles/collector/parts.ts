// Makes the parts of `sallyport collector`: the store, the connection to the API server, the server with its certificate,
// and retention. Nothing is started here but what must be there first: the directory, the store and the certificate.
import { hostname } from 'node:os';
import { Counter, type Registry } from 'prom-client';
import type { CollectorConfig } from '../../cluster-config.ts';
import { admitPersons } from '../../denials/collector/admit-person.ts';
import { answerBackups } from '../../denials/collector/answer-backup.ts';
import { answerQueries } from '../../denials/collector/answer-query.ts';
import { authenticateByApiServer } from '../../denials/collector/authenticate-callers.ts';
import { countDenials, measureCollector } from '../../denials/collector/collector-metrics.ts';
import { type CollectorServer, createCollectorServer } from '../../denials/collector/collector-server.ts';
import { IsolatedQueries } from '../../denials/collector/isolated-queries.ts';
import { readableByApiServer } from '../../denials/collector/readable-workspaces.ts';
import { currentTls } from '../../denials/collector/server-certificate.ts';
import { measureLoss } from '../../denials/reading/denial-metrics.ts';
import { isDamage } from '../../denials/store/duckdb/open-database.ts';
import { connectKubernetes } from '../../lib/kubernetes/connect-kubernetes.ts';
import type { KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { measureRequests } from '../../lib/kubernetes/request-metrics.ts';
import type { Logger } from '../../lib/logger.ts';
import { Loop, SYSTEM_CLOCK } from '../../lib/loop.ts';
import { roleRegistry } from '../../lib/loop-metrics.ts';
import { accountUser, COLLECTOR_ACCOUNT, DENIAL_EVENT_CONTROLLER } from '../../model/system-names.ts';
import { assignmentLookup } from '../../sources/kubernetes/assignment-of.ts';
import { DenialEvents } from '../shared/denial-events.ts';
import { createPodIdentity, type PodIdentity } from '../shared/pod-identity.ts';
import { ClockLog } from './clock-log.ts';
import { GoneGateways } from './gone-gateways.ts';
import { RequestLog } from './request-log.ts';
import { openRowStore, type RowStore } from './row-store.ts';

export interface CollectorParts {
  readonly registry: Registry;
  readonly api: KubernetesApi;
  readonly store: RowStore;
  readonly server: CollectorServer;
  readonly isolated: IsolatedQueries;
  /** Who was denied. */
  readonly identity: PodIdentity;
  readonly events: DenialEvents;
  /** Renews the certificate, and follows what others change of it. */
  readonly certificates: Loop;
  /** Counts what gateways had not sent when their pods were gone. */
  readonly goneGateways: GoneGateways;
  readonly goneLooks: Loop;
}

const RETRY_MS = 10_000;
/** The kubelet takes as long to show a renewed one. */
const CERTIFICATE_MS = 60_000;
const GONE_MS = 60_000;

/** Throws where the state directory, the database or the API server is not available. */
export async function assembleParts(config: CollectorConfig, logger: Logger): Promise<CollectorParts> {
  const { kubeconfig, podServer, systemNamespace } = config;
  const registry = roleRegistry();
  const api = await connectKubernetes({
    kubeconfig,
    podServer,
    actAs: { user: accountUser(systemNamespace, COLLECTOR_ACCOUNT) },
    onRequest: measureRequests(registry),
  });
  const place = {
    ...{ api, systemNamespace, given: config.certificate },
    onFailure: (sentence: string, error: unknown) => logger.warn(sentence, { error }),
  };
  const tls = await currentTls(place, Date.now());
  const store = await openRowStore(config, logger, registry);
  const identity = createPodIdentity({ api, logger });
  const events = createEvents({ api, identity, registry, logger });
  const isolated = new IsolatedQueries();
  const server = createServer(config, { tls, api, store, identity, events, isolated, registry, logger });
  const gone = goneGateways({ api, systemNamespace, store, registry, logger });
  return {
    ...{ registry, api, store, identity, events, server, isolated, goneGateways: gone },
    certificates: repeated(CERTIFICATE_MS, async () => server.setTls(await currentTls(place, Date.now())), {
      onFailure: (error) =>
        logger.error('the certificate could not be looked at and is tried again', { error }),
    }),
    goneLooks: repeated(GONE_MS, () => gone.look(), {
      onFailure: (error) =>
        logger.warn('gateways that are gone could not be looked at, and are again later', { error }),
    }),
  };
}

function goneGateways({
  systemNamespace: namespace,
  api,
  store,
  registry,
  logger,
}: Pick<CollectorConfig, 'systemNamespace'> &
  Pick<CollectorParts, 'api' | 'store' | 'registry'> & { readonly logger: Logger }): GoneGateways {
  const countLoss = measureLoss(registry);
  const onLost = (gateway: string, lost: number): void => {
    countLoss('pod-gone', lost);
    logger.warn('denials are lost, and counted: at least so many were not sent when the pod was gone', {
      ...{ gateway, lost },
    });
  };
  return new GoneGateways({ api, namespace, store, onLost });
}

function createServer(
  { systemNamespace, store: place }: CollectorConfig,
  {
    tls,
    api,
    store,
    identity,
    events,
    isolated,
    registry,
    logger,
  }: Pick<CollectorParts, 'api' | 'store' | 'identity' | 'events' | 'isolated' | 'registry'> & {
    readonly tls: Parameters<CollectorServer['setTls']>[0];
    readonly logger: Logger;
  },
): CollectorServer {
  const { onStored, onRefused, onConnectionEnded } = measureCollector(
    registry,
    typeof place === 'string' ? place : 'clickhouse',
  );
  const outbound = countDenials(registry, events.outbound(store.outbound));
  const readable = readableByApiServer(api);
  const requests = new RequestLog(logger);
  const clocks = new ClockLog(logger);
  return createCollectorServer({
    ...{ tls, outbound, inbound: events.inbound(store.inbound) },
    onStored: (direction, stored) => {
      onStored(direction, stored);
      clocks.corrected(stored.gateway, stored.corrected);
    },
    uses: store.uses,
    authenticate: authenticateByApiServer({ api, systemNamespace }),
    identify: identity.identify,
    admitPerson: admitPersons({ log: store.log, readable, podNamespaces: identity.namespaces }),
    answerBackup: answerBackups({ log: store.log }),
    answerQuery: answerQueries({
      log: store.log,
      isolated,
      onRunaway: () => endProcess(logger, 'a query ignores its time limit'),
    }),
    onRefused: (status, sentence, request) => {
      onRefused(status, sentence, request);
      requests.refused(status, sentence, request);
    },
    onConnectionEnded: (reason) => {
      onConnectionEnded(reason);
      requests.ended(reason);
    },
    onFault: (error) => {
      requests.failed(error);
      // DuckDB uses such a database no more in this process; the next one reopens it, or sets it aside.
      if (isDamage(error)) endProcess(logger, 'the database cannot be used any more in this process');
    },
  });
}

function createEvents({
  api,
  identity,
  registry,
  logger,
}: Pick<CollectorParts, 'api' | 'identity' | 'registry'> & { readonly logger: Logger }): DenialEvents {
  const dropped = new Counter({
    name: 'sallyport_denial_events_dropped_total',
    help: 'Denials that no Event on their pod counts; all are in the denial log',
    registers: [registry],
  });
  const writes = new Counter({
    name: 'sallyport_denial_event_writes_total',
    help: 'Events about denials, by what the API server did with them; what failed is tried again',
    labelNames: ['result'],
    registers: [registry],
  });
  return new DenialEvents({
    reporter: { api, controller: DENIAL_EVENT_CONTROLLER, instance: hostname() },
    logger,
    objectsOf: identity.objectsOf,
    assignmentOf: assignmentLookup(api),
    onDropped: (denials) => dropped.inc(denials),
    onWrite: (result) => writes.inc({ result }),
  });
}

function endProcess(logger: Logger, reason: string): void {
  logger.error('the process ends, and the next one goes on', { reason });
  process.kill(process.pid, 'SIGKILL');
}

function repeated(
  everyMs: number,
  look: () => Promise<void>,
  { onFailure }: { readonly onFailure: (error: unknown) => void },
): Loop {
  return new Loop({
    job: async () => {
      await look();
      return {};
    },
    minIntervalMs: 1000,
    retryIntervalMs: RETRY_MS,
    maxIntervalMs: everyMs,
    clock: SYSTEM_CLOCK,
    onFailure,
  });
}
