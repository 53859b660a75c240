// A long log line -> the same JSON with its long texts truncated, so that parsing takes little memory. Bytes come in
// chunks, since a line may be longer than memory. Only quotes and backslashes are interpreted: invalid JSON stays
// invalid.
import { TRUNCATION_MARK } from '../../model/access-log-line.ts';

/** Of one text; the names that a context begins with are shorter together. */
const TEXT_BYTES = 2048;
/** Of the whole line. No line of ours reaches it once its texts are truncated. */
const KEPT_BYTES = 32 * 1024;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LETTER_U = 0x75;
const MARK = Buffer.from(TRUNCATION_MARK);

export class LineShortener {
  readonly #kept = Buffer.allocUnsafe(KEPT_BYTES);
  #length = 0;
  #isInText = false;
  /** Bytes that still belong to an escape: "\\n" has one after its backslash, "\\u00e9" five. */
  #escapeBytes = 0;
  /** Of the current text. */
  #textBytes = 0;
  #isTruncated = false;

  push(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (!this.#isInText) this.#outside(byte);
      else if (byte === QUOTE && this.#escapeBytes === 0) this.#endText();
      else this.#inside(byte);
    }
  }

  /** The truncated line so far. */
  text(): string {
    return this.#kept.toString('utf8', 0, this.#length);
  }

  #outside(byte: number): void {
    this.#keep(byte);
    this.#isInText = byte === QUOTE;
    this.#textBytes = 0;
    this.#isTruncated = false;
  }

  #endText(): void {
    if (this.#isTruncated) for (const byte of MARK) this.#keep(byte);
    this.#keep(QUOTE);
    this.#isInText = false;
  }

  /** Truncation leaves no half of an escape or of a character behind. */
  #inside(byte: number): void {
    const begins = this.#escapeBytes === 0 && (byte < 0x80 || byte >= 0xc0);
    this.#escapeBytes = this.#escapeBytesAfter(byte);
    this.#textBytes += 1;
    this.#isTruncated ||= begins && this.#textBytes > TEXT_BYTES;
    if (!this.#isTruncated) this.#keep(byte);
  }

  #escapeBytesAfter(byte: number): number {
    if (this.#escapeBytes === 0) return byte === BACKSLASH ? 1 : 0;
    return this.#escapeBytes === 1 && byte === LETTER_U ? 4 : this.#escapeBytes - 1;
  }

  #keep(byte: number): void {
    if (this.#length === KEPT_BYTES) return;
    this.#kept[this.#length] = byte;
    this.#length += 1;
  }
}
