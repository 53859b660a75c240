// What every test of the agent needs: a control plane with the CRDs, outside servers, compiled objects as the operator
// would write them, and agents with a real Envoy each. Nothing of it lives on after stop().
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { readGatewayConfig } from '../../../operator/cluster-config.ts';
import { type KubernetesObject, pathOf, type Resource } from '../../../operator/lib/kubernetes/api-object.ts';
import { connectKubernetes } from '../../../operator/lib/kubernetes/connect-kubernetes.ts';
import type { KubernetesApi } from '../../../operator/lib/kubernetes/kubernetes-api.ts';
import { createLogger } from '../../../operator/lib/logger.ts';
import {
  EGRESS_TABLES,
  GATEWAY_REPORTS,
  WORKSPACE_PLANS,
} from '../../../operator/model/cluster-resources.ts';
import type { DestinationGroup } from '../../../operator/model/egress-table.ts';
import type { GatewayReportSpec } from '../../../operator/model/gateway-report.ts';
import type { Lane } from '../../../operator/model/lane.ts';
import { MANAGED_BY, MANAGED_BY_LABEL, SYSTEM_NAMESPACE } from '../../../operator/model/system-names.ts';
import { GatewayProcess } from '../../../operator/roles/gateway/process.ts';
import { type OutsideServers, startOutsideServers } from '../../outside/outside-servers.ts';
import { ask } from '../../outside/proxy-client.ts';
import { until } from '../until.ts';
import { type ControlPlane, installCrds, installRoles, startControlPlane } from './control-plane.ts';
import { getWhenServed } from './object-reader.ts';

const PROGRAM = fileURLToPath(new URL('../../../hack/sallyport', import.meta.url));

type LogLine = Readonly<Record<string, unknown>>;

export interface Agent {
  readonly running: GatewayProcess;
  readonly address: string;
  /** What it wrote to standard output. */
  readonly lines: readonly LogLine[];
  stop(): Promise<void>;
}

export interface AgentOptions {
  /** Where it listens; an address of the outside servers unless given. */
  readonly address?: string;
  /** The administrator's unless given: then it acts as the gateways' ServiceAccount. */
  readonly kubeconfig?: string;
  /** What is outside for it; the scene's own unless given. */
  readonly outside?: OutsideServers;
  /** Whether the test runs its Envoy, as another container of the pod. */
  readonly externalEnvoy?: boolean;
  /** Where it sends its rows, and the file with its token; its output unless given. */
  readonly collector?: { readonly collector: string; readonly collectorToken: string };
}

/** A workspace's lanes with the port of each. */
export type LanePorts = Readonly<Partial<Record<Lane, number>>>;

export class GatewayScene {
  readonly controlPlane: ControlPlane;
  /** The administrator's. For questions that are asked often: a kubectl takes 0.1 s of a core each time. */
  readonly api: KubernetesApi;
  readonly outside: OutsideServers;
  readonly folder: string;
  readonly #agents = new Set<GatewayProcess>();

  private constructor(
    controlPlane: ControlPlane,
    api: KubernetesApi,
    { outside, folder }: Pick<GatewayScene, 'outside' | 'folder'>,
  ) {
    this.controlPlane = controlPlane;
    this.api = api;
    this.outside = outside;
    this.folder = folder;
  }

  static async start(names: readonly string[]): Promise<GatewayScene> {
    const controlPlane = await startControlPlane();
    await installCrds(controlPlane);
    await installRoles(controlPlane);
    const outside = await startOutsideServers({ names: names.map((name) => ({ name })) });
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-gateways-'));
    const api = await connectKubernetes({ kubeconfig: controlPlane.adminKubeconfig });
    return new GatewayScene(controlPlane, api, { outside, folder });
  }

  /** Its state is kept under its name, for the next agent of that name. */
  async startAgent(podName: string, agentOptions: AgentOptions = {}): Promise<Agent> {
    const { externalEnvoy = false } = agentOptions;
    const options = { ...this.#optionsOf(podName, agentOptions), externalEnvoy };
    const address = options.listenAddress;
    const { stream, lines } = keptLines();
    const logger = createLogger({ role: 'gateway', level: 'info', stream });
    const running = await GatewayProcess.start(readGatewayConfig(options, process.env), logger);
    this.#agents.add(running);
    const stop = async (): Promise<void> => {
      this.#agents.delete(running);
      await running.stop();
    };
    return { running, address, lines, stop };
  }

  /**
   * The command line in a process of its own, which the test ends; its Envoy is left to the next agent of that name.
   */
  spawnAgent(podName: string, address: string): ChildProcess {
    const options = Object.entries(this.#optionsOf(podName, { address }));
    const args = options.flatMap(([name, values]) =>
      [values]
        .flat()
        .flatMap((value) => [
          `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
          value,
        ]),
    );
    return spawn(PROGRAM, ['gateway', ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  }

  #optionsOf(podName: string, { outside = this.outside, address, kubeconfig, collector }: AgentOptions) {
    return {
      ...collector,
      kubeconfig: kubeconfig ?? this.controlPlane.adminKubeconfig,
      namespace: SYSTEM_NAMESPACE,
      healthPort: '0',
      logLevel: 'info',
      podName,
      state: this.stateOf(podName),
      listenAddress: address ?? outside.listenAddress,
      resolver: [outside.resolver],
      openRange: [outside.openRange],
      denyRange: [],
      clusterDns: [outside.resolver],
      maxConnections: '1000',
      accountId: 'account',
      drainSeconds: '300',
      concurrency: '1',
    };
  }

  stateOf(podName: string): string {
    return join(this.folder, podName);
  }

  async stop(): Promise<void> {
    for (const agent of this.#agents) await agent.stop();
    await this.api.close();
    await this.outside.stop();
    await this.controlPlane.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Standard output; throws what it complains of. */
  async kubectl(...args: readonly string[]): Promise<string> {
    return this.#kubectl(args);
  }

  /** In the system's namespace, or cluster-scoped. */
  async list(resource: Resource): Promise<readonly KubernetesObject[]> {
    const path = pathOf(resource, { namespace: SYSTEM_NAMESPACE });
    const list = (await getWhenServed(this.api, path)) as { readonly items: readonly KubernetesObject[] };
    return list.items;
  }

  async applyTable(
    name: string,
    revision: string,
    groups: readonly Partial<DestinationGroup>[],
  ): Promise<void> {
    const source = `NetworkPolicy/${name}`;
    const ports = [
      { port: 443, protocol: 'TLS' },
      { port: 80, protocol: 'HTTP' },
    ];
    const whole = groups.map((group) => ({ list: 'allowedInternetDestinations', source, ports, ...group }));
    await this.#apply(EGRESS_TABLES, name, { networkPolicyId: name, revision, groups: whole });
  }

  async applyPlan(workspace: string, revision: string, table: string, ports: LanePorts): Promise<void> {
    const lanes = Object.entries(ports).map(([lane, firstPort]) => ({ lane, firstPort }));
    const spec = {
      workspaceId: `id-${workspace}`,
      networkPolicyId: table,
      revision,
      table,
      products: [],
      lanes,
    };
    await this.#apply(WORKSPACE_PLANS, workspace, spec);
  }

  async remove(kind: 'egresstable' | 'workspaceplan', name: string): Promise<void> {
    await this.kubectl('delete', kind, name, '-n', SYSTEM_NAMESPACE);
  }

  /** Undefined where there is none. */
  async reportOf(podName: string): Promise<GatewayReportSpec | undefined> {
    const reports = await this.list(GATEWAY_REPORTS);
    const found = reports.find(({ metadata }) => metadata.name === podName);
    return found?.['spec'] as GatewayReportSpec | undefined;
  }

  async untilReport(
    podName: string,
    what: string,
    holds: (report: GatewayReportSpec) => boolean,
  ): Promise<void> {
    await until(`${podName} reports ${what}`, async () => {
      const report = await this.reportOf(podName);
      return report !== undefined && holds(report);
    });
  }

  /** "ok", "refused REASON", or the error where nobody listens. */
  async asking(address: string, port: number, name: string): Promise<string> {
    const proxy = { host: address, port };
    const result = await ask({ proxy, ca: this.outside.caPem, url: `https://${name}/` });
    if (result.outcome === 'failed') return /ECONNREFUSED/.exec(result.error ?? '')?.[0] ?? `${result.error}`;
    return result.reason === undefined ? result.outcome : `${result.outcome} ${result.reason}`;
  }

  async untilAsking(address: string, port: number, name: string, answer: string): Promise<void> {
    let last = '';
    await until(`${name} through ${address}:${port} is ${answer}`, async () => {
      last = await this.asking(address, port, name);
      return last === answer;
    }).catch((cause: unknown) => {
      throw new Error(`It is "${last}"`, { cause });
    });
  }

  async #apply(resource: Resource, name: string, spec: object): Promise<void> {
    const { apiVersion, kind } = resource;
    const metadata = { name, namespace: SYSTEM_NAMESPACE, labels: { [MANAGED_BY_LABEL]: MANAGED_BY } };
    await this.api.request({
      method: 'PATCH',
      path: pathOf(resource, metadata),
      query: { fieldManager: 'test', fieldValidation: 'Ignore' },
      contentType: 'application/apply-patch+yaml',
      body: { apiVersion, kind, metadata, spec },
    });
  }

  async #kubectl(args: readonly string[], stdin = ''): Promise<string> {
    const { code, stdout, stderr } = await this.controlPlane.kubectl(args, { stdin });
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
    return stdout;
  }
}

/** What /readyz says: "200" or "503 [-] synced failed: …". */
export async function readiness({ running }: Agent): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${running.healthPort}/readyz`);
  return response.ok ? `${response.status}` : `${response.status} ${await response.text()}`;
}

function keptLines(): { readonly stream: Writable; readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      const texts = chunk.toString().split('\n').filter(Boolean);
      lines.push(...texts.map((text) => JSON.parse(text) as LogLine));
      done();
    },
  });
  return { stream, lines };
}
