// The cluster's DNS answer for the endpoints of a Service -> a new answer with only what was asked for: addresses
// inside the cluster, or ports at names of that very Service. Otherwise whoever may write Services and endpoints could
// pass anything to a workload: aliases, texts, names and addresses outside.
import ipaddr from 'ipaddr.js';
import { CLASS_IN, RCODE, TYPE } from './dns-codes.ts';
import type { DnsQuery } from './dns-query.ts';
import { ASKED_NAME, emptyBody, encodeRecord, NO_DATA, NO_NAME } from './dns-response.ts';
import { type ForwardedAnswer, LONGEST_TTL, RCODE_BITS } from './forwarded-answer.ts';
import { readPointedName, readWireName } from './wire-name.ts';
import { readRecords, type WireRecord } from './wire-record.ts';

const NEGATIVE_TTL = 2;
/** From the start of a record of ours, and from the TTL of any. */
const TTL_AT = 6;
const DATA_AFTER_TTL = 6;
/** Priority, weight and port. */
const SRV_NUMBERS_BYTES = 6;
const PORT_LABELS = 2;

/** Undefined where the bytes are no answer. */
export function readEndpoints(
  bytes: Buffer,
  query: DnsQuery,
  isInside: (address: string) => boolean,
): ForwardedAnswer | undefined {
  const records = readRecords(bytes, query.questionEnd, bytes.readUInt16BE(6));
  if (records === undefined) return undefined;
  const rcode = (bytes[3] ?? 0) & RCODE_BITS;
  if (rcode === RCODE.NO_NAME) return negative(NO_NAME);
  if (rcode !== RCODE.NO_ERROR) return { body: emptyBody(rcode), ttlsAt: [], ttlSeconds: 0 };
  const kept = records.filter(
    (record) => isAskedFor(bytes, record, query) && isWithin(bytes, record, { query, isInside }),
  );
  return kept.length === 0 ? negative(NO_DATA) : answerOf(bytes, kept);
}

function negative(body: ForwardedAnswer['body']): ForwardedAnswer {
  return { body, ttlsAt: [], ttlSeconds: NEGATIVE_TTL };
}

function isAskedFor(bytes: Buffer, { start, type, recordClass }: WireRecord, query: DnsQuery): boolean {
  return type === query.type && recordClass === CLASS_IN && readPointedName(bytes, start) === query.name;
}

function isWithin(
  bytes: Buffer,
  record: WireRecord,
  { query, isInside }: { readonly query: DnsQuery; readonly isInside: (address: string) => boolean },
): boolean {
  const data = dataOf(bytes, record);
  if (query.type === TYPE.SRV) return isOfService(data, query.name);
  if (query.type !== TYPE.A && query.type !== TYPE.AAAA) return false;
  const isWhole = data.length === (query.type === TYPE.A ? 4 : 16);
  return isWhole && isInside(ipaddr.fromByteArray([...data]).toString());
}

/** A target is the Service, or one of its pods; it is no pointer, since RFC 2782 allows none there. */
function isOfService(data: Buffer, asked: string): boolean {
  const target = readWireName(data, SRV_NUMBERS_BYTES);
  if (target === undefined || target.end !== data.length) return false;
  const service = asked.split('.').slice(PORT_LABELS).join('.');
  return target.text === service || target.text.slice(target.text.indexOf('.') + 1) === service;
}

function answerOf(bytes: Buffer, kept: readonly WireRecord[]): ForwardedAnswer {
  const ttls = kept.map(({ ttlAt }) => Math.min(LONGEST_TTL, bytes.readUInt32BE(ttlAt)));
  const made = kept.map((record, at) =>
    encodeRecord(ASKED_NAME, record.type, ttls[at] ?? 0, dataOf(bytes, record)),
  );
  let end = 0;
  const ttlsAt = made.map(({ length }) => {
    end += length;
    return end - length + TTL_AT;
  });
  const records = Buffer.concat(made);
  return {
    body: { rcode: RCODE.NO_ERROR, answers: made.length, authorities: 0, records },
    ttlsAt,
    ttlSeconds: Math.min(...ttls),
  };
}

function dataOf(bytes: Buffer, { ttlAt, end }: WireRecord): Buffer {
  return bytes.subarray(ttlAt + DATA_AFTER_TTL, end);
}
