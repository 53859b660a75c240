// Takes one destination out of a stored policy and puts it back in turns, each time another one, and says when each
// station on the way had it: the API server, the EgressTable, the gateways' files, Envoy's verdict, the reports.
import { setTimeout as delay } from 'node:timers/promises';
import { type KubernetesObject, pathOf } from '../../operator/lib/kubernetes/api-object.ts';
import type { KubernetesApi } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import { EGRESS_TABLES, GATEWAY_REPORTS, WORKSPACE_PLANS } from '../../operator/model/cluster-resources.ts';
import type { EgressTable } from '../../operator/model/egress-table.ts';
import type { GatewayReport } from '../../operator/model/gateway-report.ts';
import { SYSTEM_NAMESPACE } from '../../operator/model/system-names.ts';
import type { WorkspacePlan } from '../../operator/model/workspace-plan.ts';
import type { ControlPlane } from '../support/cluster/control-plane.ts';
import { destinationNames } from './bench-folder.ts';
import { resourceOfKind } from './cluster-objects.ts';
import type { GatewayProcess } from './gateway-process.ts';
import { holdTunnels } from './held-tunnels.ts';
import { ObjectWatch } from './object-watch.ts';
import { untilNoWrites, type Writes, writesBetween, writesSoFar } from './server-writes.ts';

const POLICY = 'bench';
const DESTINATIONS = 2500;
/** Between two changes, so that each finds everything at rest. */
const REST_MS = 300;
const ALLOWED = 200;
const DENIED = 403;
const LIST = '/spec/egress/networkAccess/allowedInternetDestinations';

/** Milliseconds since the API server answered, but for `answerMs`: that is how long it took to answer. */
export interface PolicyChange {
  readonly answerMs: number;
  readonly tableMs: number;
  /** Of the last gateway, as the two below. */
  readonly fileMs: number;
  readonly enforcedMs: number;
  readonly reportedMs: number;
}

export interface PolicyChanges {
  readonly changes: readonly PolicyChange[];
  /** Of removals: from the API server's answer until the last tunnel to what was removed had ended, if any was held. */
  readonly closedAfterMs: readonly number[];
  /** All writes meanwhile, the benchmark's own among them. */
  readonly writes: Writes;
}

interface NextChange {
  readonly index: number;
  readonly isRemoval: boolean;
  readonly name: string;
}

interface Watches {
  readonly tables: ObjectWatch;
  readonly reports: ObjectWatch;
}

export class PolicyChanger {
  readonly #api: KubernetesApi;
  readonly #controlPlane: ControlPlane;
  readonly #gateways: readonly GatewayProcess[];
  readonly #watches: Watches;
  #turn = 0;

  private constructor(
    api: KubernetesApi,
    controlPlane: ControlPlane,
    gateways: readonly GatewayProcess[],
    watches: Watches,
  ) {
    this.#api = api;
    this.#controlPlane = controlPlane;
    this.#gateways = gateways;
    this.#watches = watches;
  }

  /** `gateways` may grow afterwards. */
  static async open(
    api: KubernetesApi,
    controlPlane: ControlPlane,
    gateways: readonly GatewayProcess[],
  ): Promise<PolicyChanger> {
    const tables = await ObjectWatch.open(api, EGRESS_TABLES);
    const reports = await ObjectWatch.open(api, GATEWAY_REPORTS);
    return new PolicyChanger(api, controlPlane, gateways, { tables, reports });
  }

  close(): void {
    this.#watches.tables.close();
    this.#watches.reports.close();
  }

  /** Proxy port of the workspace's enforced lane; waits until there is one. */
  async ports(workspace: string): Promise<number> {
    const path = pathOf(WORKSPACE_PLANS, { namespace: SYSTEM_NAMESPACE, name: workspace });
    for (;;) {
      const plan = (await this.#api.request({ method: 'GET', path }).catch(() => undefined)) as
        | WorkspacePlan
        | undefined;
      const lane = plan?.spec.lanes?.find((one) => one.lane === 'enforced');
      if (lane !== undefined) return lane.firstPort;
      await delay(REST_MS);
    }
  }

  /** Until every gateway allows `name` to the workspace; resolves with how long that took. */
  async ready(workspace: string, name: string): Promise<number> {
    const startMs = performance.now();
    const port = await this.ports(workspace);
    for (const gateway of this.#gateways) await gateway.untilStatus(port, name, ALLOWED);
    return performance.now() - startMs;
  }

  /** Until nothing has been written for some seconds. */
  settled(): Promise<void> {
    return untilNoWrites(this.#controlPlane);
  }

  /** With `ca` a tunnel is open through every gateway to each name that is removed; nothing waits for its end. */
  async run(workspace: string, count: number, ca?: string): Promise<PolicyChanges> {
    const port = await this.ports(workspace);
    await this.settled();
    const before = await writesSoFar(this.#controlPlane);
    const changes: PolicyChange[] = [];
    const tunnelCloser: Promise<number>[] = [];
    for (let at = 0; at < count; at += 1) {
      const next = this.#nextChange();
      const held = ca !== undefined && next.isRemoval ? await this.#hold(port, next.name, ca) : undefined;
      const { answeredMs, change } = await this.#change(port, next);
      changes.push(change);
      if (held !== undefined) tunnelCloser.push(held.ended.then((endedMs) => endedMs - answeredMs));
    }
    const closedAfterMs = await Promise.all(tunnelCloser);
    await this.settled();
    return { changes, closedAfterMs, writes: writesBetween(before, await writesSoFar(this.#controlPlane)) };
  }

  #hold(port: number, name: string, ca: string): ReturnType<typeof holdTunnels> {
    const proxies = this.#gateways.map((gateway) => gateway.proxy(port));
    return holdTunnels(proxies, name, ca);
  }

  /** A prime step, so that the names lie all over the policy and the shards. */
  #nextChange(): NextChange {
    const index = (Math.floor(this.#turn / 2) * 97) % DESTINATIONS;
    const isRemoval = this.#turn % 2 === 0;
    this.#turn += 1;
    return { index, isRemoval, name: destinationNames(DESTINATIONS)[index] ?? '' };
  }

  async #change(
    port: number,
    { index, isRemoval, name }: NextChange,
  ): Promise<{ readonly answeredMs: number; readonly change: PolicyChange }> {
    const files = this.#gateways.map((gateway) => gateway.watchTables());
    const table = this.#watches.tables.next('the EgressTable', () => true);
    const reported = table.then(({ object }) => this.#reported(object));
    try {
      const startMs = performance.now();
      await this.#patch(index, isRemoval);
      const answeredMs = performance.now();
      const enforced = await Promise.all(
        this.#gateways.map((one) => one.untilStatus(port, name, isRemoval ? DENIED : ALLOWED)),
      );
      const since = (moments: readonly number[]): number => Math.max(...moments) - answeredMs;
      const change = {
        answerMs: answeredMs - startMs,
        tableMs: since([(await table).atMs]),
        fileMs: since(files.map(({ atMs }) => atMs())),
        enforcedMs: since(enforced),
        reportedMs: since(await reported),
      };
      return { answeredMs, change };
    } finally {
      for (const { watcher } of files) watcher.close();
      await delay(REST_MS);
    }
  }

  async #patch(index: number, isRemoval: boolean): Promise<void> {
    const path = `${LIST}/${index}`;
    const value = { destination: destinationNames(DESTINATIONS)[index] };
    await this.#api.request({
      method: 'PATCH',
      path: pathOf(resourceOfKind('NetworkPolicy'), { name: POLICY }),
      body: [isRemoval ? { op: 'remove', path } : { op: 'add', path, value }],
      contentType: 'application/json-patch+json',
    });
  }

  /** When each gateway said that it runs this table. */
  async #reported(table: KubernetesObject): Promise<readonly number[]> {
    const { revision } = (table as unknown as EgressTable).spec;
    const seen = this.#gateways.map(({ name }) =>
      this.#watches.reports.next(`the report of ${name}`, (object) => {
        const { spec } = object as unknown as GatewayReport;
        const runs = spec.tables?.some(
          (one) => one.table === table.metadata.name && one.revision === revision,
        );
        return object.metadata.name === name && runs === true;
      }),
    );
    return (await Promise.all(seen)).map(({ atMs }) => atMs);
  }
}
