// The same content has the same revision, on every machine and in every run.
import { createHash } from 'node:crypto';

/** First 12 hex digits of the SHA-256 of the value's JSON; the caller fixes the order of keys and lists. */
export function contentHash(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 12);
}
