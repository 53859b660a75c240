// Resource records in DNS messages: start, end, type and TTL of each.
import { endOfName } from './wire-name.ts';

export interface WireRecord {
  readonly start: number;
  readonly type: number;
  /** In an OPT record the size of datagrams. */
  readonly recordClass: number;
  /** Offset of the four bytes of the TTL; in an OPT record the version is the second of them. */
  readonly ttlAt: number;
  readonly end: number;
}

const FIXED_BYTES = 10;
const TTL_OFFSET = 4;
const LENGTH_OFFSET = 8;

/** `count` records from `start` on; undefined where they are not all there. */
export function readRecords(bytes: Buffer, start: number, count: number): readonly WireRecord[] | undefined {
  const records: WireRecord[] = [];
  let at = start;
  while (records.length < count) {
    const nameEnd = endOfName(bytes, at);
    if (nameEnd === undefined || nameEnd + FIXED_BYTES > bytes.length) return undefined;
    const end = nameEnd + FIXED_BYTES + bytes.readUInt16BE(nameEnd + LENGTH_OFFSET);
    if (end > bytes.length) return undefined;
    records.push({
      start: at,
      type: bytes.readUInt16BE(nameEnd),
      recordClass: bytes.readUInt16BE(nameEnd + 2),
      ttlAt: nameEnd + TTL_OFFSET,
      end,
    });
    at = end;
  }
  return records;
}
