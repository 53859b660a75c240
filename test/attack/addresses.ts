// Addresses (group I, and rebinding of group D): no address is a destination, in any spelling, and no allowed name
// leads to one where a pod may not go.
import { helloFor } from '../outside/client-hello.ts';
import { type AttackCase, allowed, attack, denied, type Wanted } from './attack-case.ts';
import { LEADS, type Lead } from './leads.ts';
import { absolute, connect, http, tls } from './senders.ts';

const METADATA: readonly string[] = [
  '169.254.169.254',
  '100.100.100.200',
  '[fd00:ec2::254]',
  '[::ffff:169.254.169.254]',
  '[::ffff:a9fe:a9fe]',
  '[64:ff9b::a9fe:a9fe]',
  'metadata.google.internal',
];

/** Spellings that some parsers take for an address, and others for a name. */
const ODD_NUMBERS: readonly (readonly [number: string, host: string])[] = [
  ['I93', '2852039166'],
  ['I93', '0xa9fea9fe'],
  ['I93', '0251.0376.0251.0376'],
  ['I93', '0xa9.0xfe.0xa9.0xfe'],
  ['I93', '0251.254.169.254'],
  ['I93', '169.254.43518'],
  ['I93', '127.1'],
  ['I93', '127.0.1'],
  ['I93', '0177.0.0.1'],
  ['I93', '0'],
];

/** One in each range of the list. */
const LITERALS: readonly (readonly [number: string, host: string])[] = [
  ['I93', '127.0.0.1.'],
  ['I94', '[::169.254.169.254]'],
  ['I94', '[0:0:0:0:0:ffff:7f00:1]'],
  ['I94', '[::ffff:0:127.0.0.1]'],
  ['I94', '[2002:7f00:1::]'],
  ['I94', '[::1]'],
  ['I97', '0.0.0.0'],
  ['I97', '[::]'],
  ['I97', '255.255.255.255'],
  ['I97', '224.0.0.1'],
  ['I97', '240.0.0.1'],
  ['I97', '100.64.0.1'],
  ['I97', '198.18.0.1'],
  ['I97', '192.0.0.8'],
  ['I97', '10.0.0.1'],
  ['I97', '8.8.8.8'],
  ['I98', '10.96.0.1'],
];

const PORTS_OF_MACHINES: readonly (readonly [string, string])[] = [
  ['a server on the internet', '<server>:443'],
  ['a server on the internet, port 22', '<server>:22'],
  ['the admin port of Envoy', '<gateway>:9901'],
  ['kubelet', '<gateway>:10250'],
  ['the gateway itself: a loop', '<gateway>:<proxy-port>'],
  ['the gateway by its TLS port', '<gateway>:<tls-port>'],
  ['DNS over TCP', '<server>:53'],
  ['the resolver of the gateway', '<server>:<resolver-port>'],
];

const LITERAL_CASES: readonly AttackCase[] = [
  ...METADATA.flatMap((host) => deniedHost('I92', host, 'METADATA_ADDRESS')),
  ...['METADATA.google.internal.', '169.254.169.254.'].flatMap((host) =>
    deniedHost('I92b', host, 'METADATA_ADDRESS', host.toLowerCase().replace(/\.$/, '')),
  ),
  ...ODD_NUMBERS.flatMap(([number, host]) => deniedHost(number, host, 'BAD_NAME')),
  ...LITERALS.flatMap(([number, host]) => deniedHost(number, host, 'IP_LITERAL', host.replace(/\.$/, ''))),
  ...['[fe80::1%25eth0]', '[::1', '::1', '[example.com]', '[]'].map((host) =>
    attack(
      'I96',
      `address with more than an address: ${host}`,
      connect(`${host}:443`),
      denied('BAD_REQUEST', {}, '400'),
    ),
  ),
  attack('I96b', 'a scoped address', connect('[fe80::1%lo]:443'), denied('BAD_NAME', { port: 443 })),
  ...PORTS_OF_MACHINES.map(([title, authority]) =>
    attack(
      title.includes('gateway') ? 'I99' : title.startsWith('DNS') ? 'D83' : 'I98',
      title,
      connect(authority),
      denied('IP_LITERAL', {
        destination: authority.split(':')[0] ?? '',
        destinationType: 'IP',
      }),
    ),
  ),
];

/** In CONNECT and in absolute form. */
function deniedHost(
  number: string,
  host: string,
  reason: 'METADATA_ADDRESS' | 'IP_LITERAL' | 'BAD_NAME',
  destination = host,
): readonly AttackCase[] {
  return [
    attack(number, `${host}, by CONNECT`, connect(`${host}:443`), denied(reason, { destination, port: 443 })),
    attack(
      number,
      `${host}, absolute`,
      absolute(`http://${host}/`),
      denied(reason, { destination, port: 80 }),
    ),
  ];
}

const LEAD_CASES: readonly AttackCase[] = LEADS.flatMap((lead) => {
  const host = `${lead.label}.leads.example.net`;
  const { reaches, number } = lead;
  const title = `a name that leads to ${lead.what || lead.label}`;
  const [tunnelled, bytes, plain, direct] =
    reaches === undefined ? notDialled(host, lead) : dialled(host, reaches);
  return [
    attack(number, `${title}, TLS in CONNECT`, connect(`${host}:443`), tunnelled),
    attack(number, `${title}, bytes in CONNECT`, connect(`${host}:5432`, 'echo!'), bytes),
    attack(number, `${title}, absolute`, absolute(`http://${host}/`), plain),
    attack(number, `${title}, by Host`, http(host), plain),
    attack(number, `${title}, by SNI`, tls(helloFor(host)), direct),
  ];
});

type ByWay = readonly [tunnelled: Wanted, bytes: Wanted, plain: Wanted, direct: Wanted];

/** The name may be asked for, and nothing else happens. */
function notDialled(destination: string, { hasNoAddress = false }: Lead): ByWay {
  const asks = [destination];
  const unresolved = (port: number, answer: string): Wanted => ({
    ...denied('UNRESOLVED_OR_PRIVATE', { destination, port }, answer),
    asks,
  });
  const plain = hasNoAddress
    ? unresolved(80, '503')
    : { ...denied('ADDRESS_DENIED', { destination, port: 80 }), asks };
  return [unresolved(443, '200 closed'), unresolved(5432, '200 closed'), plain, unresolved(443, 'closed')];
}

function dialled(host: string, reaches: string): ByWay {
  const answered = (answer: string): Wanted => ({ ...allowed(reaches, answer), asks: [host] });
  return [answered('200 hello'), answered('200 echo'), answered('200'), answered('hello')];
}

/** In dry-run all but metadata passes, so nothing else outside of loopback may be tried there. */
const DRY_RUN: readonly AttackCase[] = METADATA.filter((host) => !host.includes('64:ff9b')).map((host) => ({
  ...attack(
    'I92c',
    `${host} in dry-run`,
    connect(`${host}:80`, ''),
    denied('METADATA_ADDRESS', { destination: host, port: 80 }),
  ),
  from: 'trial',
}));

export const ADDRESSES: readonly AttackCase[] = [...LITERAL_CASES, ...LEAD_CASES, ...DRY_RUN];
