// The chart on a real API server without nodes. Where Helm waits for a pod, the scene does what a kubelet would: it runs
// the pod's own command on this machine with the token of its ServiceAccount, and reports how that ended.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathOf } from '../../../operator/lib/kubernetes/api-object.ts';
import { connectKubernetes } from '../../../operator/lib/kubernetes/connect-kubernetes.ts';
import type { KubernetesApi } from '../../../operator/lib/kubernetes/kubernetes-api.ts';
import { PODS } from '../../../operator/model/cluster-resources.ts';
import { SYSTEM_NAMESPACE } from '../../../operator/model/system-names.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import type { ProgramResult } from '../cluster/run-program.ts';
import { storedObjects } from '../cluster/stored-objects.ts';
import { until } from '../until.ts';
import { CHART, type ChartValues, Helm } from './helm.ts';

const MAIN = join(import.meta.dirname, '../../../operator/main.ts');
const NODE = process.execPath;

interface Pod {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly serviceAccountName: string;
    readonly containers: readonly [
      {
        readonly command?: readonly string[];
        readonly args?: readonly string[];
        readonly env?: readonly { readonly name: string; readonly value?: string }[];
      },
    ];
  };
  readonly status: { readonly phase: string };
}

export class ChartScene {
  readonly controlPlane: ControlPlane;
  readonly helm: Helm;

  readonly #api: KubernetesApi;

  private constructor(controlPlane: ControlPlane, helm: Helm, api: KubernetesApi) {
    this.controlPlane = controlPlane;
    this.helm = helm;
    this.#api = api;
  }

  /** With the system Namespace, which lets nothing in but what Pod Security calls restricted. */
  static async start(): Promise<ChartScene> {
    const helm = await Helm.find();
    const controlPlane = await startControlPlane();
    const api = await connectKubernetes({ kubeconfig: controlPlane.adminKubeconfig });
    const scene = new ChartScene(controlPlane, helm, api);
    const labels = ['enforce', 'warn'].map((mode) => `pod-security.kubernetes.io/${mode}=restricted`);
    await scene.kubectl('create', 'namespace', SYSTEM_NAMESPACE);
    await scene.kubectl('label', 'namespace', SYSTEM_NAMESPACE, ...labels);
    return scene;
  }

  async stop(): Promise<void> {
    await this.#api.close();
    await this.controlPlane.stop();
    await this.helm.remove();
  }

  /** What it prints; throws what it says on standard error. */
  async kubectl(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.controlPlane.kubectl(args);
    if (code !== 0) throw new Error(stderr);
    return stdout;
  }

  /** Its result, whatever it is. */
  run(command: string, args: readonly string[], values: ChartValues = {}): Promise<ProgramResult> {
    const { adminKubeconfig } = this.controlPlane;
    const chart = command === 'install' || command === 'upgrade' ? [CHART, '--values', '-'] : [];
    const common = ['--kubeconfig', adminKubeconfig, '--namespace', SYSTEM_NAMESPACE];
    return this.helm.run([command, 'sallyport', ...chart, ...args, ...common], JSON.stringify(values));
  }

  /** Kind, Namespace and name of everything that is stored, but for what Kubernetes makes by itself at any time. */
  async everything(): Promise<readonly string[]> {
    const objects = await storedObjects(this.#api, ['events', 'componentstatuses']);
    return objects
      .map(({ kind, namespace = '<none>', name }) => `${kind} ${namespace} ${name}`)
      .filter((row) => !/ kube-root-ca\.crt$|^ServiceAccount \S+ default$/.test(row))
      .toSorted();
  }

  /** Runs the pod of this name prefix as a kubelet would, once it is there. */
  async runPod(prefix: string, environment: Readonly<Record<string, string>> = {}): Promise<ProgramResult> {
    let found: Pod | undefined;
    await until(`there is a pod "${prefix}"`, async () => {
      const path = pathOf(PODS, { namespace: SYSTEM_NAMESPACE });
      const { items } = (await this.#api.request({ method: 'GET', path })) as {
        readonly items: readonly Pod[];
      };
      found = items.find(
        ({ metadata, status }) => metadata.name.startsWith(prefix) && status.phase === 'Pending',
      );
      return found !== undefined;
    });
    const { metadata, spec } = found as Pod;
    const result = await this.#execute(spec, metadata.name, environment);
    const status = { status: { phase: result.code === 0 ? 'Succeeded' : 'Failed' } };
    await this.kubectl(
      ...['patch', 'pod', metadata.name, '-n', SYSTEM_NAMESPACE, '--subresource=status', '--type=merge'],
      ...['-p', JSON.stringify(status)],
    );
    return result;
  }

  async #execute(
    { serviceAccountName, containers }: Pod['spec'],
    podName: string,
    environment: Readonly<Record<string, string>>,
  ): Promise<ProgramResult> {
    const [{ command, args = [], env = [] }] = containers;
    const kubeconfig = await this.controlPlane.serviceAccountKubeconfig(
      SYSTEM_NAMESPACE,
      serviceAccountName,
      podName,
    );
    const program = command === undefined ? [MAIN, ...args, '--kubeconfig', kubeconfig] : command.slice(1);
    const own = Object.fromEntries(env.map(({ name, value = '' }) => [name, value]));
    const pod = { ...own, ...(await this.#podEnvironment(kubeconfig)), ...environment };
    const child = spawn(NODE, program, { env: pod, stdio: ['ignore', 'pipe', 'pipe'] });
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'exit') as Promise<[number | null]>,
    ]);
    return { code: code ?? -1, stdout, stderr };
  }

  /** What a kubelet says to a container about the API server; its files are elsewhere here. */
  async #podEnvironment(kubeconfig: string): Promise<Readonly<Record<string, string>>> {
    const { folder, server } = this.controlPlane;
    const { users } = JSON.parse(await readFile(kubeconfig, 'utf8')) as {
      readonly users: readonly [{ readonly user: { readonly token: string } }];
    };
    const file = join(folder, 'pod-token');
    await writeFile(file, users[0].user.token);
    const { hostname, port } = new URL(server);
    return {
      KUBERNETES_SERVICE_HOST: hostname,
      KUBERNETES_SERVICE_PORT: port,
      NODE_EXTRA_CA_CERTS: join(folder, 'ca.crt'),
      TOKEN_FILE: file,
    };
  }
}
