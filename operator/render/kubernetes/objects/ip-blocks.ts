// All addresses but some -> peers of a KubeNetworkPolicy.
import { type AddressRange, formatRange } from '../../../model/address-range.ts';

export interface IpBlock {
  readonly cidr: string;
  readonly except: readonly string[];
}

const EVERYWHERE = [
  { cidr: '0.0.0.0/0', family: 4 },
  { cidr: '::/0', family: 6 },
] as const;
/** IPv4 inside IPv6 is a matter of sockets: no packet has such an address, and the API server rejects it. */
const MAPPED = /^::ffff:[0-9a-f]+:[0-9a-f]+\//;

export function blocksExcept(ranges: readonly AddressRange[]): readonly { readonly ipBlock: IpBlock }[] {
  return EVERYWHERE.map(({ cidr, family }) => ({
    ipBlock: {
      cidr,
      except: ranges
        .filter((range) => range.family === family)
        .map(formatRange)
        .filter((text) => !MAPPED.test(text)),
    },
  }));
}
