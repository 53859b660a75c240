// Whether new connections still come to a gateway by some EndpointSlice of ours.
import { pathOf } from '../../lib/kubernetes/api-object.ts';
import type { KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { ENDPOINT_SLICES } from '../../model/cluster-resources.ts';

interface Slice {
  readonly endpoints?:
    | readonly { readonly addresses: readonly string[]; readonly conditions?: { readonly ready?: boolean } }[]
    | null;
}

/** Asks the API server; throws where it does not answer. */
export async function isNamedInSlices(
  api: KubernetesApi,
  addresses: readonly string[],
  { namespace, labelSelector }: { readonly namespace: string; readonly labelSelector: string },
): Promise<boolean> {
  const path = pathOf(ENDPOINT_SLICES, { namespace });
  const { items } = (await api.request({ method: 'GET', path, query: { labelSelector } })) as {
    readonly items: readonly Slice[];
  };
  return items.some(({ endpoints }) =>
    endpoints?.some(
      ({ addresses: named, conditions }) =>
        conditions?.ready !== false && named.some((address) => addresses.includes(address)),
    ),
  );
}
