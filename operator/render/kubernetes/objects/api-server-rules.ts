// Rules of egress that let pods reach the API server.
import type { ApiServerEgress } from '../../../model/api-server-egress.ts';
import type { ApiServerPlace } from '../../../model/cluster-state.ts';

type Rule = Readonly<Record<string, unknown>>;

/** By address, for pods of workspaces. */
export function toApiServer({ addresses, ports }: ApiServerPlace): readonly Rule[] {
  if (addresses.length === 0 || ports.length === 0) return [];
  return [
    {
      to: addresses.map((address) => ({
        ipBlock: { cidr: `${address}/${address.includes(':') ? 128 : 32}` },
      })),
      ports: tcp(ports),
    },
  ];
}

/** For gateways. With anyAddress only Envoy's address guard denies private addresses, at these ports alone. */
export function gatewayToApiServer(place: ApiServerPlace, egress: ApiServerEgress): readonly Rule[] {
  if (egress === 'ipBlock') return toApiServer(place);
  // An empty list of ports would mean every port.
  return place.ports.length === 0 ? [] : [{ ports: tcp(place.ports) }];
}

function tcp(ports: readonly number[]): readonly Rule[] {
  return ports.map((port) => ({ protocol: 'TCP', port }));
}
