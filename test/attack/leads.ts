// Names under an allowed wildcard that lead where no pod may go: "<label>.leads.example.net" and what the DNS answers.
// The source of the address cases, and of the outside servers' names.
import type { OutsideName, OutsideServers } from '../outside/outside-servers.ts';

export interface Lead {
  readonly label: string;
  readonly what: string;
  /** In the attack list. */
  readonly number: string;
  /** Then plain HTTP is answered as for any name that does not exist: 503 and no row. */
  readonly hasNoAddress?: boolean;
  /** The name whose server is reached, where one may be. */
  readonly reaches?: string;
  readonly answers: (outside: OutsideServers) => Omit<OutsideName, 'name'>;
}

const VICTIM = 'victim.leads.example.net';
const TEN = Array.from({ length: 200 }, (_, at) => `10.0.${at}.1`);

export const LEADS: readonly Lead[] = [
  v4('I92', 'aws-metadata', '169.254.169.254'),
  v4('I92', 'alibaba-metadata', '100.100.100.200'),
  v6('I92', 'aws-metadata-six', 'fd00:ec2::254'),
  v4('D86', 'private-ten', '10.0.0.1'),
  v4('D86', 'private-sixteen', '172.31.255.254'),
  v4('D86', 'private-one-nine-two', '192.168.1.1'),
  { ...v4('D86', 'loopback', ''), answers: ({ closedAddress }) => ({ address: closedAddress }) },
  v4('D86', 'link-local', '169.254.0.1'),
  v6('D86', 'unique-local', 'fd00::1'),
  v6('D86', 'loopback-six', '::1'),
  v6('I94', 'mapped', '::ffff:169.254.169.254'),
  v6('I94', 'mapped-private', '::ffff:10.0.0.1'),
  v6('I94', 'compatible', '::a9fe:a9fe'),
  v6('I94', 'nat64', '64:ff9b::a9fe:a9fe'),
  v6('I94', 'nat64-local', '64:ff9b:1::a9fe:a9fe'),
  v6('I94', 'six-to-four', '2002:a9fe:a9fe::1'),
  v6('I94', 'teredo', '2001:0:a9fe:a9fe::1'),
  v6('I96', 'link-local-six', 'fe80::1'),
  v6('I96', 'site-local', 'fec0::1'),
  v4('I97', 'this-network', '0.0.0.0'),
  v6('I97', 'unspecified', '::'),
  v4('I97', 'broadcast', '255.255.255.255'),
  v4('I97', 'multicast', '224.0.0.1'),
  v6('I97', 'multicast-six', 'ff02::1'),
  v4('I97', 'reserved', '240.0.0.1'),
  v4('I97', 'shared', '100.64.0.1'),
  v4('I97', 'benchmark', '198.18.0.1'),
  v4('I97', 'protocol', '192.0.0.8'),
  v4('I97', 'documentation', '203.0.113.1'),
  v6('I97', 'documentation-six', '2001:db8::1'),
  v6('I97', 'discard', '100::1'),
  v4('I98', 'cluster-ip', '10.96.0.1'),
  {
    ...v4('D88', 'two-hundred', ''),
    answers: () => ({ aInTurn: [TEN] }),
  },
  { ...v4('D85', 'alias', ''), answers: () => ({ cname: 'private-ten.leads.example.net' }) },
  { ...v4('D85', 'alias-chain', ''), answers: () => ({ cname: 'alias.leads.example.net' }) },
  { ...v4('D85', 'alias-outside', ''), answers: () => ({ cname: 'aws-metadata.leads.example.net' }) },
  {
    ...v4('D85', 'alias-loop', ''),
    hasNoAddress: true,
    answers: () => ({ cname: 'alias-loop.leads.example.net' }),
  },
  {
    ...v4('D86', 'mixed-private', ''),
    answers: ({ closedAddress }) => ({ aInTurn: [[closedAddress, '10.0.0.1']], aaaa: ['fd00::1'] }),
  },
  // What may be reached nevertheless.
  { ...good('D85', 'target', 'target'), answers: () => ({}) },
  {
    ...good('D85', 'alias-public', 'elsewhere'),
    reaches: 'elsewhere.example.net',
    answers: () => ({ cname: 'elsewhere.example.net' }),
  },
  {
    ...good('D86', 'mixed', 'target'),
    answers: (outside) => ({ aInTurn: [[outside.closedAddress, targetOf(outside), '10.0.0.1']] }),
  },
  {
    ...good('D88', 'two-hundred-and-one', 'target'),
    answers: (outside) => ({ aInTurn: [[targetOf(outside), ...TEN]] }),
  },
  // The second must be where its own answer says, not where the first one's additional section does.
  {
    ...good('D89', 'poison', 'poison'),
    answers: ({ listenAddress }) => ({ additionals: { [VICTIM]: listenAddress } }),
  },
  { ...good('D89', 'victim', 'victim'), answers: () => ({}) },
];

function v4(number: string, label: string, address: string): Lead {
  return { number, label, what: address, answers: () => ({ address }) };
}

function v6(number: string, label: string, address: string): Lead {
  return { number, label, what: address, answers: () => ({ aInTurn: [[]], aaaa: [address] }) };
}

function good(number: string, label: string, target: string) {
  return { number, label, what: `where it may, ${label}`, reaches: `${target}.leads.example.net` };
}

function targetOf(outside: OutsideServers): string {
  return outside.addressOf('target.leads.example.net');
}
