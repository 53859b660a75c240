// The one parser of an authority, "name[:port]", for Envoy's routes, the dialled address and the log. An authority of
// any other form is never repaired, and denied in every lane.
import { isIpLiteral, isOddNumeric } from './address-range.ts';

// Without the flag for case: with it, RE2 takes two letters outside ASCII for k and s.
const LABEL = '[a-zA-Z0-9_](?:[a-zA-Z0-9_-]*[a-zA-Z0-9_])?';
const NAME_PATTERN = `${LABEL}(?:\\.${LABEL})*`;
const BRACKETED = '\\[[0-9a-fA-F]*:[0-9a-fA-F:.]*\\]';
/** Envoy's value for a ClientHello without a server name; no host has this name. */
export const NO_SERVER_NAME = '-';
const PORT = '[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]';

/** A whole authority; for RE2 and JavaScript alike. */
export const AUTHORITY_PATTERN = `(?:${NAME_PATTERN}|${BRACKETED}|${NO_SERVER_NAME})(?::(?:${PORT}))?`;

/** Of hosts that are too long for a name, or have a label that is; with or without a port. */
export const TOO_LONG_PATTERN = '(?:[^:]*[^.:]{64}[^:]*|[^:]{254,})(?::[0-9]+)?';

const MAX_NAME = 253;
const NAME = new RegExp(`^${NAME_PATTERN}$`);
const LONG_LABEL = /[^.]{64}/;
const BRACKETS = new RegExp(`^${BRACKETED}$`);

export type AskedHost = { readonly name: string } | { readonly fault: 'BAD_NAME' | 'IP_LITERAL' };

/**
 * Canonical form of a host that a client asked for. Only the letters' case and one trailing dot make no difference; a
 * numeric host that is not four plain decimals is ambiguous. parseDomainName() is for what people write.
 */
export function parseAskedHost(raw: string): AskedHost {
  const text = raw.endsWith('.') ? raw.slice(0, -1) : raw;
  if (text.length > MAX_NAME) return { fault: 'BAD_NAME' };
  if (BRACKETS.test(text)) return { fault: 'IP_LITERAL' };
  if (!NAME.test(text) || LONG_LABEL.test(text) || isOddNumeric(text)) return { fault: 'BAD_NAME' };
  return isIpLiteral(text) ? { fault: 'IP_LITERAL' } : { name: text.toLowerCase() };
}

/** Whether any TCP port has this number. */
export function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port < 65_536;
}
