// Upgrades that no listener takes.
import type { Json } from './envoy-config.ts';

/**
 * Upgrades other than to WebSocket are ignored: clients offer them on plain requests (Apache's HttpClient offers
 * "TLS/1.2" to each server), and servers may ignore them. Envoy's matchers know no "not".
 */
export const OTHER_UPGRADES: readonly Json[] = [{ safe_regex: { regex: anythingBut('websocket') } }];

/** A pattern of RE2 for all words but this one, whatever its case. */
function anythingBut(word: string): string {
  const shorter = [...word].map((_, at) => word.slice(0, at));
  const other = [...word].map((letter, at) => `${word.slice(0, at)}[^${letter}]`);
  return `(?is)(?:${shorter.join('|')}|(?:${other.join('|')}|${word}.).*)`;
}
