// Embedded mode: a block of loopback ports per workspace and product, since there are no pods to distinguish them.
// Plans and stored ports -> egress listeners, and the endpoints.json that scripts read.
import { formatHostPort } from '../../lib/host-port.ts';
import type { Lane } from '../../model/lane.ts';
import { DNS_OFFSET, HTTP_OFFSET, TLS_OFFSET, type TlsPort } from '../../model/lane-port.ts';
import type { Product } from '../../model/product.ts';
import type { WorkspacePlan } from '../../model/workspace-plan.ts';
import type { EgressListener } from '../../render/envoy/envoy-config.ts';
import type { IngressEndpoint } from '../ingress/ingress-endpoints.ts';

/** endpoints.json: what a script needs to act as a workload. */
export interface Endpoints {
  readonly workspaces: readonly WorkspaceEndpoints[];
  /** Where people reach the hosts of workspaces; left out where there are none. */
  readonly ingress?: readonly IngressEndpoint[];
}

interface WorkspaceEndpoints {
  readonly workspace: string;
  readonly workspaceId: string;
  readonly networkPolicyId: string;
  readonly products: readonly ProductEndpoint[];
}

export interface ProductEndpoint {
  readonly product: Product;
  readonly lane: Lane;
  /**
   * Value for HTTP_PROXY and HTTPS_PROXY; null in lane full, which needs no gateway, and in another lane where no port
   * was left: then nothing can be reached.
   */
  readonly proxy: string | null;
  /** Listener for connections to port 443 of any server, "address:port", for a client that does not use the proxy. */
  readonly tls: string | null;
  /** The same for the policy's other TLS ports, by port. */
  readonly tlsPorts: Readonly<Record<string, string>>;
  /** The same for port 80. */
  readonly http: string | null;
  /** Name server, "address:port", over UDP and TCP. */
  readonly dns: string | null;
}

type EndpointAddresses = Omit<ProductEndpoint, 'product' | 'lane'>;

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

/** A key without a port gets no egress listener: its workloads reach nothing, and a Problem says why. */
export function productListeners(
  plans: readonly WorkspacePlan[],
  firstPorts: Readonly<Record<string, number>>,
  address: string,
  tlsPorts: Readonly<Record<string, readonly TlsPort[]>> = {},
): readonly EgressListener[] {
  return plans.flatMap(({ metadata: { name: workspace }, spec }) =>
    spec.products.flatMap(({ product, lane }) => {
      const key = blockKey(workspace, product);
      const port = firstPorts[key];
      if (lane === 'full' || port === undefined) return [];
      return [
        {
          name: `${workspace}-${product.toLowerCase().replaceAll('_', '-')}`,
          workspace,
          workspaceId: spec.workspaceId,
          product,
          lane,
          networkPolicyId: spec.networkPolicyId,
          table: spec.table,
          address,
          port,
          tlsPorts: tlsPorts[key] ?? [],
        },
      ];
    }),
  );
}

export function endpointsOf(
  plans: readonly WorkspacePlan[],
  egressListeners: readonly EgressListener[],
): Endpoints {
  const byKey = new Map(
    egressListeners.flatMap((egressListener) => {
      const { workspace, product } = egressListener;
      return product === undefined ? [] : [[blockKey(workspace, product), egressListener] as const];
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
        ...addressesOf(byKey.get(blockKey(workspace, product))),
      })),
    })),
  };
}

function addressesOf(egressListener: EgressListener | undefined): EndpointAddresses {
  if (egressListener === undefined) return { proxy: null, tls: null, tlsPorts: {}, http: null, dns: null };
  const { address, port, tlsPorts } = egressListener;
  const at = (offset: number): string => formatHostPort(address, port + offset);
  return {
    proxy: `http://${at(0)}`,
    tls: at(TLS_OFFSET),
    tlsPorts: Object.fromEntries(tlsPorts.map((tls) => [tls.port, at(tls.offset)])),
    http: at(HTTP_OFFSET),
    dns: at(DNS_OFFSET),
  };
}
