// What a gateway itself is on its machine: its addresses, and the ports of its lanes. What listens there only the
// gateway reaches of itself, so it is shut for whoever asks the gateway to go there.
import { networkInterfaces } from 'node:os';
import type { ProxyConfig, RunConfig } from '../../config.ts';
import { type AddressRange, parseAddressRange } from '../../model/address-range.ts';
import type { GatewaySettings } from '../../render/envoy/envoy-config.ts';

const EVERY_ADDRESS: readonly string[] = ['0.0.0.0', '::'];

type OwnConfig = Pick<ProxyConfig, 'listenAddress' | 'openRanges'> & Partial<Pick<RunConfig, 'ports'>>;

/** A range may be opened in which the lanes themselves are; their ports stay shut there. */
export function ownPlaces(config: OwnConfig): Pick<GatewaySettings, 'ownAddresses' | 'ownPlaces'> {
  const { listenAddress, openRanges, ports } = config;
  const ownPlaces = EVERY_ADDRESS.includes(listenAddress)
    ? openRanges.flatMap((range) => (ports === undefined ? [] : [{ range, ports }]))
    : rangesOf([listenAddress]).map((range) => ({ range, ...(ports === undefined ? {} : { ports }) }));
  return { ownAddresses: rangesOf([listenAddress, ...addressesOfMachine()]), ownPlaces };
}

function addressesOfMachine(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((entries = []) => entries.map(({ address }) => address));
}

function rangesOf(addresses: readonly string[]): readonly AddressRange[] {
  return addresses.map(parseAddressRange).flatMap((parsed) => ('range' in parsed ? [parsed.range] : []));
}
