// Bytes of a client -> the one question in them, or a response code. Never throws. What is not a query gets no answer,
// so that nobody can make two servers answer each other.
import { CLASS_IN, HEADER_BYTES, RCODE, TYPE } from './dns-codes.ts';
import { readWireName } from './wire-name.ts';
import { readRecords, type WireRecord } from './wire-record.ts';

/** The parts of a query that every answer needs. */
export interface Asked {
  readonly bytes: Buffer;
  /** Of the byte behind the question; that of the header where there is no readable one. */
  readonly questionEnd: number;
  /** Size of datagrams that the client accepts; undefined without EDNS. */
  readonly ednsBytes: number | undefined;
}

export interface DnsQuery extends Asked {
  /** Lower case, without the last dot, odd bytes as "\ddd"; "" is the root. */
  readonly name: string;
  readonly type: number;
}

/** A response code for what cannot be answered. */
export interface FaultyQuery extends Asked {
  readonly fault: number;
}

/** A name, and options with the padding that clients add; of a longer one only the header is read. */
const LONGEST_QUERY = 1232;
const RESPONSE_BIT = 0x80;
const OPCODE_BITS = 0x78;
const QUESTIONS_AT = 4;
const ANSWERS_AT = 6;
const AUTHORITIES_AT = 8;
const ADDITIONALS_AT = 10;

/** Undefined for what is no query. */
export function parseQuery(bytes: Buffer): DnsQuery | FaultyQuery | undefined {
  const flags = bytes[2] ?? 0;
  if (bytes.length < HEADER_BYTES || (flags & RESPONSE_BIT) !== 0) return undefined;
  if (bytes.length > LONGEST_QUERY) return faulty(bytes, RCODE.FORMAT_ERROR);
  if ((flags & OPCODE_BITS) !== 0) return faulty(bytes, RCODE.NOT_IMPLEMENTED);
  const name = hasOneQuestion(bytes) ? readWireName(bytes, HEADER_BYTES) : undefined;
  if (name === undefined || name.end + 4 > bytes.length) return faulty(bytes, RCODE.FORMAT_ERROR);
  return withRecords({ bytes, questionEnd: name.end + 4, ednsBytes: undefined }, name.text);
}

function hasOneQuestion(bytes: Buffer): boolean {
  return (
    bytes.readUInt16BE(QUESTIONS_AT) === 1 &&
    bytes.readUInt16BE(ANSWERS_AT) === 0 &&
    bytes.readUInt16BE(AUTHORITIES_AT) === 0
  );
}

function withRecords(asked: Asked, name: string): DnsQuery | FaultyQuery {
  const { bytes, questionEnd } = asked;
  const records = readRecords(bytes, questionEnd, bytes.readUInt16BE(ADDITIONALS_AT));
  const end = records?.at(-1)?.end ?? questionEnd;
  if (records === undefined || end !== bytes.length) return faulty(bytes, RCODE.FORMAT_ERROR);
  const options = records.filter(({ type }) => type === TYPE.OPT);
  if (options.length > 1) return faulty(bytes, RCODE.FORMAT_ERROR);
  return withOption(asked, name, options[0]);
}

function withOption(asked: Asked, name: string, option: WireRecord | undefined): DnsQuery | FaultyQuery {
  if (option === undefined) return questionOf(asked, name);
  const { bytes, questionEnd } = asked;
  // The name of the record must be the root, which is one byte.
  if (bytes[option.start] !== 0) return faulty(bytes, RCODE.FORMAT_ERROR);
  const withEdns = { ...asked, ednsBytes: option.recordClass };
  if (bytes[option.ttlAt + 1] !== 0) return { ...withEdns, questionEnd, fault: RCODE.BAD_VERSION };
  return questionOf(withEdns, name);
}

function questionOf(asked: Asked, name: string): DnsQuery | FaultyQuery {
  const { bytes, questionEnd, ednsBytes } = asked;
  if (bytes.readUInt16BE(questionEnd - 2) !== CLASS_IN) return { ...asked, fault: RCODE.REFUSED };
  return { bytes, questionEnd, ednsBytes, name, type: bytes.readUInt16BE(questionEnd - 4) };
}

function faulty(bytes: Buffer, fault: number): FaultyQuery {
  return { bytes, questionEnd: HEADER_BYTES, ednsBytes: undefined, fault };
}
