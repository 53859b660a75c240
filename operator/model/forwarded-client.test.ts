import fc from 'fast-check';
import { type AddressRange, parseAddressRange } from './address-range.ts';
import { connectedClient, type ForwardedHead, forwardedClient } from './forwarded-client.ts';

function ranges(...texts: readonly string[]): readonly AddressRange[] {
  return texts.map((text) => {
    const parsed = parseAddressRange(text);
    if ('message' in parsed) throw new Error(parsed.message);
    return parsed.range;
  });
}

const TRUSTED = ranges('10.0.0.0/8', '2001:db8:ffff::/48');

function clientOf(forwardedFor: readonly string[], realIp: readonly string[] = []): string {
  const client = forwardedClient({ forwardedFor, realIp }, TRUSTED);
  return 'address' in client ? client.address : 'fault';
}

test.each<[string, readonly string[], readonly string[], string]>([
  ['the only entry', ['192.0.2.7'], [], '192.0.2.7'],
  ['the last one that is no proxy', ['1.1.1.1, 192.0.2.7, 10.0.0.1'], [], '192.0.2.7'],
  ['over several lines', ['1.1.1.1', '192.0.2.7', '10.0.0.1, 2001:db8:ffff::1'], [], '192.0.2.7'],
  ['a proxy itself', ['10.0.0.9, 10.0.0.1'], [], '10.0.0.9'],
  ['IPv4-mapped', ['::ffff:192.0.2.7'], [], '192.0.2.7'],
  ['IPv6, canonical', ['2001:DB8:0:0::7'], [], '2001:db8::7'],
  ['X-Real-IP', [], ['192.0.2.7'], '192.0.2.7'],
  ['both, equal', ['1.1.1.1, 192.0.2.7'], ['::ffff:192.0.2.7'], '192.0.2.7'],
  ['both, different', ['192.0.2.7'], ['192.0.2.8'], 'fault'],
  ['none', [], [], 'fault'],
  ['an empty line', [''], [], 'fault'],
  ['an empty last entry', ['192.0.2.7,'], [], 'fault'],
  ['a port', ['192.0.2.7:4711'], [], 'fault'],
  ['brackets', ['[2001:db8::7]'], [], 'fault'],
  ['a word', ['unknown'], [], 'fault'],
  ['leading zeros', ['192.0.2.007'], [], 'fault'],
  ['a zone', ['fe80::1%eth0'], [], 'fe80::1'],
  ['a zone of an address that has none', ['2001:db8::7%eth0'], [], 'fault'],
  ['a bad entry behind a proxy', ['192.0.2.7, x, 10.0.0.1'], [], 'fault'],
  ['two lines of X-Real-IP', [], ['192.0.2.7', '192.0.2.7'], 'fault'],
  ['two in one', [], ['192.0.2.7, 192.0.2.7'], 'fault'],
  ['one of both unreadable', ['192.0.2.7'], ['x'], 'fault'],
])('forwardedClient() takes %s', (_what, forwardedFor, realIp, expected) => {
  expect(clientOf(forwardedFor, realIp)).toBe(expected);
});

const address = fc.oneof(fc.ipV4(), fc.ipV6()).filter((text) => clientOf([text]) !== 'fault');
const untrusted = address.filter((text) => clientOf([`192.0.2.1, ${text}`]) !== '192.0.2.1');
const proxy = fc.constantFrom('10.0.0.1', '10.255.0.1', '2001:db8:ffff:1::9', '::ffff:10.1.1.1');

test('whatever a client wrote before, the answer is the address that the outermost proxy appended', () => {
  const own = fc.array(fc.oneof(fc.string(), address, proxy), { maxLength: 5 });
  fc.assert(
    fc.property(
      own,
      untrusted,
      fc.array(proxy, { maxLength: 3 }),
      fc.boolean(),
      (lies, real, proxies, together) => {
        const appended = [real, ...proxies];
        const expected = clientOf([real]);
        const lines = together ? [[...lies, ...appended].join(', ')] : [...lies, ...appended];
        expect(clientOf(lines)).toBe(expected);
      },
    ),
    { numRuns: 1000 },
  );
});

test('whatever a client sends, an overwritten X-Real-IP is the answer or there is none', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.string(), address), { maxLength: 4 }), untrusted, (lies, real) => {
      const head: ForwardedHead = { forwardedFor: lies, realIp: [real] };
      const client = forwardedClient(head, TRUSTED);
      if ('address' in client) expect(client.address).toBe(clientOf([real]));
    }),
  );
});

test('who has a connection is its peer, or behind trusted proxies the client for which they speak', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.string(), address)), untrusted, proxy, (lies, real, peer) => {
      const addressOf = (text: string): unknown => ({ address: clientOf([text]) });
      expect(connectedClient(real, lies, TRUSTED)).toEqual(addressOf(real));
      expect(connectedClient(peer, [], TRUSTED)).toHaveProperty('fault');
      expect(connectedClient(peer, [...lies, real, ''], TRUSTED)).toHaveProperty('fault');
      expect(connectedClient(peer, [...lies, real], TRUSTED)).toEqual(addressOf(real));
    }),
  );
});
