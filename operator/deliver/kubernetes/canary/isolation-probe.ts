// Measures, again and again, whether the network of each node enforces KubeNetworkPolicies, by canary pods. Only the
// leader does, beside its passes, which must not wait for pods. Out: measurements, which statuses are computed from.
import type { KubernetesApi } from '../../../lib/kubernetes/kubernetes-api.ts';
import type { Logger } from '../../../lib/logger.ts';
import { type JobResult, Loop, SYSTEM_CLOCK } from '../../../lib/loop.ts';
import type { IsolationMeasurements } from '../../../model/isolation.ts';
import type { EventToRecord } from '../event-requests.ts';
import type { CanaryScene, CanaryTargets } from './canary-scene.ts';
import { type CanaryAnswer, dueNodes, type Measured, remember } from './due-nodes.ts';
import { deleteLeftovers, measureNode } from './measure-node.ts';

export interface IsolationProbeOptions {
  readonly api: KubernetesApi;
  readonly logger: Logger;
  readonly image: string;
  /** Of the pods. */
  readonly namespace: string;
  readonly intervalMs: number;
  readonly mayWrite: () => boolean;
  /** Undefined while too little is known of the cluster. */
  readonly scene: () => CanaryScene | undefined;
  readonly record: (event: EventToRecord) => Promise<void>;
  readonly onAnswer: (answer: CanaryAnswer) => void;
  /** There are other measurements. */
  readonly onChange: () => void;
}

const MIN_INTERVAL_MS = 1000;
const RETRY_MS = 5000;

export class IsolationProbe {
  readonly #options: IsolationProbeOptions;
  readonly #loop: Loop;
  readonly #stopped = new AbortController();
  #measurements: IsolationMeasurements;

  constructor(options: IsolationProbeOptions) {
    this.#options = options;
    this.#measurements = { intervalMs: options.intervalMs, nodes: [] };
    this.#loop = new Loop({
      job: () => this.#run(),
      minIntervalMs: MIN_INTERVAL_MS,
      retryIntervalMs: RETRY_MS,
      maxIntervalMs: options.intervalMs,
      clock: SYSTEM_CLOCK,
      onFailure: (error) => options.logger.warn('isolation could not be measured', { error }),
    });
  }

  measurements(): IsolationMeasurements {
    return this.#measurements;
  }

  /** The cluster may have changed, or who leads. */
  trigger(): void {
    this.#loop.trigger();
  }

  /** Leaves no pod behind. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#loop.stop();
  }

  async #run(): Promise<JobResult> {
    const { mayWrite, scene, intervalMs } = this.#options;
    if (!mayWrite()) {
      this.#measurements = { intervalMs, nodes: [] };
      return {};
    }
    const found = scene();
    if (found === undefined) return {};
    const { nodes, targets } = found;
    if ('obstacle' in targets) {
      this.#become({ ...this.#measurements, obstacle: targets.obstacle });
      return {};
    }
    const { due, kept, nextAtMs } = dueNodes(nodes, this.#measurements, Date.now());
    if (due.length > 0) {
      // It takes seconds, in which nothing stands in the way any more.
      this.#become({ intervalMs, nodes: this.#measurements.nodes });
      const measured = await this.#measure(due, targets);
      if (!mayWrite() || this.#stopped.signal.aborted) return {};
      const remembered = remember(kept, measured, { atMs: Date.now(), used: nodes });
      await this.#report(measured);
      this.#become({ intervalMs, nodes: remembered });
      return { runAgainAtMs: dueNodes(nodes, this.#measurements, Date.now()).nextAtMs };
    }
    if (kept.length < this.#measurements.nodes.length || this.#measurements.obstacle !== undefined)
      this.#become({ intervalMs, nodes: kept });
    return { runAgainAtMs: nextAtMs };
  }

  async #measure(due: readonly string[], targets: CanaryTargets): Promise<readonly Measured[]> {
    const { api, namespace, image } = this.#options;
    await deleteLeftovers({ api, namespace });
    const measuring = { api, namespace, image, signal: this.#stopped.signal };
    return Promise.all(
      due.map(async (wanted) => ({ wanted, answer: await measureNode(wanted, targets, measuring) })),
    );
  }

  #become(measurements: IsolationMeasurements): void {
    const isNews = JSON.stringify(measurements) !== JSON.stringify(this.#measurements);
    this.#measurements = measurements;
    if (isNews) this.#options.onChange();
  }

  /** Compared with what was known before: each change of a node is one Event. */
  async #report(measured: readonly Measured[]): Promise<void> {
    const { logger, onAnswer, record } = this.#options;
    for (const { answer } of measured) {
      onAnswer(answer);
      const { node } = answer;
      if ('failure' in answer) {
        logger.warn('a canary pod decided nothing', { node, why: answer.failure });
        continue;
      }
      const { reached } = answer.finding;
      if (answer.openForMs > 0) {
        const { openForMs } = answer;
        logger.warn('the network of a node restricts new pods late', { node, openForMs });
      }
      const before = this.#measurements.nodes.find((one) => one.node === node)?.finding;
      if (before !== undefined && (before.reached === undefined) === (reached === undefined)) continue;
      if (reached === undefined) logger.info('the network of a node enforces isolation', { node });
      else logger.error('the network of a node does not enforce isolation', { node, reached });
      if (before !== undefined || reached !== undefined) await record(eventOf(node, reached));
    }
  }
}

/** As the kubelet names a node in Events: its uid is its name. */
function eventOf(node: string, reached: string | undefined): EventToRecord {
  const about = {
    namespace: 'default',
    regarding: { apiVersion: 'v1', kind: 'Node', name: node, uid: node },
  };
  const isEnforced = reached === undefined;
  return {
    ...about,
    type: isEnforced ? 'Normal' : 'Warning',
    reason: isEnforced ? 'IsolationEnforced' : 'IsolationNotEnforced',
    action: 'Measure',
    note: isEnforced
      ? 'A canary pod reached what its KubeNetworkPolicy allows, and nothing else'
      : `A canary pod reached ${reached}, which its KubeNetworkPolicy denies: install or repair a CNI that enforces NetworkPolicies`,
  };
}
