// Services that must get their former addresses, since pods use them. Where one of two addresses is still allocated,
// the API server rejects the Service and leaks the other (seen in 1.36), which stays unavailable for a minute or more;
// so a Service is created only when all its addresses are free.
import { type KubernetesObject, pathOf } from '../../lib/kubernetes/api-object.ts';
import { ApiFailure, type KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { IP_ADDRESSES } from '../../model/cluster-resources.ts';
import { inParallel } from './in-parallel.ts';
import type { WriteFailures } from './object-writer.ts';

/** In: Services that are to be made anew. Out: those that have to wait, each with what it waits for. */
export function heldAddresses(
  services: readonly KubernetesObject[],
  api: KubernetesApi,
): Promise<WriteFailures> {
  return inParallel(services, async (service) => {
    for (const address of addressesOf(service)) {
      const holder = await holderOf(address, api);
      if (holder === undefined) continue;
      throw new Error(
        `Its address ${address} is held for ${holder}: it is created as soon as nobody holds it; to free it now, run "kubectl delete ipaddress ${address}" if that Service is gone`,
      );
    }
  });
}

function addressesOf({ spec }: KubernetesObject): readonly string[] {
  return (spec as { readonly clusterIPs?: readonly string[] } | undefined)?.clusterIPs ?? [];
}

interface IpAddress {
  readonly spec: {
    readonly parentRef: { readonly resource: string; readonly namespace?: string; readonly name: string };
  };
}

/** Undefined where nobody holds it. A deleted Service holds it a moment longer than it exists. */
async function holderOf(address: string, api: KubernetesApi): Promise<string | undefined> {
  try {
    const path = pathOf(IP_ADDRESSES, { name: address });
    const { spec } = (await api.request({ method: 'GET', path })) as IpAddress;
    const { resource, namespace = '', name } = spec.parentRef;
    return `"${namespace}/${name}" (${resource})`;
  } catch (error) {
    if (error instanceof ApiFailure && error.status === 404) return undefined;
    throw error;
  }
}
