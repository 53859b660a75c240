// The parts of an ingress gateway in a cluster: those of every ingress gateway, its log, and its connection to the API
// server. Starts nothing; process.ts does, in its order.
import { join } from 'node:path';
import type { Registry } from 'prom-client';
import type { IngressGatewayConfig } from '../../cluster-config.ts';
import type { GatewayReporter } from '../../deliver/kubernetes/gateway-reporter.ts';
import { type GatewayPlace, prepareGateway } from '../../gateway/gateway-parts.ts';
import { type IngressHooks, type IngressParts, ingressParts } from '../../gateway/ingress/ingress-parts.ts';
import { PlanMemory } from '../../gateway/ingress/plan-memory.ts';
import { EnvoyAdmin } from '../../gateway/process/envoy-admin.ts';
import { envoyMemoryBytes } from '../../gateway/process/envoy-memory.ts';
import { connectKubernetes } from '../../lib/kubernetes/connect-kubernetes.ts';
import type { KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { measureRequests } from '../../lib/kubernetes/request-metrics.ts';
import type { Logger } from '../../lib/logger.ts';
import { roleRegistry } from '../../lib/loop-metrics.ts';
import type { InboundDenial } from '../../model/inbound-denial.ts';
import type { IngressPlan } from '../../model/ingress-plan.ts';
import { accountUser, INGRESS_ACCOUNT, POD_NAME_EXTRA } from '../../model/system-names.ts';
import { IngressPlanSource } from '../../sources/kubernetes/ingress-plan-source.ts';
import type { ReflectorFailure } from '../../sources/kubernetes/reflector.ts';
import { measureReflectorFailures } from '../../sources/kubernetes/reflector-metrics.ts';
import { ServiceAddresses } from '../../sources/kubernetes/service-addresses.ts';
import { TlsSecrets } from '../../sources/kubernetes/tls-secrets.ts';
import { loggingHooks } from '../shared/envoy-hooks.ts';
import type { InboundLog } from '../shared/inbound-log.ts';
import { openInboundOutput } from '../shared/inbound-output.ts';
import { InboundServers } from '../shared/inbound-servers.ts';
import { ownReport } from '../shared/own-report.ts';
import { type Shipping, shipRows } from '../shared/ship-rows.ts';
import { UnsentReport } from '../shared/unsent-report.ts';

export interface IngressProcessParts extends IngressParts {
  readonly config: IngressGatewayConfig;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly api: KubernetesApi;
  readonly plans: IngressPlanSource;
  readonly services: ServiceAddresses;
  readonly secrets: TlsSecrets;
  readonly reporter: GatewayReporter;
  readonly log: InboundLog;
  /** Undefined: rows are lines on the output. */
  readonly shipping: Shipping<InboundDenial> | undefined;
  /** Undefined as shipping. */
  readonly unsent: UnsentReport | undefined;
  /** Undefined where nobody asks /authorize. */
  readonly memory: PlanMemory | undefined;
  /** /authorize; its answers are in the log, too. */
  readonly servers: InboundServers;
  /** The last step of stopping: another process may have the state directory. */
  readonly release: () => Promise<void>;
}

export interface IngressProcessHooks {
  /** A plan, or something that one names, has changed. */
  readonly onChange: () => void;
  /** Envoy has exited, or a new one has started. */
  readonly onEnvoyChange: () => void;
  /** Those whose rows can be written; undefined while they are not known. */
  readonly plans: () => readonly IngressPlan[] | undefined;
}

/** Throws where the state directory, Envoy or the kubeconfig is not available. */
export async function assembleParts(
  config: IngressGatewayConfig,
  logger: Logger,
  hooks: IngressProcessHooks,
): Promise<IngressProcessParts> {
  const { systemNamespace: namespace, podName, kubeconfig, podServer } = config;
  const registry = roleRegistry();
  const countFailure = measureReflectorFailures(registry);
  const place = await prepareGateway(config, { mayBeVolume: true });
  for (const note of place.notes) logger.info('noticed at the start', { note });
  const api = await connectKubernetes({
    kubeconfig,
    podServer,
    actAs: { user: accountUser(namespace, INGRESS_ACCOUNT), extra: { [POD_NAME_EXTRA]: podName } },
    onRequest: measureRequests(registry),
  });
  const onFailure = ({ reflector, error, retryInMs }: ReflectorFailure): void => {
    countFailure(reflector);
    logger.warn('a watch failed and is tried again', { reflector, error, retryInMs });
  };
  const watch = { api, onFailure, onChange: hooks.onChange };
  const memoryBytes = envoyMemoryBytes(config.envoyMemoryMb);
  const servers = new InboundServers({
    ...{ listenAddress: config.listenAddress, authorize: config.authorize, accountId: config.accountId },
    spools: place.paths.ingressLog,
    plans: hooks.plans,
    onServing: (url) => logger.info('proxies may ask', { url }),
    onFailure: (reason) => logger.warn('the log could not be written', { reason }),
  });
  const ingressHooks: IngressHooks = {
    ...loggingHooks(logger, hooks.onEnvoyChange),
    onRefused: (denied) => servers.recordRefused(denied),
    onStop: () => logger.info('Envoy was stopped: no workspace has hosts any more'),
  };
  const shipping =
    config.collector && shipRows<InboundDenial>(config.collector, 'inbound', { api, namespace, onFailure });
  const reporter = ownReport({ api, namespace, podName, logger });
  const log = await openLog(config, place, { logger, registry, shipping, servers });
  return {
    ...ingressParts(config, place, ingressHooks, memoryBytes),
    ...{ config, logger, registry, api, servers, release: place.release },
    plans: new IngressPlanSource({ ...watch, namespace }),
    services: new ServiceAddresses(watch),
    secrets: new TlsSecrets(watch),
    reporter,
    shipping,
    log,
    unsent: shipping && new UnsentReport({ log, stateOf: () => log.spoolsState(), reporter, logger }),
    memory: await memoryOf(config, place),
  };
}

async function memoryOf(
  { authorize }: IngressGatewayConfig,
  { paths }: GatewayPlace,
): Promise<PlanMemory | undefined> {
  const memory = new PlanMemory(paths.ingressPlans);
  if (authorize !== undefined) return memory;
  await memory.forget();
  return undefined;
}

function openLog(
  { podName, accountId, denialRowsPerSecond, rotateLogBytes, spoolBytes }: IngressGatewayConfig,
  { paths }: GatewayPlace,
  {
    logger,
    registry,
    shipping,
    servers,
  }: Pick<IngressProcessParts, 'logger' | 'registry' | 'shipping' | 'servers'>,
): Promise<InboundLog> {
  const admin = new EnvoyAdmin(join(paths.ingressEnvoy, 'admin.sock'));
  return openInboundOutput({
    ...{ accountId, logger, registry, sink: shipping?.sink },
    gateway: podName,
    spools: paths.ingressLog,
    hits: paths.hits,
    rowsPerSecond: denialRowsPerSecond,
    admin,
    ownWrites: () => servers.writes,
    maxBytes: rotateLogBytes,
    budgetBytes: spoolBytes,
  });
}
