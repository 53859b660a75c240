// Embedded mode: one loopback port per workspace and product, since there are no pods to tell them apart.
// Plans and remembered ports -> entrances, and the endpoints.json that scripts read.
import type { Lane, Product } from '../model/product.ts';
import type { WorkspacePlan } from '../model/workspace-plan.ts';
import type { Entrance } from '../render/envoy/envoy-config.ts';

/** endpoints.json: what a script needs to act as a workload. */
export interface Endpoints {
  readonly workspaces: readonly WorkspaceEndpoints[];
}

export interface WorkspaceEndpoints {
  readonly workspace: string;
  readonly workspaceId: string;
  readonly networkPolicyId: string;
  readonly products: readonly ProductEndpoint[];
}

export interface ProductEndpoint {
  readonly product: Product;
  readonly lane: Lane;
  /**
   * Value for HTTP_PROXY and HTTPS_PROXY; null in lane full, which has no gateway in the way, and in another lane where
   * no port was left: then there is no way out.
   */
  readonly proxy: string | null;
}

/** Key of a port block: "<workspace>/<product>". */
export function blockKey(workspace: string, product: Product): string {
  return `${workspace}/${product}`;
}

/** Every key that needs a port: all products of every workspace but those in lane full. */
export function wantedBlocks(plans: readonly WorkspacePlan[]): readonly string[] {
  return plans.flatMap((plan) =>
    plan.spec.products
      .filter(({ lane }) => lane !== 'full')
      .map(({ product }) => blockKey(plan.metadata.name, product)),
  );
}

/** A key without a port gets no entrance: its workloads reach nothing, and a Problem says why. */
export function entrancesOf(
  plans: readonly WorkspacePlan[],
  firstPorts: Readonly<Record<string, number>>,
  address: string,
): readonly Entrance[] {
  return plans.flatMap(({ metadata: { name: workspace }, spec }) =>
    spec.products.flatMap(({ product, lane }) => {
      const port = firstPorts[blockKey(workspace, product)];
      if (lane === 'full' || port === undefined) return [];
      return [
        {
          name: `proxy-${workspace}-${product.toLowerCase().replaceAll('_', '-')}`,
          workspace,
          workspaceId: spec.workspaceId,
          product,
          lane,
          networkPolicyId: spec.networkPolicyId,
          table: spec.table,
          address,
          port,
        },
      ];
    }),
  );
}

export function endpointsOf(plans: readonly WorkspacePlan[], entrances: readonly Entrance[]): Endpoints {
  const proxies = new Map(
    entrances.flatMap(({ workspace, product, address, port }) => {
      const url = `http://${address.includes(':') ? `[${address}]` : address}:${port}`;
      return product === undefined ? [] : [[blockKey(workspace, product), url] as const];
    }),
  );
  return {
    workspaces: plans.map(({ metadata: { name: workspace }, spec }) => ({
      workspace,
      workspaceId: spec.workspaceId,
      networkPolicyId: spec.networkPolicyId,
      products: spec.products.map(({ product, lane }) => ({
        product,
        lane,
        proxy: proxies.get(blockKey(workspace, product)) ?? null,
      })),
    })),
  };
}
