// A whole cluster but for nodes: a control plane with CRDs, admission policies and roles, outside servers, operators
// that run under their ServiceAccount's own rights, and agents with a real Envoy each. Nothing of it lives on after
// stop().
import { Writable } from 'node:stream';
import { readOperatorConfig } from '../../../operator/cluster-config.ts';
import { pathOf } from '../../../operator/lib/kubernetes/api-object.ts';
import { createLogger } from '../../../operator/lib/logger.ts';
import { PODS } from '../../../operator/model/cluster-resources.ts';
import { SYSTEM_NAMESPACE } from '../../../operator/model/system-names.ts';
import { OperatorProcess } from '../../../operator/roles/operator/process.ts';
import { until } from '../until.ts';
import { applyYaml } from './apply-objects.ts';
import { installRolesAndPolicies } from './control-plane.ts';
import { GatewayScene } from './gateway-scene.ts';
import { readField } from './object-reader.ts';

export interface Operator {
  readonly running: OperatorProcess;
  /** What it wrote to standard output, one JSON object a line. */
  readonly log: () => string;
  stop(): Promise<void>;
}

export interface OperatorOptions {
  readonly identity?: string;
  /** Instead of the ServiceAccount's own: through a proxy, for example. */
  readonly kubeconfig?: string;
  /** Without it nobody measures isolation. */
  readonly canaryImage?: string;
}

export class ClusterScene {
  readonly gateways: GatewayScene;
  readonly #operators = new Set<OperatorProcess>();

  private constructor(gateways: GatewayScene) {
    this.gateways = gateways;
  }

  /** `names` exist in the outside servers. */
  static async start(names: readonly string[] = []): Promise<ClusterScene> {
    const scene = new ClusterScene(await GatewayScene.start(names));
    await installRolesAndPolicies(scene.controlPlane);
    return scene;
  }

  get controlPlane() {
    return this.gateways.controlPlane;
  }

  /** Path of a kubeconfig with the rights that the operator has in a cluster, and no more. */
  operatorKubeconfig(): Promise<string> {
    return this.controlPlane.serviceAccountKubeconfig(SYSTEM_NAMESPACE, 'sallyport-operator');
  }

  /** Resolves when it leads, or at once where `identity` says that another one does. */
  async startOperator({
    identity = 'operator-1',
    kubeconfig,
    canaryImage,
  }: OperatorOptions = {}): Promise<Operator> {
    const options = {
      kubeconfig: kubeconfig ?? (await this.operatorKubeconfig()),
      namespace: SYSTEM_NAMESPACE,
      healthPort: '0',
      logLevel: 'info',
      identity,
      clusterDomain: 'cluster.local',
      clusterDns: [],
      canaryInterval: '30s',
      ...(canaryImage === undefined ? {} : { canaryImage }),
    };
    let log = '';
    const stream = new Writable({
      write(chunk: Buffer, _encoding, done) {
        log += chunk.toString();
        done();
      },
    });
    const logger = createLogger({ role: 'operator', level: 'info', stream });
    const running = await OperatorProcess.start(readOperatorConfig(options, {}), logger);
    this.#operators.add(running);
    const stop = async (): Promise<void> => {
      this.#operators.delete(running);
      await running.stop();
    };
    return { running, log: () => log, stop };
  }

  /** With force, since default-policy is the operator's until somebody says what it shall be. */
  async apply(yaml: string): Promise<void> {
    await applyYaml(this.gateways.api, yaml, { force: true });
  }

  /** Standard output; throws what it complains of. */
  async kubectl(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.controlPlane.kubectl(args);
    if (code !== 0) throw new Error(stderr);
    return stdout;
  }

  /** What kubectl prints for this template; empty where the field, or the object, is not there. */
  field(template: string, ...object: readonly string[]): Promise<string> {
    return readField(this.gateways.api, template, object);
  }

  /** "True Programmed Every ready gateway runs it". */
  condition(type: string, ...object: readonly string[]): Promise<string> {
    const path = `.status.conditions[?(@.type=="${type}")]`;
    return this.field(`{${path}.status} {${path}.reason} {${path}.message}`, ...object);
  }

  async untilCondition(type: string, begins: string, ...object: readonly string[]): Promise<void> {
    await until(`${object.join(' ')} has ${type} ${begins}`, async () =>
      (await this.condition(type, ...object)).startsWith(begins),
    );
  }

  /** These pods run, as a kubelet says it; all of the Namespace unless some are named. */
  async startPods(namespace: string, ...pods: readonly string[]): Promise<void> {
    const all = (): Promise<string> => this.field('{.items[*].metadata.name}', 'pods', '-n', namespace);
    const names = pods.length > 0 ? pods : (await all()).split(' ').filter(Boolean);
    const container = { name: 'main', image: 'none', imageID: '', ready: true, restartCount: 0 };
    const status = { phase: 'Running', containerStatuses: [{ ...container, state: { running: {} } }] };
    for (const name of names) {
      await this.gateways.api.request({
        method: 'PATCH',
        path: pathOf(PODS, { namespace, name, subresource: 'status' }),
        contentType: 'application/merge-patch+json',
        body: { status },
      });
    }
  }

  /** Pods may start there. */
  async untilStamped(workspace: string): Promise<void> {
    await until(`${workspace} is stamped`, async () => (await this.stampOf(workspace)) !== '');
  }

  stampOf(workspace: string): Promise<string> {
    return this.field('{.metadata.annotations.sallyport\\.dev/stamp}', 'namespace', workspace);
  }

  async stop(): Promise<void> {
    for (const operator of this.#operators) await operator.stop();
    await this.gateways.stop();
  }
}

export function workspaceYaml(name: string, id: string, annotations = '{}'): string {
  return `apiVersion: v1
kind: Namespace
metadata:
  name: ${name}
  labels: { sallyport.dev/workspace: "${id}" }
  annotations: ${annotations}
`;
}

export function policyYaml(name: string, destinations: readonly string[], more = ''): string {
  return `apiVersion: sallyport.dev/v1alpha1
kind: NetworkPolicy
metadata: { name: ${name} }
spec:
  egress:
    networkAccess:
      restrictionMode: RESTRICTED_ACCESS
      allowedInternetDestinations: [${destinations.map((name) => `{ destination: "${name}" }`).join(', ')}]
      ${more}
`;
}

export function assignmentYaml(workspace: string, policy: string): string {
  return `apiVersion: sallyport.dev/v1alpha1
kind: PolicyAssignment
metadata: { name: ${workspace} }
spec: { networkPolicyId: ${policy} }
`;
}

/** A Deployment of one pod, as a tenant writes it. */
export function deploymentYaml(namespace: string, name: string): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec: { containers: [{ name: main, image: example.com/none }] }
`;
}
