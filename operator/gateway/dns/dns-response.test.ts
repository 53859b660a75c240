import packet from 'dns-packet';
import { queryBytes } from '../../../test/outside/dns-client.ts';
import { RCODE } from './dns-codes.ts';
import { parseQuery } from './dns-query.ts';
import {
  addressBody,
  datagramBytes,
  emptyBody,
  encodeResponse,
  NO_DATA,
  NO_NAME,
  type ResponseBody,
} from './dns-response.ts';

function respond(query: Buffer, body: ResponseBody): packet.DecodedPacket {
  const asked = parseQuery(query);
  if (asked === undefined) throw new Error('The query of a test is none');
  return packet.decode(encodeResponse(asked, body, datagramBytes(asked)));
}

const QUERY = queryBytes({ name: 'hOsT.example.com' });
const WITH_EDNS = queryBytes({ name: 'host.example.com', ednsBytes: 9000 });

test('encodeResponse() gives the addresses to the question as it was asked', () => {
  expect(respond(QUERY, addressBody(['192.0.2.1', '2001:db8::1', '192.0.2.2'], 4))).toMatchObject({
    id: 4711,
    rcode: 'NOERROR',
    flag_qr: true,
    flag_rd: true,
    flag_ra: true,
    flag_aa: false,
    questions: [{ name: 'hOsT.example.com', type: 'A' }],
    answers: [
      { name: 'hOsT.example.com', type: 'A', data: '192.0.2.1', ttl: 30 },
      { name: 'hOsT.example.com', type: 'A', data: '192.0.2.2' },
    ],
    additionals: [],
  });
  const ipv6 = respond(QUERY, addressBody(['192.0.2.1', '2001:db8::1'], 6));
  expect(ipv6.answers).toMatchObject([{ type: 'AAAA', data: '2001:db8::1' }]);
});

test.each([
  ['NO_NAME', NO_NAME, 'NXDOMAIN'],
  ['NO_DATA', NO_DATA, 'NOERROR'],
  ['addressBody() without an address of the family', addressBody(['192.0.2.1'], 6), 'NOERROR'],
])('%s is remembered for two seconds', (_what, body, rcode) => {
  expect(respond(QUERY, body)).toMatchObject({
    rcode,
    answers: [],
    authorities: [{ type: 'SOA', name: '.', ttl: 2, data: { minimum: 2 } }],
  });
});

test('encodeResponse() answers EDNS with EDNS, with its own limit', () => {
  const [option] = respond(WITH_EDNS, NO_NAME).additionals ?? [];
  expect(option).toMatchObject({ type: 'OPT', udpPayloadSize: 1232, ednsVersion: 0, extendedRcode: 0 });
});

test('encodeResponse() spreads a long response code over header and OPT record', () => {
  const response = respond(WITH_EDNS, emptyBody(RCODE.BAD_VERSION));
  expect(response).toMatchObject({ rcode: 'NOERROR', additionals: [{ extendedRcode: 1 }] });
});

test('encodeResponse() truncates what the client cannot take', () => {
  const addresses = Array.from({ length: 60 }, (_, at) => `192.0.2.${at}`);
  const body = addressBody(addresses, 4);
  expect(respond(QUERY, body)).toMatchObject({ flag_tc: true, answers: [], authorities: [] });
  expect(respond(WITH_EDNS, body).answers).toHaveLength(addresses.length);
});

test.each([
  [undefined, 512],
  [100, 512],
  [1000, 1000],
  [4096, 1232],
])('datagramBytes() of a client that says %s is %i', (ednsBytes, bytes) => {
  expect(datagramBytes({ bytes: QUERY, questionEnd: 12, ednsBytes })).toBe(bytes);
});
