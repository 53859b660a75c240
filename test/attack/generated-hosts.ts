// Hosts that attackers may make up, generated: allowed, blocked and forbidden names with odd characters at any place,
// names inside names, and ports of all kinds. In: a seed, by fast-check. Out: Latin-1 text as it is sent; never a line
// end, which would be another request.
import fc from 'fast-check';

const ODD: readonly string[] = [
  ...[
    ':',
    '@',
    '[',
    ']',
    '%',
    '%2e',
    '%00',
    ' ',
    '\t',
    '\0',
    '.',
    '..',
    '-',
    '_',
    ',',
    '\\',
    '*',
    '\xe9',
    '\xff',
  ],
  ...[':80', ':443', ':8080', ':0', ':65536', ':-1', ':+80', ':080'],
];
const GOOD_PORTS: readonly string[] = ['', ':80', ':443', ':8080'];
const ODD_PORTS: readonly string[] = [':22', ':0', ':00080', ':65535', ':65536', ':', ':x'];

/** A host with or without a port; `names` are whole names that may stand anywhere in it, too. */
export function generatedAuthority(names: readonly string[]): fc.Arbitrary<string> {
  return fc
    .tuple(generatedHost(names), fc.oneof(fc.constantFrom(...GOOD_PORTS), fc.constantFrom(...ODD_PORTS)))
    .map(([host, port]) => `${host}${port}`);
}

/** As a server name in a ClientHello has it, without a port. */
export function generatedHost(names: readonly string[]): fc.Arbitrary<string> {
  const piece = fc.oneof(fc.constantFrom(...ODD), fc.constantFrom(...names));
  const insertion = fc.record({ at: fc.nat(40), piece });
  return fc
    .record({
      name: fc.constantFrom(...names),
      insertions: fc.array(insertion, { maxLength: 2 }),
      isUpper: fc.boolean(),
    })
    .map(({ name, insertions, isUpper }) => {
      const text = insertions.reduce((before, { at, piece: inner }) => {
        const place = at % (before.length + 1);
        return before.slice(0, place) + inner + before.slice(place);
      }, name);
      return isUpper ? text.toUpperCase() : text;
    });
}
