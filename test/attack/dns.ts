// DNS (group D): an allowed name leads to the gateway, any other does not exist, and no question travels on.
import type { Denial } from '../../operator/model/denial.ts';
import { type AttackCase, attack, denied, type Wanted } from './attack-case.ts';
import { connect, dns, dnsOverTcp, http, oddQuestion, rawDns } from './senders.ts';

const ALLOWED = 'example.com';
const EVIL = 'evil.example';
const ANSWERED: Wanted = { verdict: 'A', answer: 'NOERROR A <gateway>' };
const NO_DATA: Wanted = { verdict: 'A', answer: 'NOERROR' };
const LONG_LABEL = `${'x'.repeat(60)}.${'y'.repeat(60)}`;

function noSuchName(name: string, reason: NonNullable<Wanted['reason']> = 'DESTINATION_NOT_ALLOWED'): Wanted {
  const row: Partial<Denial> = {
    destination: name,
    destinationType: 'DNS',
    dnsEvent: { domainName: name, rcode: 3 },
    port: null,
    sni: null,
  };
  return denied(reason, row, 'NXDOMAIN');
}

const QUESTIONS: readonly AttackCase[] = [
  ...['A', 'AAAA', 'HTTPS', 'SVCB', 'TXT', 'MX', 'NULL', 'CNAME', 'SRV'].map((type) =>
    attack('D79', `${type} of an unlisted name`, dns(EVIL, { type }), noSuchName(EVIL)),
  ),
  attack('D79b', 'the same over TCP', dnsOverTcp(EVIL), noSuchName(EVIL)),
  attack(
    'D79c',
    'a blocked name',
    dns('both.example.com'),
    noSuchName('both.example.com', 'DESTINATION_BLOCKED'),
  ),
  attack('D79d', "the wildcard's own name", dns('data.example.org'), noSuchName('data.example.org')),
  attack('D79e', 'a sub-domain of a plain name', dns('www.example.com'), noSuchName('www.example.com')),
  attack('D79f', 'the root', dns('.'), {
    ...NO_DATA,
    because: 'the root exists, and nothing about it is answered',
  }),
  attack('D80', 'an allowed name', dns(ALLOWED), ANSWERED),
  attack('D80b', 'an allowed name over TCP', dnsOverTcp(ALLOWED), ANSWERED),
  attack('D80c', 'over TCP, a few bytes at a time', dnsOverTcp(ALLOWED, {}, 10), ANSWERED),
  attack('D80d', 'mixed case', dns('eXaMpLe.CoM'), ANSWERED),
  attack('D80e', 'a name under a wildcard', dns('a.b.data.example.org'), ANSWERED),
  ...['AAAA', 'TXT', 'MX', 'NS', 'SOA', 'NULL', 'CNAME', 'SRV'].map((type) =>
    attack('D80f', `${type} of an allowed name`, dns(ALLOWED, { type }), NO_DATA),
  ),
  ...['HTTPS', 'SVCB'].map((type) =>
    attack('S73', `${type} of an allowed name: keys for encrypted hellos`, dns(ALLOWED, { type }), NO_DATA),
  ),
  attack(
    'D92',
    'metadata by name',
    dns('metadata.google.internal'),
    noSuchName('metadata.google.internal', 'METADATA_ADDRESS'),
  ),
  attack(
    'D92b',
    'an address as name',
    dns('169.254.169.254'),
    noSuchName('169.254.169.254', 'METADATA_ADDRESS'),
  ),
  attack('D92c', 'a number as name', dns('2852039166'), noSuchName('2852039166', 'BAD_NAME')),
  attack('D92d', 'an address backwards', dns('254.169.254.169.in-addr.arpa', { type: 'PTR' }), {
    verdict: 'D',
    answer: 'NXDOMAIN',
    because: 'no row: programs ask for the names of addresses by themselves',
  }),
];

const TUNNELS: readonly AttackCase[] = [
  attack(
    'D81',
    'a payload in labels',
    dns(`${LONG_LABEL}.t.evil.net`, { type: 'NULL' }),
    noSuchName(`${LONG_LABEL}.t.evil.net`),
  ),
  attack(
    'D81b',
    'a payload in labels, over TCP',
    dnsOverTcp(`${LONG_LABEL}.t.evil.net`, { type: 'TXT' }),
    noSuchName(`${LONG_LABEL}.t.evil.net`),
  ),
  attack(
    'D82',
    'a payload in labels under an allowed wildcard',
    dns(`${LONG_LABEL}.data.example.org`),
    ANSWERED,
  ),
  attack('D82b', 'the same as TXT', dns(`${LONG_LABEL}.data.example.org`, { type: 'TXT' }), NO_DATA),
  attack(
    'D84',
    'DNS over HTTPS',
    connect('dns.google:443'),
    denied('DESTINATION_NOT_ALLOWED', { destination: 'dns.google', port: 443 }),
  ),
  attack(
    'D84b',
    'DNS over HTTPS in the clear',
    http('cloudflare-dns.com', '/dns-query?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB'),
    denied('DESTINATION_NOT_ALLOWED', { destination: 'cloudflare-dns.com', port: 80 }),
  ),
  attack(
    'D84c',
    'the name that switches it off in browsers',
    dns('use-application-dns.net'),
    noSuchName('use-application-dns.net'),
  ),
];

const LOCAL: readonly AttackCase[] = [
  attack('D90', 'a name of mDNS', dns('printer.local'), noSuchName('printer.local')),
  attack(
    'D90b',
    'an alias of the hosts file, by CONNECT',
    connect('localhost:443'),
    denied('DESTINATION_NOT_ALLOWED', { destination: 'localhost', port: 443 }),
  ),
  attack('D90c', 'an alias of the hosts file', dns('localhost'), {
    verdict: 'A',
    answer: 'NOERROR A 127.0.0.1',
    because: 'it means whoever asks (RFC 6761)',
  }),
  attack('D91', 'a search suffix behind an allowed name', dns('example.com.tenant.svc.cluster.local'), {
    verdict: 'D',
    answer: 'NXDOMAIN',
    because: 'no row: resolvers try their search suffixes before every name',
  }),
];

const SIZES: readonly AttackCase[] = [
  attack('D88', 'EDNS of 4,096 bytes', dns(ALLOWED, { edns: 4096 }), ANSWERED),
  attack('D88b', 'EDNS of 1 byte', dns(ALLOWED, { edns: 1 }), ANSWERED),
  attack('D88c', 'EDNS of 65,535 bytes', dns(EVIL, { edns: 65_535 }), noSuchName(EVIL)),
];

const SILENCE: Wanted = { verdict: 'D', answer: 'silence' };
const UNREADABLE = 'no row: there is no name to speak of';

const ODD: readonly AttackCase[] = [
  ['D93', 'no bytes', '', SILENCE],
  ['D93b', 'five bytes', '\x12\x34\x01\0\0', SILENCE],
  [
    'D93c',
    'an answer instead of a question',
    oddQuestion(['unlisted', 'example', 'net'], { flags: 0x8180 }),
    SILENCE,
  ],
  ['D93d', 'no question', '\x12\x34\x01\0\0\0\0\0\0\0\0\0', { verdict: 'D', answer: 'FORMERR' } as const],
  [
    'D93e',
    'more questions than there are',
    oddQuestion(['unlisted', 'example', 'net'], { count: 9 }),
    { verdict: 'D', answer: 'FORMERR' } as const,
  ],
  [
    'D93f',
    'a name that points to itself',
    '\x12\x34\x01\0\0\x01\0\0\0\0\0\0\xc0\x0c\0\x01\0\x01',
    { verdict: 'D', answer: 'FORMERR' } as const,
  ],
  [
    'D93g',
    'a label that ends beyond the message',
    '\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x3fabc',
    { verdict: 'D', answer: 'FORMERR' } as const,
  ],
  [
    'D93h',
    'another operation: update',
    oddQuestion(['unlisted', 'example', 'net'], { flags: 0x2900 }),
    { verdict: 'D', answer: 'NOTIMP' } as const,
  ],
].map(([number, title, bytes, wanted]) =>
  attack(String(number), String(title), rawDns(String(bytes)), {
    ...(wanted as Wanted),
    because: UNREADABLE,
  }),
);

const ODD_NAMES: readonly AttackCase[] = [
  ['D94', 'NUL in a label', ['evil\0', 'data', 'example', 'org']],
  ['D94b', 'a dot in a label', ['evil.com.data', 'example', 'org']],
  ['D94c', 'a byte above 127 in a label', ['b\xfccher', 'data', 'example', 'org']],
  ['D94d', 'a separator of our log in a label', ['a|tenant|b', 'data', 'example', 'org']],
  ['D94e', 'a line break and quotes in a label', ['a"\n{', 'data', 'example', 'org']],
  ['N17b', 'a hyphen at the edge', ['-dmarc', 'data', 'example', 'org']],
].map(([number, title, labels]) =>
  attack(
    String(number),
    String(title),
    rawDns(oddQuestion(labels as readonly string[])),
    denied('BAD_NAME', { destinationType: 'DNS', port: null }, 'NXDOMAIN'),
  ),
);

export const DNS: readonly AttackCase[] = [
  ...QUESTIONS,
  ...TUNNELS,
  ...LOCAL,
  ...SIZES,
  ...ODD,
  ...ODD_NAMES,
];
