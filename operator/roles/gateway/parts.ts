// The parts of the agent: those of every gateway, and its connection to the API server. Starts nothing; process.ts
// does, in its order.
import type { Registry } from 'prom-client';
import type { GatewayConfig } from '../../cluster-config.ts';
import type { GatewayReporter } from '../../deliver/kubernetes/gateway-reporter.ts';
import { measureDenials } from '../../denials/reading/denial-metrics.ts';
import { outboundReader } from '../../denials/reading/read-denials.ts';
import { RuleHistory } from '../../denials/reading/rule-history.ts';
import { EntryUseReporter } from '../../denials/shipping/entry-use-reporter.ts';
import { OUTBOUND_SHAPE } from '../../denials/store/row-shapes.ts';
import { type GatewayParts, gatewayParts, prepareGateway } from '../../gateway/gateway-parts.ts';
import { DNS_LOG, type Spools } from '../../gateway/log/spools.ts';
import { type GatewayMemory, readMemory } from '../../gateway/state/gateway-memory.ts';
import { connectKubernetes } from '../../lib/kubernetes/connect-kubernetes.ts';
import type { KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { measureRequests } from '../../lib/kubernetes/request-metrics.ts';
import type { Logger } from '../../lib/logger.ts';
import { roleRegistry } from '../../lib/loop-metrics.ts';
import type { Denial } from '../../model/denial.ts';
import { DENIAL_COLUMNS } from '../../model/denial-columns.ts';
import { accountUser, GATEWAY_ACCOUNT, POD_NAME_EXTRA } from '../../model/system-names.ts';
import { ClusterServices } from '../../sources/kubernetes/cluster-services.ts';
import { CompiledSource } from '../../sources/kubernetes/compiled-source.ts';
import type { ReflectorFailure } from '../../sources/kubernetes/reflector.ts';
import { measureReflectorFailures } from '../../sources/kubernetes/reflector-metrics.ts';
import { loggingHooks } from '../shared/envoy-hooks.ts';
import { outputSink } from '../shared/output-sink.ts';
import { ownReport } from '../shared/own-report.ts';
import { envoyLog, logFaults, openRowSpools } from '../shared/row-spools.ts';
import { type Shipping, shipRows } from '../shared/ship-rows.ts';
import { UnsentReport } from '../shared/unsent-report.ts';
import { EndpointWriter } from './endpoint-writer.ts';

export interface GatewayProcessParts extends GatewayParts {
  readonly config: GatewayConfig;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly api: KubernetesApi;
  readonly memory: GatewayMemory;
  readonly spools: Spools;
  /** Undefined: rows are lines on the output. */
  readonly shipping: Shipping<Denial> | undefined;
  /** Tells the collector how often entries are used. */
  readonly useReporter: EntryUseReporter | undefined;
  /** Undefined as shipping. */
  readonly unsent: UnsentReport | undefined;
  /** Services of the cluster, for the DNS. */
  readonly services: ClusterServices;
  readonly source: CompiledSource;
  readonly reporter: GatewayReporter;
  readonly endpoints: EndpointWriter;
  readonly rules: RuleHistory;
}

export interface GatewayProcessHooks {
  /** A table or a plan has changed. */
  readonly onChange: () => void;
  /** Envoy has exited, or a new one has started. */
  readonly onEnvoyChange: () => void;
}

/** Throws where the state directory, Envoy or the kubeconfig is not available. */
export async function assembleParts(
  config: GatewayConfig,
  logger: Logger,
  hooks: GatewayProcessHooks,
): Promise<GatewayProcessParts> {
  const { systemNamespace: namespace, podName } = config;
  const registry = roleRegistry();
  const countFailure = measureReflectorFailures(registry);
  const place = await prepareGateway(config, { mayBeVolume: true });
  for (const note of place.notes) logger.info('noticed at the start', { note });
  const memory = await readMemory(place.paths);
  const api = await connectKubernetes({
    kubeconfig: config.kubeconfig,
    podServer: config.podServer,
    actAs: {
      user: accountUser(namespace, GATEWAY_ACCOUNT),
      extra: { [POD_NAME_EXTRA]: podName },
    },
    onRequest: measureRequests(registry),
  });
  const rules = new RuleHistory();
  const onWatchFailure = ({ reflector, error, retryInMs }: ReflectorFailure): void => {
    countFailure(reflector);
    logger.warn('a watch failed and is tried again', { reflector, error, retryInMs });
  };
  const services = new ClusterServices({ api, onFailure: onWatchFailure });
  const source = new CompiledSource({
    api,
    namespace,
    lastGood: memory.compiled ?? { tables: [], plans: [] },
    onChange: hooks.onChange,
    onFailure: onWatchFailure,
  });
  const agent = { api, namespace, podName, source, registry, logger };
  const endpoints = new EndpointWriter({ ...agent, onWatchFailure });
  const reporter = ownReport({ api, namespace, podName, logger });
  const gateway = gatewayParts(config, place, loggingHooks(logger, hooks.onEnvoyChange), {
    clusterNames: {
      domain: config.clusterDomain,
      findService: (serviceNamespace, name) => services.find(serviceNamespace, name),
    },
    clusterDns: config.clusterDns,
  });
  const shipping =
    config.collector &&
    shipRows<Denial>(config.collector, 'outbound', { api, namespace, onFailure: onWatchFailure });
  const spools = await spoolsOf({ ...gateway, config, rules, logger, registry, shipping });
  const useReporter = shipping && reportUses(shipping, { uses: gateway.uses, source, logger });
  const unsent =
    shipping && new UnsentReport({ log: spools, stateOf: () => spools.state(), reporter, logger });
  const cluster = { api, source, services, reporter, endpoints, useReporter };
  return { ...gateway, ...cluster, spools, shipping, unsent, config, logger, registry, memory, rules };
}

function reportUses(
  { ask }: Pick<Shipping<Denial>, 'ask'>,
  { uses, source, logger }: Pick<GatewayProcessParts, 'uses' | 'source' | 'logger'>,
): EntryUseReporter {
  return new EntryUseReporter({
    ask,
    counted: () => {
      const { countedToMs: toMs } = uses;
      if (toMs === undefined || !source.hasSynced()) return undefined;
      const byPolicy = Map.groupBy(source.read().plans, ({ spec }) => spec.networkPolicyId);
      const workspaceOf = (policy: string): string | null => {
        const [only, ...others] = byPolicy.get(policy) ?? [];
        return others.length === 0 ? (only?.metadata.name ?? null) : null;
      };
      return { toMs, uses: uses.snapshot(), workspaceOf };
    },
    onFailure: (error) =>
      logger.warn('how often destinations are used could not be sent and is sent again', { error }),
  });
}

type SpoolReaders = Pick<
  GatewayProcessParts,
  'config' | 'paths' | 'envoy' | 'dns' | 'rules' | 'logger' | 'registry' | 'shipping'
>;

async function spoolsOf({
  config,
  paths,
  envoy,
  dns,
  rules,
  logger,
  registry,
  shipping,
}: SpoolReaders): Promise<Spools> {
  const count = measureDenials(registry);
  return openRowSpools({
    gateway: config.podName,
    rowsPerSecond: config.denialRowsPerSecond,
    shape: OUTBOUND_SHAPE,
    reader: outboundReader({
      accountId: config.accountId,
      findRule: (query) => rules.findRule(query),
      isStillAllowed: (query) => rules.isStillAllowed(query),
    }),
    sink: shipping?.sink ?? outputSink(logger, 'denial', DENIAL_COLUMNS),
    countsLossesOfSink: true,
    onDenials: (denials) => denials.forEach(count),
    ...logFaults(logger, registry),
    folder: paths.envoyLog,
    logs: [
      envoyLog(envoy.admin),
      { name: DNS_LOG, reopen: () => dns.reopenLog(), writes: () => Promise.resolve(dns.logWrites) },
    ],
    maxBytes: config.rotateLogBytes,
    budgetBytes: config.spoolBytes,
  });
}
