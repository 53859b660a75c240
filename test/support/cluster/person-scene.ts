// A control plane with a collector over rows that are there already, for commands of people. None of them has any right
// but what the test grants.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DenialStore } from '../../../operator/denials/store/duckdb/denial-store.ts';
import { connectKubernetes } from '../../../operator/lib/kubernetes/connect-kubernetes.ts';
import type { CollectorProcess } from '../../../operator/roles/collector/process.ts';
import type { OpenPort } from '../../../operator/roles/shared/collector-of-cluster.ts';
import { makeCollectorPod, portOf, startCollector } from './collector-scene.ts';
import {
  type ControlPlane,
  installCollectorRoles,
  installCrds,
  installRoles,
  startControlPlane,
} from './control-plane.ts';

type StoreRows = (store: DenialStore) => Promise<unknown>;

export class PersonScene {
  readonly controlPlane: ControlPlane;
  /** For files of the test, too. */
  readonly folder: string;
  #collector: CollectorProcess | undefined;

  private constructor(controlPlane: ControlPlane, folder: string) {
    this.controlPlane = controlPlane;
    this.folder = folder;
  }

  /** Throws with nothing left running. */
  static async start(storeRows: StoreRows): Promise<PersonScene> {
    const controlPlane = await startControlPlane();
    const scene = new PersonScene(controlPlane, await mkdtemp(join(tmpdir(), 'person-')));
    try {
      await scene.#install();
      await scene.store(storeRows);
      return scene;
    } catch (error) {
      await scene.stop();
      throw error;
    }
  }

  get collectorPort(): number {
    return this.#collector?.port ?? 0;
  }

  /** To the collector, as if by the API server. */
  readonly openPort: OpenPort = portOf(() => ({ port: this.collectorPort }));

  /** The collector starts anew over them. */
  async store(storeRows: StoreRows): Promise<void> {
    await this.#collector?.stop();
    const store = await DenialStore.open(join(this.folder, 'denials.duckdb'));
    await storeRows(store);
    await store.close();
    this.#collector = await startCollector(this.controlPlane, this.folder);
  }

  /** Throws what kubectl says where it fails. */
  async kubectl(...args: readonly string[]): Promise<string> {
    return this.#run(args);
  }

  async apply(object: object): Promise<void> {
    await this.#run(['apply', '--server-side', '-f', '-'], { stdin: JSON.stringify(object) });
  }

  async stop(): Promise<void> {
    await this.#collector?.stop();
    await this.controlPlane.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  async #install(): Promise<void> {
    await installRoles(this.controlPlane);
    await installCollectorRoles(this.controlPlane);
    await installCrds(this.controlPlane);
    const root = await connectKubernetes({ kubeconfig: this.controlPlane.adminKubeconfig });
    await makeCollectorPod(root).finally(() => root.close());
  }

  async #run(...[args, options]: Parameters<ControlPlane['kubectl']>): Promise<string> {
    const { code, stdout, stderr } = await this.controlPlane.kubectl(args, options);
    if (code !== 0) throw new Error(stderr);
    return stdout;
  }
}
