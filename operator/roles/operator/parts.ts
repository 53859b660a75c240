// Makes the parts of the operator: reflectors on one side, writers on the other. Nothing is started here; process.ts
// says in which order things start and stop.
import type { Registry } from 'prom-client';
import type { OperatorConfig } from '../../cluster-config.ts';
import { canaryScene } from '../../deliver/kubernetes/canary/canary-scene.ts';
import { measureIsolation } from '../../deliver/kubernetes/canary/isolation-metrics.ts';
import { IsolationProbe } from '../../deliver/kubernetes/canary/isolation-probe.ts';
import { DeadlineEnforcer } from '../../deliver/kubernetes/deadline-enforcer.ts';
import { type DeliveryMetrics, measureDelivery } from '../../deliver/kubernetes/delivery-metrics.ts';
import { EventRecorder, type EventRecorderOptions } from '../../deliver/kubernetes/event-recorder.ts';
import { LeaderLease } from '../../deliver/kubernetes/leader-lease.ts';
import { ObjectWriter } from '../../deliver/kubernetes/object-writer.ts';
import { PodWriteMemory } from '../../deliver/kubernetes/pod-write-memory.ts';
import { measureRestarts } from '../../deliver/kubernetes/restart-metrics.ts';
import { RestartReport } from '../../deliver/kubernetes/restart-report.ts';
import { StatusReport } from '../../deliver/kubernetes/status-report.ts';
import { connectKubernetes } from '../../lib/kubernetes/connect-kubernetes.ts';
import type { KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { measureRequests } from '../../lib/kubernetes/request-metrics.ts';
import type { Logger } from '../../lib/logger.ts';
import { SYSTEM_CLOCK } from '../../lib/loop.ts';
import { roleRegistry } from '../../lib/loop-metrics.ts';
import { WRITTEN_RESOURCES } from '../../model/cluster-resources.ts';
import { objectsOf } from '../../model/snapshot.ts';
import { accountUser, EVENT_CONTROLLER, LEASE_NAME, OPERATOR_ACCOUNT } from '../../model/system-names.ts';
import { ClusterSource } from '../../sources/kubernetes/cluster-source.ts';
import { measureReflectorFailures } from '../../sources/kubernetes/reflector-metrics.ts';
import { StaleOwners } from '../../sources/kubernetes/stale-owners.ts';
import { AddressCheck } from './address-check.ts';
import { InstallationCheck } from './installation-check.ts';

/** What is wired together; each part has a lifetime of its own. */
export interface OperatorProcessParts {
  readonly config: OperatorConfig;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly metrics: DeliveryMetrics;
  readonly api: KubernetesApi;
  readonly source: ClusterSource;
  readonly installation: InstallationCheck;
  readonly addresses: AddressCheck;
  readonly lease: LeaderLease;
  readonly writer: ObjectWriter;
  readonly recorder: EventRecorder;
  readonly restartReport: RestartReport;
  readonly statusReport: StatusReport;
  readonly staleOwners: StaleOwners;
  readonly podMemory: PodWriteMemory;
  readonly deadlines: DeadlineEnforcer;
  /** Undefined: isolation is not measured. */
  readonly probe: IsolationProbe | undefined;
}

interface OperatorHooks {
  readonly onChange: () => void;
  /** Port of the health checks, once they are served. */
  readonly healthPort: () => number;
}

/** Throws where the API server cannot be found. */
export async function assembleParts(
  config: OperatorConfig,
  logger: Logger,
  { onChange, healthPort }: OperatorHooks,
): Promise<OperatorProcessParts> {
  const registry = roleRegistry();
  const metrics = measureDelivery(registry);
  const countFailure = measureReflectorFailures(registry);
  const api = await connectKubernetes({
    kubeconfig: config.kubeconfig,
    podServer: config.podServer,
    actAs: { user: accountUser(config.systemNamespace, OPERATOR_ACCOUNT) },
    onRequest: measureRequests(registry),
  });
  const source = new ClusterSource({
    api,
    systemNamespace: config.systemNamespace,
    canaryNamespace: config.canaries?.namespace,
    onChange,
    onFailure: ({ reflector, error, retryInMs }) => {
      countFailure(reflector);
      logger.warn('a watch failed and is tried again', { reflector, error, retryInMs });
    },
  });
  const installation = new InstallationCheck({ api, logger, onChange });
  const lease = leaderLease(api, config, { logger, metrics, onChange });
  const writer = new ObjectWriter({
    api,
    resources: WRITTEN_RESOURCES,
    versionedKinds: ['EgressTable', 'WorkspacePlan', 'IngressPlan'],
    mayWrite: () => lease.isLeader(),
    onWrite: metrics.objectWrite,
  });
  const reports = statusReports(api, config, { logger, metrics, registry, lease });
  const staleOwners = ownersOfStalePods(api, logger, onChange);
  const podMemory = new PodWriteMemory();
  const deadlines = new DeadlineEnforcer({
    ...{ api, logger, recorder: reports.recorder, nowMs: Date.now, podMemory },
    mayWrite: () => lease.isLeader(),
  });
  const parts = {
    ...{ config, logger, registry, metrics, api, source, installation, lease, writer },
    ...{ ...reports, staleOwners, podMemory, deadlines },
  };
  return {
    ...parts,
    addresses: addressCheck(parts, onChange),
    probe: isolationProbe(parts, { onChange, healthPort }),
  };
}

function leaderLease(
  api: KubernetesApi,
  config: OperatorConfig,
  {
    logger,
    metrics,
    onChange,
  }: Pick<OperatorProcessParts, 'logger' | 'metrics'> & Pick<OperatorHooks, 'onChange'>,
): LeaderLease {
  return new LeaderLease({
    api,
    namespace: config.systemNamespace,
    name: LEASE_NAME,
    identity: config.identity,
    onChange: (isLeader) => {
      metrics.leader(isLeader);
      logger.info(isLeader ? 'became leader' : 'lost leadership');
      onChange();
    },
    onFailure: (error) => logger.warn('the lease could not be renewed', { error }),
  });
}

function statusReports(
  api: KubernetesApi,
  { identity: instance }: OperatorConfig,
  {
    logger,
    metrics,
    registry,
    lease,
  }: Pick<OperatorProcessParts, 'logger' | 'metrics' | 'registry' | 'lease'>,
): Pick<OperatorProcessParts, 'recorder' | 'restartReport' | 'statusReport'> {
  const onDropped: EventRecorderOptions['onDropped'] = ({ reason, regarding }, error) => {
    metrics.eventDropped();
    const object = `${regarding.kind}/${regarding.name}`;
    logger.warn('an Event was not recorded', { reason, object, error });
  };
  const mayWrite = (): boolean => lease.isLeader();
  const recorder = new EventRecorder({ api, instance, onDropped });
  const reporter = { api, controller: EVENT_CONTROLLER, instance };
  const restartReport = new RestartReport({ reporter, logger, mayWrite, onDropped });
  measureRestarts(registry, () => restartReport.restarts);
  const statusReport = new StatusReport({ api, recorder, restartReport, logger, mayWrite });
  return { recorder, restartReport, statusReport };
}

function ownersOfStalePods(api: KubernetesApi, logger: Logger, onChange: () => void): StaleOwners {
  return new StaleOwners({
    ...{ api, onChange, clock: SYSTEM_CLOCK },
    onFailure: ({ owners, owner, error }) =>
      logger.warn('owners of pods could not be read, and are asked for again', { owners, owner, error }),
  });
}

type FirstParts = Omit<OperatorProcessParts, 'addresses' | 'probe'>;

function addressCheck(
  { config, api, logger, recorder, source, lease }: FirstParts,
  onChange: () => void,
): AddressCheck {
  return new AddressCheck({
    ...{ api, logger, recorder, onChange },
    systemNamespace: config.systemNamespace,
    mayLook: () => lease.isLeader() && source.hasSynced(),
    workspaces: () => {
      const { snapshot } = source.read().state;
      return new Set(objectsOf(snapshot, 'Workspace').map(({ metadata }) => metadata.name));
    },
  });
}

function isolationProbe(
  { config, logger, registry, api, source, lease, recorder }: FirstParts,
  { onChange, healthPort }: OperatorHooks,
): IsolationProbe | undefined {
  const { canaries } = config;
  if (canaries === undefined) return undefined;
  const { image, namespace, intervalMs, operatorAddress } = canaries;
  const onAnswer = measureIsolation(registry, () => probe.measurements());
  const probe: IsolationProbe = new IsolationProbe({
    ...{ api, logger, image, namespace, intervalMs, onAnswer, onChange },
    mayWrite: () => lease.isLeader(),
    scene: () => {
      if (!source.hasSynced()) return undefined;
      const settings = { namespace, operatorAddress, operatorPort: healthPort() };
      return canaryScene(source.read().state, settings);
    },
    record: (event) => recorder.record(event),
  });
  return probe;
}
