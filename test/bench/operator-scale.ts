// The operator with the largest load that is promised: 1,000 workspaces, 10,000 pods, 20 policies. What a start
// takes, what a restart writes, what rest costs, what one changed policy writes, how soon a mode that changed is in the
// conditions of its workspaces, and how soon a new workspace is ready.
import { setTimeout as delay } from 'node:timers/promises';
import { connectKubernetes } from '../../operator/lib/kubernetes/connect-kubernetes.ts';
import type { KubernetesApi } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import { NAMESPACES, POLICY_ASSIGNMENTS } from '../../operator/model/cluster-resources.ts';
import type { StoredCondition } from '../../operator/model/kubernetes-object.ts';
import { STAMP_ANNOTATION } from '../../operator/model/stamp.ts';
import { OPERATOR_ACCOUNT, SYSTEM_NAMESPACE } from '../../operator/model/system-names.ts';
import { WORKSPACE_LABEL } from '../../operator/model/workspace.ts';
import {
  type ControlPlane,
  installCrds,
  installRoles,
  startControlPlane,
} from '../support/cluster/control-plane.ts';
import type { BenchReport, BenchSettings } from './bench-report.ts';
import {
  apply,
  create,
  createWorkspace,
  forEach,
  policyOf,
  stampedPod,
  workspaceNames,
} from './cluster-objects.ts';
import { ObjectWatch } from './object-watch.ts';
import { OperatorProcess } from './operator-process.ts';
import { type OperatorScale, operatorScaleReport } from './operator-scale-report.ts';
import { restOf, startOf } from './operator-work.ts';
import { memoryOf } from './process-usage.ts';

const WORKSPACES = 1000;
const PODS_PER_WORKSPACE = 10;
const POLICIES = 20;
const DESTINATIONS = 2500;
const NEW_WORKSPACES = 20;
const REST_SECONDS = 60;
const RESTART_SECONDS = 10;
/** With room: how long Events wait, and how fast they are written. */
const EVENT_HOLD_MS = 20_000;
const EVENTS_PER_SECOND = 8;

export async function benchOperatorScale(settings: BenchSettings): Promise<BenchReport> {
  settings.say('Starting a control plane');
  // Without controllers, which would do work of their own for each of the pods.
  const controlPlane = await startControlPlane({ withControllers: false });
  try {
    await installCrds(controlPlane);
    await installRoles(controlPlane);
    const api = await connectKubernetes({ kubeconfig: controlPlane.adminKubeconfig });
    const findings = await new OperatorScaleBench(controlPlane, api, settings).run();
    await api.close();
    return operatorScaleReport(findings);
  } finally {
    await controlPlane.stop();
  }
}

class OperatorScaleBench {
  readonly #controlPlane: ControlPlane;
  readonly #api: KubernetesApi;
  readonly #settings: BenchSettings;
  readonly #share: number;

  constructor(controlPlane: ControlPlane, api: KubernetesApi, settings: BenchSettings) {
    this.#controlPlane = controlPlane;
    this.#api = api;
    this.#settings = settings;
    this.#share = settings.isQuick ? 0.1 : 1;
  }

  async run(): Promise<OperatorScale> {
    const { say } = this.#settings;
    const names = workspaceNames(WORKSPACES * this.#share);
    await this.#fill(names);
    say('First start: everything has to be written');
    const first = await this.#start();
    const firstStart = await startOf(first, this.#controlPlane);
    await first.stop();
    say('Second start: nothing has to be written');
    const second = await this.#start();
    try {
      const restart = await startOf(second, this.#controlPlane);
      say(`${REST_SECONDS * this.#share} seconds of rest`);
      const rest = await restOf(second, this.#controlPlane, REST_SECONDS * this.#share);
      say('One policy changes');
      const change = await this.#change(second);
      say('One policy goes into dry-run');
      const restarts = await this.#restarts(second, names);
      say(`${NEW_WORKSPACES} Namespaces become workspaces`);
      const stampedMs = await this.#stampings();
      const memory = await memoryOf(second.pid);
      return { workspaces: names.length, firstStart, restart, rest, change, restarts, stampedMs, memory };
    } finally {
      await second.stop();
    }
  }

  async #fill(names: readonly string[]): Promise<void> {
    const { say } = this.#settings;
    const api = this.#api;
    say(`${names.length} workspaces, ${POLICIES} policies`);
    const policies = Array.from({ length: POLICIES }, (_, at) => at);
    await forEach(policies, (at) => create(api, policyOf(`policy-${at}`, destinationsOf(at))));
    await forEach(names, (name) => createWorkspace(api, name, `policy-${names.indexOf(name) % POLICIES}`));
    say(`${names.length * PODS_PER_WORKSPACE} pods`);
    const pods = names.flatMap((name) =>
      Array.from({ length: PODS_PER_WORKSPACE }, (_, at) => stampedPod(name, `pod-${at}`, 'bench')),
    );
    await forEach(pods, (pod) => create(api, pod));
  }

  async #start(): Promise<OperatorProcess> {
    const kubeconfig = await this.#controlPlane.serviceAccountKubeconfig(SYSTEM_NAMESPACE, OPERATOR_ACCOUNT);
    return OperatorProcess.start(kubeconfig, `${this.#settings.work}/operator.log`);
  }

  /** One destination less. */
  async #change(operator: OperatorProcess): Promise<OperatorScale['change']> {
    const changed = policyOf('policy-0', destinationsOf(0).slice(1));
    return restOf(operator, this.#controlPlane, 10, async () => void (await apply(this.#api, changed)));
  }

  /** From the answer to the change of a mode until each of its workspaces says that pods must restart; and rest afterwards. */
  async #restarts(operator: OperatorProcess, names: readonly string[]): Promise<OperatorScale['restarts']> {
    const under = names.filter((_, at) => at % POLICIES === 1);
    const watch = await ObjectWatch.open(this.#api, POLICY_ASSIGNMENTS);
    const told = under.map((name) =>
      watch.next(
        `RestartRequired of ${name}`,
        ({ metadata, ...object }) => metadata.name === name && mustRestart(object),
      ),
    );
    let answeredMs = 0;
    const work = await restOf(operator, this.#controlPlane, RESTART_SECONDS, async () => {
      await apply(this.#api, policyOf('policy-1', destinationsOf(1), 'DRY_RUN'));
      answeredMs = performance.now();
    });
    const seenMs = (await Promise.all(told)).map(({ atMs }) => atMs - answeredMs);
    watch.close();
    const quietMs = EVENT_HOLD_MS + (under.length * PODS_PER_WORKSPACE * 1000) / EVENTS_PER_SECOND;
    await delay(Math.max(0, quietMs - RESTART_SECONDS * 1000));
    const rest = await restOf(operator, this.#controlPlane, REST_SECONDS * this.#share);
    return { pods: under.length * PODS_PER_WORKSPACE, seenMs, work, rest };
  }

  /** From the answer to the label until the stamp is seen, for one Namespace after the other. */
  async #stampings(): Promise<readonly number[]> {
    const watch = await ObjectWatch.open(this.#api, NAMESPACES);
    const times: number[] = [];
    for (const name of workspaceNames(NEW_WORKSPACES, 'later')) {
      const metadata = { name };
      await create(this.#api, { apiVersion: 'v1', kind: 'Namespace', metadata });
      await delay(200);
      const stamped = watch.next(`the stamp of ${name}`, (object) => {
        return object.metadata.name === name && object.metadata.annotations?.[STAMP_ANNOTATION] !== undefined;
      });
      const labels = { [WORKSPACE_LABEL]: `id-${name}` };
      await apply(this.#api, { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
      const answeredMs = performance.now();
      times.push((await stamped).atMs - answeredMs);
    }
    watch.close();
    return times;
  }
}

function destinationsOf(policy: number): readonly string[] {
  return Array.from({ length: DESTINATIONS }, (_, at) => `host-${at}.team-${policy}.example.com`);
}

function mustRestart(object: object): boolean {
  const { status } = object as { readonly status?: { readonly conditions?: readonly StoredCondition[] } };
  const found = status?.conditions?.find(({ type }) => type === 'RestartRequired');
  return found?.status === 'True';
}
