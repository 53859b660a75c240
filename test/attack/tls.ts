// TLS (group S): the server name decides, in a tunnel and on the transparent port, whatever shape the ClientHello has.
import {
  clientHello,
  ENCRYPTED_CLIENT_HELLO,
  encryptedHelloBody,
  GREASE,
  helloFor,
  PADDING,
} from '../outside/client-hello.ts';
import { type AttackCase, allowed, attack, closed, denied, type Wanted } from './attack-case.ts';
import { everyWay } from './every-way.ts';
import { connect, quic, slowly, tls, tlsOn8443 } from './senders.ts';

const ALLOWED = 'example.com';
const EVIL = 'evil.example';
const ROW = { destination: ALLOWED, port: 443 } as const;
const ASKED_AGAIN = { destination: EVIL, port: 443 } as const;

const hello = (...names: readonly string[]): string => clientHello({ names });

/** In pieces of so many bytes. */
function inPieces(bytes: string, size: number): readonly string[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
    bytes.slice(at * size, (at + 1) * size),
  );
}

/** What is said inside a tunnel to an allowed name. */
const IN_TUNNELS: readonly (readonly [
  number: string,
  title: string,
  bytes: string | readonly string[],
  wanted: Wanted,
])[] = [
  ['S63', 'another name', hello(EVIL), mismatch(EVIL)],
  ['S63b', 'another name that is allowed, too', hello('a.data.example.org'), mismatch('a.data.example.org')],
  ['S63c', 'a name under the one of CONNECT', hello('www.example.com'), mismatch('www.example.com')],
  ['S63d', 'a name that begins alike', hello('example.com.evil.net'), mismatch('example.com.evil.net')],
  ['S63e', 'NUL behind the name', hello('example.com\0.evil.net'), closed('NOT_TLS', ROW)],
  ['S63f', 'white space behind the name', hello('example.com '), mismatch('invalid:example.com_')],
  ['S63g', 'two names, the right one first', hello(ALLOWED, EVIL), closed('NOT_TLS', ROW)],
  ['S63h', 'two names, the right one last', hello(EVIL, ALLOWED), closed('NOT_TLS', ROW)],
  [
    'S63i',
    'the extension twice, the right one first',
    clientHello({ names: [ALLOWED], secondNames: [EVIL] }),
    closed('NOT_TLS', ROW),
  ],
  [
    'S63j',
    'the extension twice, the right one last',
    clientHello({ names: [EVIL], secondNames: [ALLOWED] }),
    closed('NOT_TLS', ROW),
  ],
  ['S63k', 'a name of another type', clientHello({ names: [ALLOWED], nameType: 1 }), closed('NOT_TLS', ROW)],
  [
    'S63l',
    'a separator of our log',
    hello('example.com|tenant|other'),
    mismatch('invalid:example.com_tenant_other'),
  ],
  [
    'S63m',
    'a line break and quotes',
    hello('example.com"\r\n{"listener":"proxy"}'),
    { ...closed('SNI_MISMATCH', ROW) },
  ],
  ['S63n', 'a command of the log format', hello('%REQ(:AUTHORITY)%'), mismatch('invalid:_req__authority__')],
  ['S65', 'no name', clientHello(), { ...closed('NO_SNI', ROW) }],
  ['S65b', 'an empty list of names', clientHello({ names: [] }), closed('NOT_TLS', ROW)],
  ['S65c', 'an empty name', hello(''), closed('NOT_TLS', ROW)],
  ['S66', 'an address as name', hello('169.254.169.254'), mismatch('169.254.169.254')],
  ['S67', 'upper case', hello('EXAMPLE.com'), allowed(ALLOWED)],
  ['S67b', 'a trailing dot', hello('example.com.'), allowed(ALLOWED)],
  ['S67c', 'two trailing dots', hello('example.com..'), mismatch('example.com..')],
  ['S70', 'another name, over many segments', inPieces(hello(EVIL), 16), mismatch(EVIL)],
  ['S70b', 'another name, over many records', clientHello({ names: [EVIL], recordBytes: 7 }), mismatch(EVIL)],
  ['S70c', 'the right name, over many segments', inPieces(hello(ALLOWED), 16), allowed(ALLOWED)],
  [
    'S70d',
    'the right name, over many records',
    clientHello({ names: [ALLOWED], recordBytes: 40 }),
    allowed(ALLOWED),
  ],
  [
    'S70e',
    'another name, a byte per record, over many segments',
    inPieces(clientHello({ names: [EVIL], recordBytes: 1 }), 100),
    mismatch(EVIL),
  ],
  [
    'S71',
    'TLS of 16 kB and more',
    clientHello({ names: [EVIL], extensions: [[PADDING, Buffer.alloc(20_000)]], recordBytes: 16_000 }),
    closed('CLIENT_HELLO_TOO_LARGE', ROW),
  ],
  ['S72', 'SSH', 'SSH-2.0-client\r\n', closed('NOT_TLS', ROW)],
  ['S72b', 'plain HTTP', 'GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n', closed('NOT_TLS', ROW)],
  ['S72d', 'a record that is no handshake', '\x17\x03\x03\0\x05hello', closed('NOT_TLS', ROW)],
  ['S73', 'an encrypted hello to another name', outer(EVIL), mismatch(EVIL)],
  [
    'S76',
    'a resumed session with another name',
    clientHello({ names: [EVIL], extensions: resumption() }),
    mismatch(EVIL),
  ],
];

function mismatch(sni: string): Wanted {
  return closed('SNI_MISMATCH', { ...ROW, sni });
}

function outer(name: string): string {
  return clientHello({ names: [name], extensions: [[ENCRYPTED_CLIENT_HELLO, encryptedHelloBody()]] });
}

/** early_data and a pre_shared_key that nobody gave. */
function resumption(): readonly (readonly [number, Buffer])[] {
  const identity = Buffer.concat([Buffer.from([0, 38, 0, 32]), Buffer.alloc(32, 7), Buffer.alloc(4)]);
  const binders = Buffer.concat([Buffer.from([0, 33, 32]), Buffer.alloc(32, 9)]);
  return [
    [42, Buffer.alloc(0)],
    [41, Buffer.concat([identity, binders])],
  ];
}

/** Names that mean something to whoever puts them into a request without looking. */
const ODD_NAMES: readonly string[] = [
  'example.com:80',
  'example.com\r\nx-sallyport-lane: dry-run',
  'example.com:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n',
  'user@example.com',
  'example.com/path',
  'example.com?',
  'example.com#',
  'example.com|trial|other',
  '%DOWNSTREAM_REMOTE_ADDRESS%',
  'example.com ',
  ' example.com',
  '*.data.example.org',
  '*',
  '.',
  'example.com..',
  'a_b.data.example.org',
  'evil.com%2edata.example.org',
  '[::1]',
  '::1',
];

const TRANSPARENT: readonly AttackCase[] = [
  attack('S64', 'where it goes is our answer to the name', tls(helloFor(ALLOWED)), allowed(ALLOWED, 'hello')),
  attack('S65', 'no name', tls(clientHello()), denied('NO_SNI', { port: 443 }, 'closed')),
  attack(
    'S65d',
    'an empty list of names',
    tls(clientHello({ names: [] })),
    denied('NOT_TLS', { port: 443 }, 'closed'),
  ),
  attack('S65e', 'an empty name', tls(hello('')), denied('NOT_TLS', { port: 443 }, 'closed')),
  attack(
    'S66',
    'a metadata address as name',
    tls(hello('169.254.169.254')),
    denied('METADATA_ADDRESS', { destination: '169.254.169.254', port: 443 }, 'closed'),
  ),
  attack(
    'S66b',
    "a server's address as name",
    tls(hello('8.8.8.8')),
    denied('IP_LITERAL', { destination: '8.8.8.8', port: 443 }, 'closed'),
  ),
  attack(
    'S66c',
    'a number as name',
    tls(hello('2852039166')),
    denied('BAD_NAME', { destination: '2852039166', port: 443 }, 'closed'),
  ),
  ...ODD_NAMES.map((name) =>
    attack(
      'S68',
      `odd name ${JSON.stringify(name.slice(0, 40))}`,
      tls(hello(name)),
      denied('BAD_NAME', { port: 443 }, 'closed'),
    ),
  ),
  attack(
    'S69',
    'two names, the allowed one first',
    tls(hello(ALLOWED, EVIL)),
    denied('NOT_TLS', { port: 443 }, 'closed'),
  ),
  attack(
    'S69b',
    'the extension twice',
    tls(clientHello({ names: [ALLOWED], secondNames: [EVIL] })),
    denied('NOT_TLS', { port: 443 }, 'closed'),
  ),
  attack(
    'S69c',
    'a name of another type',
    tls(clientHello({ names: [ALLOWED], nameType: 1 })),
    denied('NOT_TLS', { port: 443 }, 'closed'),
  ),
  attack(
    'S69d',
    'NUL in the name',
    tls(hello('example.com\0.evil.net')),
    denied('NOT_TLS', { port: 443 }, 'closed'),
  ),
  attack(
    'S69e',
    'a name of 300 letters',
    tls(hello('a'.repeat(300))),
    denied('NOT_TLS', { port: 443 }, 'closed'),
  ),
  attack(
    'S70',
    'an allowed name, over many segments',
    tls(inPieces(hello(ALLOWED), 16)),
    allowed(ALLOWED, 'hello'),
  ),
  attack(
    'S70b',
    'an allowed name, over many records',
    tls(clientHello({ names: [ALLOWED], recordBytes: 40 })),
    allowed(ALLOWED, 'hello'),
  ),
  attack(
    'S70c',
    'an unlisted name, over many segments',
    tls(inPieces(hello(EVIL), 16)),
    denied('DESTINATION_NOT_ALLOWED', ASKED_AGAIN, 'closed'),
  ),
  attack(
    'S70d',
    'an unlisted name, a byte per record',
    tls(inPieces(clientHello({ names: [EVIL], recordBytes: 1 }), 100)),
    denied('DESTINATION_NOT_ALLOWED', ASKED_AGAIN, 'closed'),
  ),
  attack(
    'S71',
    'TLS of more than 16 kB',
    tls(
      clientHello({ names: [ALLOWED], extensions: [[PADDING, Buffer.alloc(20_000)]], recordBytes: 16_000 }),
    ),
    denied('CLIENT_HELLO_TOO_LARGE', { port: 443 }, 'closed'),
  ),
  attack(
    'S71b',
    'TLS of 2 kB, as with post-quantum keys',
    tls(clientHello({ names: [ALLOWED], extensions: [[PADDING, Buffer.alloc(1500)]] })),
    allowed(ALLOWED, 'hello'),
  ),
  attack(
    'S71c',
    'an extension that means nothing',
    tls(clientHello({ names: [ALLOWED], extensions: [[GREASE, Buffer.alloc(0)]] })),
    allowed(ALLOWED, 'hello'),
  ),
  attack('S72', 'SSH', tls('SSH-2.0-client\r\n'), denied('NOT_TLS', { port: 443 }, 'closed')),
  attack(
    'S72b',
    'plain HTTP',
    tls('GET / HTTP/1.1\r\nHost: example.com\r\n\r\n'),
    denied('NOT_TLS', { port: 443 }, 'closed'),
  ),
  attack(
    'S72c',
    'CONNECT on the TLS port',
    tls('CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n'),
    denied('NOT_TLS', { port: 443 }, 'closed'),
  ),
  attack(
    'S72d',
    'a client that waits for the server',
    slowly(tls('')),
    denied('CLIENT_SILENT', { port: 443 }, 'closed'),
  ),
  attack(
    'S72e',
    'half a hello, and nothing more',
    slowly(tls(hello(ALLOWED).slice(0, 60))),
    denied('CLIENT_SILENT', { port: 443 }, 'closed'),
  ),
  attack(
    'S73',
    'an encrypted hello under a name that is not listed',
    tls(outer('cloudflare-ech.com')),
    denied('ECH_OUTER_NAME', { destination: 'cloudflare-ech.com', port: 443 }, 'closed'),
  ),
  attack('S73b', 'an encrypted hello under an allowed name', tls(outer(ALLOWED)), {
    ...allowed(ALLOWED, 'hello'),
    because:
      'only who holds the key of the allowed name could read more, and clients send this to everyone (GREASE)',
  }),
  attack('S75', 'QUIC', quic(), {
    verdict: 'D',
    answer: 'nobody listens',
    because: 'no row: there is no socket, and in a cluster isolation drops it',
  }),
  attack(
    'S76',
    'a resumed session with an unlisted name',
    tls(clientHello({ names: [EVIL], extensions: resumption() })),
    denied('DESTINATION_NOT_ALLOWED', ASKED_AGAIN, 'closed'),
  ),
  attack('S77', 'whose certificate it is', tls(helloFor('a.data.example.org')), {
    ...allowed('a.data.example.org', 'hello'),
    because: "certificates are the client's business: TLS passes as it is",
  }),
  attack(
    'S78',
    'a name that is allowed on another port',
    tls(helloFor('ports.example.com')),
    denied('PORT_NOT_ALLOWED', { destination: 'ports.example.com', port: 443 }, 'closed'),
  ),
  attack(
    'S78b',
    'a further TLS port',
    tlsOn8443(helloFor('ports.example.com')),
    allowed('ports.example.com', 'hello'),
  ),
  attack(
    'S78c',
    'another name on a further TLS port',
    tlsOn8443(helloFor(ALLOWED)),
    denied('PORT_NOT_ALLOWED', { destination: ALLOWED, port: 8443 }, 'closed'),
  ),
  {
    ...attack('S79', 'an unlisted name in dry-run', tls(helloFor(EVIL)), {
      ...denied('DESTINATION_NOT_ALLOWED', ASKED_AGAIN, 'hello'),
      accessType: 'DRY_RUN_DENIAL',
      reaches: [EVIL],
    }),
    from: 'trial',
  },
];

export const TLS: readonly AttackCase[] = [
  ...IN_TUNNELS.map(([number, title, bytes, wanted]) =>
    attack(number, `in a tunnel: ${title}`, connect(`${ALLOWED}:443`, bytes), wanted),
  ),
  attack(
    'S72f',
    'in a tunnel: a client that waits for the server',
    slowly(connect(`${ALLOWED}:443`, '')),
    closed('NOT_TLS', ROW),
  ),
  attack(
    'S72c',
    'in a tunnel: SSL 2',
    slowly(connect(`${ALLOWED}:443`, '\x80\x2e\x01\x03\x01\0\x15\0\0\0\x10')),
    closed('NOT_TLS', ROW),
  ),
  ...TRANSPARENT,
  ...everyWay(
    {
      number: 'S74',
      title: 'Host of another name inside TLS',
      host: ALLOWED,
      reaches: ALLOWED,
    },
    ['CONNECT'],
  ),
];
