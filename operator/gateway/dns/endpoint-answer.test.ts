import packet from 'dns-packet';
import fc from 'fast-check';
import { queryBytes } from '../../../test/outside/dns-client.ts';
import { type DnsQuery, parseQuery } from './dns-query.ts';
import { encodeResponse } from './dns-response.ts';
import { readEndpoints } from './endpoint-answer.ts';

const SERVICE = 'peers.lab.svc.cluster.local';
const SEED = 20_261_128;

const isInside = (address: string): boolean => /^(?:10\.|fd00:)/.test(address);

function queryFor(name: string, type: string): DnsQuery {
  return parseQuery(queryBytes({ name, type })) as DnsQuery;
}

/** What a client reads; undefined where the bytes are taken for no answer. */
function passedOn(query: DnsQuery, bytes: Buffer): packet.DecodedPacket | undefined {
  const answer = readEndpoints(bytes, query, isInside);
  return answer === undefined ? undefined : packet.decode(encodeResponse(query, answer.body, 65_535));
}

const names = fc.constantFrom(
  ...Array<string>(4).fill(SERVICE),
  ...Array<string>(4).fill(`_db._tcp.${SERVICE}`),
  SERVICE.toUpperCase(),
  `pod-0.${SERVICE}`,
  `a.pod-0.${SERVICE}`,
  'web.lab.svc.cluster.local',
  'evil.example.com',
  `${SERVICE}.example.com`,
);
const ttl = fc.constantFrom(0, 5, 300, 86_400);
const srvData = fc.record({
  priority: fc.nat(9),
  weight: fc.nat(9),
  port: fc.nat(65_535),
  target: names,
});
const records = fc.oneof(
  fc.record({
    type: fc.constant('A' as const),
    name: names,
    ttl,
    data: fc.constantFrom('10.1.2.3', '203.0.113.7', '169.254.169.254'),
  }),
  fc.record({
    type: fc.constant('AAAA' as const),
    name: names,
    ttl,
    data: fc.constantFrom('fd00::7', '2001:db8::7'),
  }),
  fc.record({ type: fc.constant('CNAME' as const), name: names, ttl, data: names }),
  fc.record({
    type: fc.constant('TXT' as const),
    name: names,
    ttl,
    data: fc.constantFrom('secret', 'x'.repeat(200)),
  }),
  fc.record({ type: fc.constant('NS' as const), name: names, ttl, data: names }),
  fc.record({ type: fc.constant('SRV' as const), name: names, ttl, data: srvData }),
) as fc.Arbitrary<packet.Answer>;
const section = fc.array(records, { maxLength: 12, size: 'max' });
const questions = fc.constantFrom(
  queryFor(SERVICE, 'A'),
  queryFor(SERVICE, 'AAAA'),
  queryFor(`pod-0.${SERVICE}`, 'A'),
  queryFor(`_db._tcp.${SERVICE}`, 'SRV'),
);

/** Hostile, but well formed. */
const answers = fc.record({ query: questions, answers: section, authorities: section, additionals: section });

/** A second reading of what may pass, from records instead of bytes. */
function mayPass({ name, type }: DnsQuery, record: packet.Answer): boolean {
  if (record.name.toLowerCase() !== name) return false;
  if (record.type === 'A') return type === 1 && record.data.startsWith('10.');
  if (record.type === 'AAAA') return type === 28 && record.data.startsWith('fd00:');
  if (record.type !== 'SRV' || type !== 33) return false;
  const target = record.data.target.toLowerCase();
  return target === SERVICE || new RegExp(`^[^.]+\\.${SERVICE}$`).test(target);
}

test('readEndpoints() passes on what was asked for, and nothing else, of any answer', () => {
  let passed = 0;
  fc.assert(
    fc.property(answers, ({ query, ...sections }) => {
      const questionsOf = packet.decode(query.bytes).questions ?? [];
      const bytes = packet.encode({ type: 'response', id: 4711, questions: questionsOf, ...sections });
      const wanted = sections.answers.filter((record) => mayPass(query, record));
      const said = passedOn(query, bytes);
      passed += wanted.length;
      expect(said?.answers?.map((record) => ('data' in record ? record.data : ''))).toEqual(
        wanted.map((record) => ('data' in record ? record.data : '')),
      );
      expect(said?.answers?.every((record) => record.name === query.name)).toBe(true);
      expect(said?.additionals).toEqual([]);
      expect(said?.authorities?.map(({ type }) => type)).toEqual(wanted.length > 0 ? [] : ['SOA']);
    }),
    { numRuns: 3000, seed: SEED },
  );
  expect(passed).toBeGreaterThan(300);
});

test('readEndpoints() never throws and passes nothing else on, whatever the bytes', () => {
  const query = queryFor(SERVICE, 'A');
  const data = ['10.1.2.3', '203.0.113.7', '10.1.2.4'];
  const bytes = packet.encode({
    type: 'response',
    id: 4711,
    questions: [{ type: 'A', name: SERVICE }],
    answers: data.map((address) => ({ type: 'A', name: SERVICE, ttl: 30, data: address })),
  });
  const damage = fc.array(
    fc.tuple(fc.integer({ min: query.questionEnd, max: bytes.length - 1 }), fc.nat(255)),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(damage, fc.nat(bytes.length - query.questionEnd), (changes, cut) => {
      const damaged = Buffer.from(bytes);
      for (const [at, value] of changes) damaged[at] = value;
      const said = passedOn(query, damaged.subarray(0, bytes.length - cut));
      for (const record of said?.answers ?? []) {
        expect(record).toMatchObject({ type: 'A', name: SERVICE, data: expect.stringMatching(/^10\./) });
      }
    }),
    { numRuns: 3000, seed: SEED },
  );
});

test.each([
  ['that the name does not exist', packet.AUTHORITATIVE_ANSWER | 3, 'NXDOMAIN'],
  ['that it failed', 2, 'SERVFAIL'],
])('readEndpoints() passes on %s', (_, flags, rcode) => {
  const query = queryFor(SERVICE, 'A');
  const bytes = packet.encode({
    type: 'response',
    id: 4711,
    flags,
    questions: [{ type: 'A', name: SERVICE }],
    answers: [{ type: 'A', name: SERVICE, ttl: 30, data: '10.1.2.3' }],
  });
  expect(passedOn(query, bytes)).toMatchObject({ rcode, answers: [] });
});
