// Names in DNS messages. Nothing is guessed: a name that is truncated, too long or has a pointer forward is invalid.
const LONGEST_NAME = 255;
const LONGEST_LABEL = 63;
const POINTER = 0xc0;
const POINTED = 0x3fff;
const DOT = 0x2e;
const BACKSLASH = 0x5c;
const FIRST_PRINTABLE = 0x21;
const LAST_PRINTABLE = 0x7e;

export interface WireName {
  /** Lower case, without the last dot; "" is the root. */
  readonly text: string;
  /** Of the byte behind it. */
  readonly end: number;
}

const scratch = Buffer.alloc(4 * LONGEST_NAME);

/**
 * A name without pointers, as questions have it. A byte that is not printable, or would read as a dot between labels,
 * is written as "\ddd", so that different names have different texts.
 */
export function readWireName(bytes: Buffer, start: number): WireName | undefined {
  let at = start;
  let length = 0;
  for (;;) {
    const labelBytes = bytes[at];
    if (labelBytes === undefined || labelBytes > LONGEST_LABEL) return undefined;
    if (labelBytes === 0) break;
    const end = at + 1 + labelBytes;
    if (end >= bytes.length || end - start >= LONGEST_NAME) return undefined;
    if (length > 0) scratch[length++] = DOT;
    for (at += 1; at < end; at++) length = writeByte(bytes[at] ?? 0, length);
  }
  return { text: scratch.toString('latin1', 0, length), end: at + 1 };
}

function writeByte(byte: number, length: number): number {
  if (byte < FIRST_PRINTABLE || byte > LAST_PRINTABLE || byte === DOT || byte === BACKSLASH) {
    return length + scratch.write(`\\${String(byte).padStart(3, '0')}`, length, 'latin1');
  }
  scratch[length] = byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
  return length + 1;
}

/** Where a name ends that may end in a pointer; undefined where it is none. */
export function endOfName(bytes: Buffer, start: number): number | undefined {
  for (let at = start; at - start < LONGEST_NAME; ) {
    const labelBytes = bytes[at];
    if (labelBytes === undefined) return undefined;
    if (labelBytes === 0) return at + 1;
    if (labelBytes >= POINTER) return at + 2 <= bytes.length ? at + 2 : undefined;
    if (labelBytes > LONGEST_LABEL) return undefined;
    at += 1 + labelBytes;
  }
  return undefined;
}

/** The text of a name that may end in a pointer, as records have it. Pointers lead back, so this ends. */
export function readPointedName(bytes: Buffer, start: number): string | undefined {
  const labels: Buffer[] = [];
  let before = start;
  for (let at = start, length = 0; length <= LONGEST_NAME; ) {
    const labelBytes = bytes[at];
    if (labelBytes === undefined) return undefined;
    if (labelBytes >= POINTER) {
      if (at + 2 > bytes.length) return undefined;
      at = bytes.readUInt16BE(at) & POINTED;
      if (at >= before) return undefined;
      before = at;
      continue;
    }
    const end = at + 1 + labelBytes;
    labels.push(bytes.subarray(at, end));
    if (labelBytes === 0) return readWireName(Buffer.concat(labels), 0)?.text;
    length += end - at;
    at = end;
  }
  return undefined;
}
