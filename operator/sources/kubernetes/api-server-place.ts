// Addresses of the API server: those of the Service "kubernetes" and of its endpoints, since some network plugins apply
// policies before the Service address is translated and some after.
import type { KubernetesObject } from '../../lib/kubernetes/api-object.ts';
import type { ApiServerPlace } from '../../model/cluster-state.ts';

/** The Service and the EndpointSlices of "kubernetes" in Namespace "default". */
export function apiServerPlace(
  services: readonly KubernetesObject[],
  slices: readonly KubernetesObject[],
): ApiServerPlace {
  const serviceSpecs = services.map((service) => service['spec'] as ServiceSpec);
  const endpoints = slices.map((slice) => slice as unknown as Slice);
  const serviceAddresses = sorted(serviceSpecs.flatMap(({ clusterIPs }) => clusterIPs ?? []));
  const servicePorts = sorted(serviceSpecs.flatMap(({ ports }) => (ports ?? []).map(({ port }) => port)));
  return {
    serviceAddresses,
    servicePorts,
    addresses: sorted([
      ...serviceAddresses,
      ...endpoints.flatMap((slice) => (slice.endpoints ?? []).flatMap(({ addresses }) => addresses)),
    ]),
    ports: sorted([
      ...servicePorts,
      ...endpoints.flatMap(({ ports }) => (ports ?? []).map(({ port }) => port)),
    ]),
  };
}

interface ServiceSpec {
  readonly clusterIPs?: readonly string[];
  readonly ports?: readonly { readonly port: number }[];
}

interface Slice {
  readonly endpoints?: readonly { readonly addresses: readonly string[] }[] | null;
  readonly ports?: readonly { readonly port: number }[] | null;
}

function sorted<Value extends string | number>(values: readonly Value[]): readonly Value[] {
  return [...new Set(values)].toSorted((a, b) => (a < b ? -1 : 1));
}
