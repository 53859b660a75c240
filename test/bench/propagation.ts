// Time until a changed policy in a cluster is enforced: one destination more or less of 2,500, from the
// moment that the API server has answered the write until a real CONNECT gets the other verdict. First with one
// workspace and one gateway, then with 1,000 workspaces and two, at last with tunnels that removals have to close.
import { connectKubernetes } from '../../operator/lib/kubernetes/connect-kubernetes.ts';
import { SYSTEM_NAMESPACE } from '../../operator/model/system-names.ts';
import { ClusterScene } from '../support/cluster/cluster-scene.ts';
import { ANY_NAME, destinationNames } from './bench-folder.ts';
import type { BenchReport, BenchSettings } from './bench-report.ts';
import { createWorkspace, forEach, policyOf, workspaceNames } from './cluster-objects.ts';
import { GatewayProcess } from './gateway-process.ts';
import { IMPLIED_NAMES, impliedChanges } from './implied-change.ts';
import { OperatorProcess } from './operator-process.ts';
import { PolicyChanger } from './policy-changer.ts';
import { type PropagationFindings, propagationReport } from './propagation-report.ts';

const DESTINATIONS = 2500;
const WORKSPACES = 1000;
const CHANGES = 100;
const CHANGES_AT_SCALE = 20;
const REST_MS = 20_000;

export async function benchPropagation(settings: BenchSettings): Promise<BenchReport> {
  settings.say('Starting a control plane');
  const scene = await ClusterScene.start([ANY_NAME, ...IMPLIED_NAMES]);
  const bench = new PropagationBench(scene, settings);
  try {
    return propagationReport(await bench.run());
  } finally {
    await bench.stop();
    await scene.stop();
  }
}

class PropagationBench {
  readonly #scene: ClusterScene;
  readonly #settings: BenchSettings;
  readonly #gateways: GatewayProcess[] = [];
  #operator: OperatorProcess | undefined;

  constructor(scene: ClusterScene, settings: BenchSettings) {
    this.#scene = scene;
    this.#settings = settings;
  }

  async run(): Promise<PropagationFindings> {
    const { say, isQuick, work } = this.#settings;
    const share = isQuick ? 0.1 : 1;
    const { controlPlane } = this.#scene;
    const api = await connectKubernetes({ kubeconfig: controlPlane.adminKubeconfig });
    const names = workspaceNames(WORKSPACES * share);
    const [first = ''] = names;
    await api.request({
      method: 'POST',
      path: '/apis/sallyport.dev/v1alpha1/networkpolicies',
      body: policyOf('bench', destinationNames(DESTINATIONS)),
    });
    say('Starting the operator and a gateway');
    this.#operator = await OperatorProcess.start(
      await this.#scene.operatorKubeconfig(),
      `${work}/operator.log`,
    );
    await this.#startGateway('gw-1', 2);
    await createWorkspace(api, first, 'bench');
    const changer = await PolicyChanger.open(api, controlPlane, this.#gateways);
    await changer.ready(first, destinationNames(1)[0] ?? '');
    say(`${CHANGES * share} changes with one workspace`);
    const alone = await changer.run(first, CHANGES * share);
    say('Metastore, external location, connection');
    const implied = await impliedChanges(api, this.#gateways, await changer.ports(first));
    say(`${names.length} workspaces and a second gateway`);
    await this.#startGateway('gw-2', 3);
    await forEach(names.slice(1), (name) => createWorkspace(api, name, 'bench'));
    const last = names.at(-1) ?? '';
    const readyMs = await changer.ready(last, destinationNames(1)[0] ?? '');
    await changer.settled();
    const [gateway] = this.#gateways;
    const atRest = await gateway?.atRest(REST_MS);
    say(`${CHANGES_AT_SCALE * share} changes with all of them`);
    const atScale = await changer.run(last, CHANGES_AT_SCALE * share);
    say('The same with open tunnels to what is removed');
    const revoking = await changer.run(last, CHANGES_AT_SCALE * share, this.#scene.gateways.outside.caPem);
    changer.close();
    await api.close();
    return { workspaces: names.length, alone, implied, readyMs, atRest, atScale, revoking };
  }

  async stop(): Promise<void> {
    for (const gateway of this.#gateways) await gateway.stop();
    await this.#operator?.stop();
  }

  async #startGateway(name: string, lastByte: number): Promise<void> {
    const { gateways } = this.#scene;
    await this.#scene.kubectl('run', name, '--image=none', '-n', SYSTEM_NAMESPACE, GATEWAY_POD_LABEL);
    const address = gateways.outside.listenAddress.replace(/\.\d+$/, `.${lastByte}`);
    const child = gateways.spawnAgent(name, address);
    this.#gateways.push(new GatewayProcess({ name, address, state: gateways.stateOf(name), child }));
    await gateways.untilReport(name, 'that it is ready', ({ ready }) => ready);
  }
}

const GATEWAY_POD_LABEL = '--labels=app.kubernetes.io/name=sallyport-gateway';
