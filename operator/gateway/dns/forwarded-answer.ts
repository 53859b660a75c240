// An answer of another name server -> the part to pass on, and for how long. Only what was asked for: the answer
// section, or without one the SOA record. Additional records are left out.
import { HEADER_BYTES, RCODE, TYPE } from './dns-codes.ts';
import { emptyBody, type ResponseBody } from './dns-response.ts';
import { readRecords, type WireRecord } from './wire-record.ts';

export interface ForwardedAnswer {
  readonly body: ResponseBody;
  /** Offsets of the TTLs in the records. */
  readonly ttlsAt: readonly number[];
  readonly ttlSeconds: number;
}

export const LONGEST_TTL = 300;
export const RCODE_BITS = 0x0f;

/** Undefined where the bytes are no answer to the question; `questionEnd` is the same in both. */
export function readForwarded(bytes: Buffer, questionEnd: number): ForwardedAnswer | undefined {
  const answers = bytes.readUInt16BE(6);
  const authorities = answers > 0 ? 0 : bytes.readUInt16BE(8);
  const records = readRecords(bytes, questionEnd, answers + authorities);
  if (records === undefined) return undefined;
  const end = records.at(-1)?.end ?? questionEnd;
  const rcode = (bytes[3] ?? 0) & RCODE_BITS;
  const body = { rcode, answers, authorities, records: bytes.subarray(questionEnd, end) };
  return {
    body,
    ttlsAt: records.map(({ ttlAt }) => ttlAt - questionEnd),
    ttlSeconds: rcode === RCODE.NO_ERROR || rcode === RCODE.NO_NAME ? shortestTtl(bytes, records) : 0,
  };
}

/** The same for a later question, with lower TTLs. */
export function agedBody({ body, ttlsAt }: ForwardedAnswer, ageSeconds: number): ResponseBody {
  if (ageSeconds === 0) return body;
  const records = Buffer.from(body.records);
  for (const at of ttlsAt) {
    records.writeUInt32BE(Math.max(0, records.readUInt32BE(at) - ageSeconds), at);
  }
  return { ...body, records };
}

export const NO_ANSWER: ForwardedAnswer = {
  body: emptyBody(RCODE.SERVER_FAILURE),
  ttlsAt: [],
  ttlSeconds: 0,
};

function shortestTtl(bytes: Buffer, records: readonly WireRecord[]): number {
  const ttls = records.map((record) => {
    const ttl = bytes.readUInt32BE(record.ttlAt);
    // The last number of an SOA record is a TTL, too (RFC 2308).
    return record.type === TYPE.SOA ? Math.min(ttl, bytes.readUInt32BE(record.end - 4)) : ttl;
  });
  return ttls.length === 0 ? 0 : Math.min(LONGEST_TTL, ...ttls);
}

/** Whether these bytes answer that query: its id, and its question byte for byte. */
export function answersQuery(bytes: Buffer, query: Buffer, questionEnd: number): boolean {
  return (
    bytes.length >= questionEnd &&
    ((bytes[2] ?? 0) & 0x80) !== 0 &&
    bytes.readUInt16BE(0) === query.readUInt16BE(0) &&
    bytes.readUInt16BE(4) === 1 &&
    bytes.subarray(HEADER_BYTES, questionEnd).equals(query.subarray(HEADER_BYTES, questionEnd))
  );
}

const TRUNCATED_BIT = 0x02;

export function isTruncated(bytes: Buffer): boolean {
  return ((bytes[2] ?? 0) & TRUNCATED_BIT) !== 0;
}
