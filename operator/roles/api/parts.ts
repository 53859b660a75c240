// Makes the parts of `sallyport api`: plans to know workspaces and their lists by, the report of who administers them
// from where and of what lists decided, and the store, which has the rights of each caller. Nothing is started here.
import { Gauge, type Registry } from 'prom-client';
import { Administrators } from '../../api/administrators.ts';
import { measureAnswers } from '../../api/answer-metrics.ts';
import { type ApiServer, createApiServer } from '../../api/server.ts';
import { ClusterStore } from '../../api/store/cluster-store.ts';
import { WorkspaceDirectory } from '../../api/workspace-directory.ts';
import type { ApiConfig } from '../../cluster-config.ts';
import { CallerReporter } from '../../deliver/kubernetes/caller-reporter.ts';
import { connectKubernetes, connectWithTokens } from '../../lib/kubernetes/connect-kubernetes.ts';
import type { KubernetesApi, TokenApis } from '../../lib/kubernetes/kubernetes-api.ts';
import { measureRequests } from '../../lib/kubernetes/request-metrics.ts';
import type { Logger } from '../../lib/logger.ts';
import { roleRegistry } from '../../lib/loop-metrics.ts';
import { API_ACCOUNT, accountUser, POD_NAME_EXTRA } from '../../model/system-names.ts';
import { IngressPlanSource } from '../../sources/kubernetes/ingress-plan-source.ts';
import type { ReflectorFailure } from '../../sources/kubernetes/reflector.ts';
import { measureReflectorFailures } from '../../sources/kubernetes/reflector-metrics.ts';
import type { CallerRows } from './caller-rows.ts';
import { InboundRows } from './inbound-rows.ts';
import { ShippedRows } from './shipped-rows.ts';

export interface ApiParts {
  readonly registry: Registry;
  readonly api: KubernetesApi;
  readonly tokens: TokenApis;
  readonly source: IngressPlanSource;
  readonly reporter: CallerReporter;
  readonly rows: CallerRows;
  readonly server: ApiServer;
}

/** Of 200 clients at once each may wait for one of these. */
const CONNECTIONS = 64;

/** Throws where the API server cannot be found, or a directory for rows is needed and not available. */
export async function assembleParts(config: ApiConfig, logger: Logger): Promise<ApiParts> {
  const registry = roleRegistry();
  const countFailure = measureReflectorFailures(registry);
  const { kubeconfig, podServer, systemNamespace, podName, accountId, defaultWorkspace, trustedProxies } =
    config;
  const onRequest = measureRequests(registry);
  const actAs = {
    user: accountUser(systemNamespace, API_ACCOUNT),
    extra: { [POD_NAME_EXTRA]: podName },
  };
  const api = await connectKubernetes({ kubeconfig, podServer, actAs, onRequest });
  const tokens = await connectWithTokens({ kubeconfig, podServer, onRequest, connections: CONNECTIONS });
  const watch = {
    ...{ api, namespace: systemNamespace },
    onFailure: ({ reflector, error, retryInMs }: ReflectorFailure) => {
      countFailure(reflector);
      logger.warn('a watch failed and is tried again', { reflector, error, retryInMs });
    },
  };
  const source = new IngressPlanSource({ ...watch, onChange: () => undefined });
  const administrators = new Administrators();
  const common = { logger, registry, plans: () => source.read() };
  const { collector } = config;
  const rows =
    collector === undefined
      ? new InboundRows({ accountId, podName, ...common })
      : await ShippedRows.open({ config, collector, authority: watch, ...common });
  const reporter = createReporter(config, { api, administrators, rows, registry, logger });
  const server = createApiServer({
    accountId,
    store: new ClusterStore(tokens),
    directory: new WorkspaceDirectory(() => source.read(), { systemNamespace, defaultWorkspace }),
    trustedProxies,
    notReady: () => (source.hasSynced() ? undefined : 'Cannot answer yet: the workspaces are being read'),
    onJudged: (line) => rows.write(line),
    onAdministered: (who) => {
      if (administrators.note(who, Date.now())) reporter.report();
    },
    onFault: (error) => logger.error('a request failed', { error }),
    onAnswer: measureAnswers(registry),
  });
  return { registry, api, tokens, source, reporter, rows, server };
}

interface ReporterParts extends Pick<ApiParts, 'api' | 'registry' | 'rows'> {
  readonly administrators: Administrators;
  readonly logger: Logger;
}

function createReporter(
  { systemNamespace, podName }: ApiConfig,
  { api, administrators, rows, registry, logger }: ReporterParts,
): CallerReporter {
  const reporter = new CallerReporter({
    api,
    namespace: systemNamespace,
    podName,
    callers: () => administrators.recent(Date.now()),
    listHits: () => rows.listHits(),
    onFormer: (callers) => administrators.add(callers),
    onFailure: (error) =>
      logger.warn(
        'changes by kubectl are not guarded against lock-outs, and hits of lists are not counted: the CallerReport is not written',
        { podName, error },
      ),
    onRecovery: () => logger.info('the CallerReport is written again', { podName }),
  });
  new Gauge({
    name: 'sallyport_api_lock_out_guarded',
    help: 'Whether the operator is told who administers from where, so that changes by kubectl shut nobody out',
    registers: [registry],
    collect() {
      this.set(reporter.isFailing ? 0 : 1);
    },
  });
  return reporter;
}
