// A query and the body of its answer -> the bytes of the answer. The question is echoed byte for byte, so it retains
// its case (0x20). Records say "the name of the question", so the same ones fit every question.
import ipaddr from 'ipaddr.js';
import { CLASS_IN, HEADER_BYTES, RCODE, TYPE } from './dns-codes.ts';
import type { Asked } from './dns-query.ts';

/** Records behind the question. */
export interface ResponseBody {
  readonly rcode: number;
  readonly answers: number;
  readonly authorities: number;
  readonly records: Buffer;
}

/** Largest datagram that no network fragments, as resolvers agreed in 2020. */
export const EDNS_BYTES = 1232;
const PLAIN_BYTES = 512;
export const TCP_BYTES = 65_535;
const OPTION_BYTES = 11;

/** Seconds. Short, so that a client asks again soon after a destination was added; the gateway decides anyway. */
const ADDRESS_TTL = 30;
const NEGATIVE_TTL = 2;

const NOTHING = Buffer.alloc(0);
/** A pointer to the name of the question. */
export const ASKED_NAME: Buffer = Buffer.of(0xc0, HEADER_BYTES);

export function emptyBody(rcode: number): ResponseBody {
  return { rcode, answers: 0, authorities: 0, records: NOTHING };
}

/** With the SOA record that lets clients cache it for a moment (RFC 2308). */
export const NO_DATA: ResponseBody = negativeBody(RCODE.NO_ERROR);
export const NO_NAME: ResponseBody = negativeBody(RCODE.NO_NAME);

/** The addresses of that family; without any, that there is no such data. */
export function addressBody(addresses: readonly string[], family: 4 | 6): ResponseBody {
  const parsed = addresses.map((address) => ipaddr.parse(address).toByteArray());
  const records = parsed
    .filter(({ length }) => (length === 4) === (family === 4))
    .map((data) =>
      encodeRecord(Buffer.of(0xc0, HEADER_BYTES), family === 4 ? TYPE.A : TYPE.AAAA, ADDRESS_TTL, data),
    );
  if (records.length === 0) return NO_DATA;
  return { rcode: RCODE.NO_ERROR, answers: records.length, authorities: 0, records: Buffer.concat(records) };
}

/** How many bytes a datagram to this client may have. */
export function datagramBytes({ ednsBytes }: Asked): number {
  return ednsBytes === undefined ? PLAIN_BYTES : Math.min(EDNS_BYTES, Math.max(PLAIN_BYTES, ednsBytes));
}

/**
 * A body longer than `maxBytes` is left out as a whole, and the answer is marked as truncated, so that the client uses
 * TCP.
 */
export function encodeResponse(asked: Asked, body: ResponseBody, maxBytes: number): Buffer {
  const { bytes, questionEnd, ednsBytes } = asked;
  const optionBytes = ednsBytes === undefined ? 0 : OPTION_BYTES;
  const isTruncated = questionEnd + body.records.length + optionBytes > maxBytes;
  const { rcode, answers, authorities, records } = isTruncated ? emptyBody(body.rcode) : body;
  const response = Buffer.allocUnsafe(questionEnd + records.length + optionBytes);
  bytes.copy(response, 0, 0, questionEnd);
  // An answer, with opcode and "recursion desired" of the query; recursion is available, checking as the client said.
  response.writeUInt8(0x80 | (bytes.readUInt8(2) & 0x79) | (isTruncated ? 0x02 : 0), 2);
  response.writeUInt8(0x80 | (bytes.readUInt8(3) & 0x10) | (rcode & 0x0f), 3);
  response.writeUInt16BE(questionEnd > HEADER_BYTES ? 1 : 0, 4);
  response.writeUInt16BE(answers, 6);
  response.writeUInt16BE(authorities, 8);
  response.writeUInt16BE(optionBytes === 0 ? 0 : 1, 10);
  records.copy(response, questionEnd);
  if (optionBytes > 0) writeOption(response, questionEnd + records.length, rcode);
  return response;
}

function writeOption(response: Buffer, at: number, rcode: number): void {
  response.fill(0, at);
  response.writeUInt16BE(TYPE.OPT, at + 1);
  response.writeUInt16BE(EDNS_BYTES, at + 3);
  response[at + 5] = rcode >> 4;
}

/** The record is that of the root: the zone of the name is not disclosed. */
function negativeBody(rcode: number): ResponseBody {
  const numbers = Buffer.alloc(20);
  for (const [at, value] of [1, 3600, 1200, 604_800, NEGATIVE_TTL].entries()) {
    numbers.writeUInt32BE(value, 4 * at);
  }
  const names = Buffer.from('\x09localhost\x00\x06nobody\x07invalid\x00', 'latin1');
  const records = encodeRecord(Buffer.of(0), TYPE.SOA, NEGATIVE_TTL, [...names, ...numbers]);
  return { rcode, answers: 0, authorities: 1, records };
}

export function encodeRecord(
  owner: Buffer,
  type: number,
  ttlSeconds: number,
  data: ArrayLike<number>,
): Buffer {
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(type, 0);
  fixed.writeUInt16BE(CLASS_IN, 2);
  fixed.writeUInt32BE(ttlSeconds, 4);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([owner, fixed, Buffer.from(data)]);
}
