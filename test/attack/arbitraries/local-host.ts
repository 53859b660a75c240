// Hosts that mean the machine of the gateway itself: loopback in every spelling that some parser takes, its own
// address, and names whose DNS leads there.
import type { DnsRecord } from '../../outside/dns-zone.ts';
import type { OutsideServers } from '../../outside/outside-servers.ts';

export interface LocalHost {
  readonly name: string;
  readonly written: (outside: OutsideServers) => string;
  /** A name that means nothing here, so the DNS may be asked for it in dry-run. */
  readonly isName?: true;
}

const NUMBERS = [
  '0',
  '017700000001',
  '0x7f000001',
  '2130706433',
  '127.1',
  '127.0.1',
  '0177.0.0.1',
  '0x7f.0.0.1',
];
const NAMES = ['localhost.localdomain', 'ip6-localhost', 'a.localhost'];

const LOOPBACK = [
  '127.0.0.1',
  '127.0.0.2',
  '127.000.000.001',
  '127.0.0.1.',
  '0.0.0.0',
  '[::1]',
  '[::]',
  '[0:0:0:0:0:0:0:1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[::127.0.0.1]',
  '[64:ff9b::7f00:1]',
  '[::1%25lo]',
  '::1',
  'localhost',
  'LocalHost',
  'localhost.',
  '169.254.0.1',
  '[fe80::1]',
];

/** Under an allowed wildcard. */
export const LOCAL_RECORDS: Readonly<Record<string, (outside: OutsideServers) => DnsRecord>> = {
  'to-loopback': () => ({ a: ['127.0.0.1'] }),
  'to-any': () => ({ a: ['0.0.0.0'] }),
  'to-loopback-six': () => ({ a: [], aaaa: ['::1'] }),
  'to-mapped': () => ({ a: [], aaaa: ['::ffff:127.0.0.1'] }),
  'to-link-local': () => ({ a: ['169.254.0.1'] }),
  'to-closed': ({ closedAddress }) => ({ a: [closedAddress] }),
  'by-alias': () => ({ cname: 'to-loopback.leads.example.net' }),
};

/** Where the gateway listens. */
export const GATEWAY_RECORDS: typeof LOCAL_RECORDS = {
  'to-gateway': ({ listenAddress }) => ({ a: [listenAddress] }),
  'to-mapped-gateway': ({ listenAddress }) => ({ a: [], aaaa: [`::ffff:${listenAddress}`] }),
};

export const LOCAL_HOSTS: readonly LocalHost[] = [
  ...[...LOOPBACK, ...NUMBERS].map((text) => ({ name: text, written: () => text })),
  ...NAMES.map((text) => ({ name: text, written: () => text, isName: true }) as const),
  { name: 'the gateway, as a number', written: ({ listenAddress }) => `${asNumber(listenAddress)}` },
  { name: 'outside the open range', written: ({ closedAddress }) => closedAddress },
  ...Object.keys(LOCAL_RECORDS).map(labelled),
];

/** Its address lies in the range that the scene opens for the outside servers, so only its own ports there are shut. */
export const GATEWAY_HOSTS: readonly LocalHost[] = [
  { name: 'the gateway', written: ({ listenAddress }) => listenAddress },
  { name: 'the gateway, mapped', written: ({ listenAddress }) => `[::ffff:${listenAddress}]` },
  ...Object.keys(GATEWAY_RECORDS).map(labelled),
];

function labelled(label: string): LocalHost {
  return { name: label, written: () => `${label}.leads.example.net` };
}

function asNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}
