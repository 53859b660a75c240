// Names: what an entry covers and what only looks like it (group N), on every way in and at admission.
import { type AttackCase, allowed, attack, denied, rejected } from './attack-case.ts';
import { everyWay } from './every-way.ts';
import { absolute, admission, connect, entry, http, raw } from './senders.ts';

const NOT_ALLOWED = { reason: 'DESTINATION_NOT_ALLOWED' } as const;
const BAD_NAME = { reason: 'BAD_NAME' } as const;
const BAD_REQUEST = denied('BAD_REQUEST', {}, '400');
const LABEL_64 = 'a'.repeat(64);
const LONG_NAME = `${'a.'.repeat(119)}data.example.org`;

const ASKED: readonly AttackCase[] = [
  ...everyWay({ number: 'N1', title: 'upper case', host: 'EXAMPLE.com', reaches: 'example.com' }),
  ...everyWay({
    number: 'N1b',
    title: 'mixed case under a wildcard',
    host: 'A.dAtA.Example.ORG',
    reaches: 'a.data.example.org',
  }),
  ...everyWay({ number: 'N2', title: 'trailing dot', host: 'example.com.', reaches: 'example.com' }),
  ...everyWay({
    number: 'N2b',
    title: 'trailing dot under a wildcard',
    host: 'a.data.example.org.',
    reaches: 'a.data.example.org',
  }),
  ...everyWay({ number: 'N4', title: 'an allowed name as ending', host: 'notexample.com', ...NOT_ALLOWED }),
  ...everyWay({ number: 'N4b', title: 'a wildcard as ending', host: 'adata.example.org', ...NOT_ALLOWED }),
  ...everyWay({
    number: 'N4c',
    title: 'an allowed name in front',
    host: 'example.com.evil.net',
    ...NOT_ALLOWED,
  }),
  ...everyWay({
    number: 'N4d',
    title: 'a wildcard in front',
    host: 'a.data.example.org.evil.net',
    ...NOT_ALLOWED,
  }),
  ...everyWay({
    number: 'N6',
    title: 'any letter in place of the dot',
    host: 'exampleXcom.net',
    ...NOT_ALLOWED,
    destination: 'examplexcom.net',
  }),
  ...everyWay({
    number: 'N6b',
    title: 'any letter in place of the dot of a wildcard',
    host: 'aXdata.example.org',
    ...NOT_ALLOWED,
    destination: 'axdata.example.org',
  }),
  ...everyWay({
    number: 'N7',
    title: 'a sub-domain of a plain name',
    host: 'www.example.com',
    ...NOT_ALLOWED,
  }),
  ...everyWay({ number: 'N8', title: "the wildcard's own name", host: 'data.example.org', ...NOT_ALLOWED }),
  ...everyWay({
    number: 'N8b',
    title: "what the wildcard's name stands under",
    host: 'example.org',
    ...NOT_ALLOWED,
  }),
  ...everyWay({
    number: 'N9',
    title: 'one label under a wildcard',
    host: 'a.data.example.org',
    reaches: 'a.data.example.org',
  }),
  ...everyWay({
    number: 'N10',
    title: 'two labels under a wildcard',
    host: 'a.b.data.example.org',
    reaches: 'a.b.data.example.org',
  }),
  ...everyWay({
    number: 'N16',
    title: 'a label of 64 letters',
    host: `${LABEL_64}.data.example.org`,
    ...BAD_NAME,
  }),
  ...everyWay({ number: 'N16b', title: 'a name of 254 letters', host: LONG_NAME, ...BAD_NAME }),
  ...everyWay({
    number: 'N17b',
    title: 'hyphens at the edge of a label',
    host: '-a.data.example.org',
    ...BAD_NAME,
  }),
  ...everyWay({ number: 'N17c', title: 'an empty label', host: 'a..data.example.org', ...BAD_NAME }),
  ...everyWay({
    number: 'N30',
    title: 'allowed and blocked',
    host: 'both.example.com',
    reason: 'DESTINATION_BLOCKED',
  }),
  ...everyWay({
    number: 'N30b',
    title: 'blocked under an allowed wildcard',
    host: 'BLOCKED.data.example.org.',
    reason: 'DESTINATION_BLOCKED',
    destination: 'blocked.data.example.org',
  }),
  ...everyWay({
    number: 'N26',
    title: 'an entry in upper case with a dot, written twice',
    host: 'folded.example.org',
    reaches: 'folded.example.org',
  }),
];

const ODD: readonly AttackCase[] = [
  attack('N2c', 'two trailing dots', connect('example.com..:443'), denied('BAD_NAME', { port: 443 })),
  attack('N2d', 'two trailing dots, as Host', http('example.com..'), denied('BAD_NAME', { port: 80 })),
  attack('N13', 'percent-encoded dot', connect('evil.com%2edata.example.org:443'), BAD_REQUEST),
  attack(
    'N13b',
    'percent-encoded dot, absolute',
    absolute('http://evil.com%2edata.example.org/'),
    BAD_REQUEST,
  ),
  attack('N13c', 'percent-encoded NUL', connect('evil.com%00.data.example.org:443'), BAD_REQUEST),
  attack('N13d', 'percent-encoded slash', connect('evil.com%2f.data.example.org:443'), BAD_REQUEST),
  attack('N14', 'NUL in CONNECT', connect('evil.com\0.data.example.org:443'), BAD_REQUEST),
  attack('N14b', 'NUL in the Host header', http('evil.com\0.data.example.org'), BAD_REQUEST),
  attack('N15', 'empty host', connect(':443'), BAD_REQUEST),
  attack('N15b', 'host "."', connect('.:443'), denied('BAD_NAME', {})),
  attack('N15c', 'host "*"', connect('*:443'), BAD_REQUEST),
  attack('N15d', 'the wildcard itself as host', connect('*.data.example.org:443'), BAD_REQUEST),
  attack('N15e', 'empty Host header', http(''), denied('BAD_NAME', {})),
  attack('N15f', 'no Host header', raw('GET / HTTP/1.1\r\n\r\n'), BAD_REQUEST),
  attack('N17', 'underscore', connect('_dmarc.data.example.org:443'), {
    ...BAD_REQUEST,
    because: 'Envoy reads no underscore in CONNECT; in a Host it does',
  }),
  attack('N17d', 'underscore as Host', http('_dmarc.a.data.example.org'), {
    ...allowed('elsewhere.example.net', '200'),
    asks: ['_dmarc.a.data.example.org'],
    because: 'Envoy does not answer 400 here, so it is a name like others',
  }),
  attack('N19', 'space', connect('example.com .evil.net:443'), BAD_REQUEST),
  attack('N19b', 'tab', connect('example.com\t.evil.net:443'), BAD_REQUEST),
  attack('N19c', 'CR', connect('example.com\r.evil.net:443'), BAD_REQUEST),
  attack('N19d', 'LF', connect('example.com\n.evil.net:443'), BAD_REQUEST),
  attack('N19e', 'tab in Host', http('example.com\t.evil.net'), BAD_REQUEST),
  attack('N19f', 'comma in Host', http('example.com,evil.net'), denied('BAD_NAME', {})),
];

const ADMISSION: readonly AttackCase[] = [
  ...rejectedEntries('N21', ['*'], 'name a domain'),
  ...rejectedEntries('N22', ['*.', '*.*', '*..', '.', ''], ''),
  ...rejectedEntries('N23', ['*.com', '*.co.uk', '*.COM', '*.com.'], 'anyone can register names'),
  ...rejectedEntries(
    'N24',
    ['foo.*.com', 'f*o.com', '**.example.com', '*example.com', 'example.*', '*.*.example.com'],
    'stands only for whole labels',
  ),
  ...rejectedEntries(
    'N25',
    ['https://example.com/', 'example.com/', 'user@example.com', '//example.com'],
    'write only the domain name',
  ),
  ...rejectedEntries('N25b', ['example.com:443', 'example.com:', '*:443'], 'write the port under "ports"'),
  ...rejectedEntries(
    'N27',
    ['192.0.2.7', '::1', '[::1]', '192.0.2.7.', '0x7f.1', '2130706433', '127.1', '１２７.0.0.1'],
    '',
  ),
  ...rejectedEntries(
    'N28',
    ['localhost', 'a.localhost', 'kubernetes.default.svc', 'db.tenant.svc.cluster.local', 'intranet'],
    '',
  ),
  ...rejectedEntries(
    'N17',
    [
      '_dmarc.example.com',
      'a_b.example.com',
      '-a.example.com',
      'a..example.com',
      'exa mple.com',
      'example.com\n',
      'example.com\0',
      `${LABEL_64}.example.com`,
    ],
    '',
  ),
  attack('N29', '2,500 destinations', destinations(2499, 1), { verdict: 'A', answer: 'accepted' }),
  attack(
    'N29b',
    '2,501 destinations of both kinds',
    destinations(2500, 1),
    rejected('Cannot accept 2501 destinations'),
  ),
  attack('N29c', '2,501 destinations of one kind', destinations(2501, 0), rejected('2500')),
];

export const NAMES: readonly AttackCase[] = [...ASKED, ...ODD, ...ADMISSION];

function rejectedEntries(
  number: string,
  written: readonly string[],
  sentence: string,
): readonly AttackCase[] {
  return written.map((text) =>
    attack(
      number,
      `entry ${JSON.stringify(text.slice(0, 30))}`,
      entry(text),
      rejected(sentence === '' ? 'Cannot accept' : sentence),
    ),
  );
}

function destinations(internet: number, buckets: number) {
  const access = {
    allowedInternetDestinations: Array.from({ length: internet }, (_, at) => ({
      destination: `host-${at}.example.com`,
    })),
    allowedStorageDestinations: Array.from({ length: buckets }, (_, at) => ({
      storageDestinationType: 'AWS_S3',
      bucketName: `bucket-${at}`,
      region: 'us-west-2',
    })),
  };
  return admission(access, `${internet} names, ${buckets} buckets`);
}
