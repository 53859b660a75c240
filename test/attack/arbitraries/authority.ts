// Authorities, Hosts and server names as an attacker writes them: names that are allowed, blocked or neither, with
// separators, ports, blanks and escapes at every position. "@L" stands for a label of the attempt's own.
import fc from 'fast-check';

const ALLOWED = '@L.leads.example.net';
const EVIL = '@L.evil.net';
const BLOCKED = '@L.blocked.example.net';

const NAMES = [ALLOWED, EVIL, BLOCKED, 'metadata.google.internal', 'exact.example.com'];
const PORTS = [
  ':80',
  ':443',
  ':8080',
  ':8443',
  ':5432',
  ':22',
  ':0',
  ':65535',
  ':65536',
  ':99999999999',
  ':-1',
];
const ODD_PORTS = [':', ':+443', ':0443', ':44 3', ':443:443', ':80:80', ':0x50', ':８０', ':443.', ':443@'];
const SEPARATORS = [
  ':',
  '@',
  '[',
  ']',
  '%',
  '%2e',
  '%3a',
  '%40',
  '%00',
  '.',
  '..',
  ',',
  ';',
  '/',
  '\\',
  '?',
  '#',
  '*',
  '_',
];
const BLANKS = [
  ' ',
  '\t',
  '\x0b',
  '\x00',
  '\x7f',
  '\xa0',
  '\xc2\xa0',
  '\xe3\x80\x82',
  '\xef\xbd\xa1',
  '\xad',
];

const piece = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...NAMES) },
  { weight: 4, arbitrary: fc.constantFrom(...PORTS) },
  { weight: 2, arbitrary: fc.constantFrom(...ODD_PORTS) },
  { weight: 4, arbitrary: fc.constantFrom(...SEPARATORS) },
  { weight: 1, arbitrary: fc.constantFrom(...BLANKS) },
);

const pieced = fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join(''));

/** A good one with something put in, taken out or written otherwise, at any position. */
const mutated = fc
  .tuple(
    fc.constantFrom(...NAMES),
    fc.constantFrom('', ...PORTS),
    fc.nat(40),
    fc.oneof(fc.constantFrom(...SEPARATORS, ...BLANKS), fc.constantFrom('', 'A', 'Z', '-', '0')),
    fc.nat(2),
  )
  .map(([name, port, at, put, cut]) => {
    const text = `${name}${port}`;
    const place = at % (text.length + 1);
    return `${text.slice(0, place)}${put}${text.slice(place + cut)}`;
  });

const upperCased = fc
  .tuple(fc.constantFrom(...NAMES), fc.constantFrom('', ...PORTS), fc.nat(1 << 20))
  .map(
    ([name, port, bits]) =>
      `${[...name].map((one, at) => (one !== 'L' && (bits >> (at % 20)) & 1 ? one.toUpperCase() : one)).join('')}${port}`,
  );

const plain = fc
  .tuple(fc.constantFrom(...NAMES), fc.constantFrom('', '.', ...PORTS))
  .map((parts) => parts.join(''));

export const authority: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: pieced },
  { weight: 4, arbitrary: mutated },
  { weight: 1, arbitrary: upperCased },
  { weight: 2, arbitrary: plain },
);
