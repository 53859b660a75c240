// The gateway's own addresses and ports on its machine. Only the gateway itself may reach what listens there, so they
// are denied to its clients.
import { networkInterfaces } from 'node:os';
import type { ProxyConfig, RunConfig } from '../../config.ts';
import { type AddressRange, parseAddressRange } from '../../model/address-range.ts';
import type { GatewaySettings } from '../../render/envoy/envoy-config.ts';

const EVERY_ADDRESS: readonly string[] = ['0.0.0.0', '::'];

type OwnConfig = Pick<ProxyConfig, 'listenAddress' | 'openRanges'> & Partial<Pick<RunConfig, 'ports'>>;

/** A range may be opened that contains the lanes' own address; their ports stay denied there. */
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
