import packet from 'dns-packet';
import fc from 'fast-check';
import { queryBytes } from '../../../test/outside/dns-client.ts';
import { RCODE } from './dns-codes.ts';
import { parseQuery } from './dns-query.ts';

const QUERY = queryBytes({ name: 'Host.Example.COM' });
const WITH_EDNS = queryBytes({ name: 'host.example.com', type: 'AAAA', ednsBytes: 4096 });

function changed(bytes: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = value;
  return copy;
}

test('parseQuery() reads the name in lower case, the type, and what the client takes', () => {
  expect(parseQuery(QUERY)).toEqual({
    bytes: QUERY,
    name: 'host.example.com',
    type: 1,
    questionEnd: QUERY.length,
    ednsBytes: undefined,
  });
  expect(parseQuery(WITH_EDNS)).toMatchObject({ type: 28, ednsBytes: 4096 });
});

test('parseQuery() writes odd bytes of a name so that no two names look alike', () => {
  const labels = [Buffer.from('a.b'), Buffer.from([0, 0xe4]), Buffer.from('c')];
  const name = labels.flatMap((label) => [Buffer.of(label.length), label]);
  const bytes = Buffer.concat([QUERY.subarray(0, 12), ...name, Buffer.of(0, 0, 1, 0, 1)]);
  expect(parseQuery(bytes)).toMatchObject({ name: 'a\\046b.\\000\\228.c' });
});

test.each<[string, Buffer, number]>([
  ['no question', changed(QUERY, 5, 0), RCODE.FORMAT_ERROR],
  ['an answer in it', changed(QUERY, 7, 1), RCODE.FORMAT_ERROR],
  ['an authority in it', changed(QUERY, 9, 1), RCODE.FORMAT_ERROR],
  ['a record that is not there', changed(QUERY, 11, 1), RCODE.FORMAT_ERROR],
  ['a label of 64 bytes', changed(QUERY, 12, 64), RCODE.FORMAT_ERROR],
  ['a newer EDNS', changed(WITH_EDNS, WITH_EDNS.length - 5, 1), RCODE.BAD_VERSION],
  ['two OPT records', twice(WITH_EDNS), RCODE.FORMAT_ERROR],
  ['more bytes than any query has', Buffer.concat([QUERY, Buffer.alloc(1300)]), RCODE.FORMAT_ERROR],
  ['an update', changed(QUERY, 2, 0x29), RCODE.NOT_IMPLEMENTED],
  ['class CHAOS', changed(QUERY, QUERY.length - 1, 3), RCODE.REFUSED],
])('parseQuery() rejects a query with %s', (_what, bytes, fault) => {
  expect(parseQuery(bytes)).toMatchObject({ fault });
});

function twice(bytes: Buffer): Buffer {
  return changed(Buffer.concat([bytes, bytes.subarray(-11)]), 11, 2);
}

test('parseQuery() takes the longest name there is, and no longer one', () => {
  const of = (last: number): Buffer => {
    const labels = [63, 63, 63, last].map((length) => 'x'.repeat(length));
    return packet.encode({ type: 'query', questions: [{ type: 'A', name: labels.join('.') }] });
  };
  expect(parseQuery(of(61))).toMatchObject({ type: 1 });
  expect(parseQuery(of(62))).toMatchObject({ fault: RCODE.FORMAT_ERROR });
});

test('parseQuery() never throws, whatever the bytes', () => {
  const noise = fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes));
  const damaged = fc
    .tuple(fc.nat(WITH_EDNS.length - 1), fc.nat(255), fc.nat(WITH_EDNS.length))
    .map(([at, value, length]) => changed(WITH_EDNS, at, value).subarray(0, length));
  fc.assert(
    fc.property(fc.oneof(noise, damaged), (bytes) => {
      const parsed = parseQuery(bytes);
      expect(parsed === undefined || parsed.questionEnd <= bytes.length).toBe(true);
    }),
    { numRuns: 2000 },
  );
});
