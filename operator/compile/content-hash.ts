// The same content has the same revision, on every machine and in every run.
import { hash } from 'node:crypto';

/** First 12 hex digits of the SHA-256 of the value's JSON; the caller fixes the order of keys and lists. */
export function contentHash(value: unknown): string {
  return hash('sha256', JSON.stringify(value), 'hex').slice(0, 12);
}
