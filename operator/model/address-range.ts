// The one parser of addresses and CIDR ranges, for access lists, private endpoints and the address guard. ipaddr.js
// reads "010.0.0.1" as 8.0.0.1 and "10.1" as an address, so a strict check of the text goes first.
import ipaddr from 'ipaddr.js';

export interface AddressRange {
  readonly family: 4 | 6;
  /** First address, host bits masked, in the canonical text of its family. */
  readonly address: string;
  readonly prefixLength: number;
}

export type ParsedRange = { readonly range: AddressRange } | { readonly message: string };

const OCTET = '(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';
/** The one canonical spelling: four plain decimals. For RE2 and JavaScript alike. */
export const IPV4_PATTERN = `${OCTET}(?:\\.${OCTET}){3}`;
const IPV4 = new RegExp(`^${IPV4_PATTERN}$`);
const HEXTET = /^[0-9a-fA-F]{0,4}$/;
const PREFIX_LENGTH = /^(?:0|[1-9][0-9]{0,2})$/;
/** Of an IPv4 address in any spelling. */
export const NUMERIC_PATTERN = '(?:.*\\.)?(?:[0-9]+|0[xX][0-9a-fA-F]*)';
const NUMERIC = new RegExp(`^${NUMERIC_PATTERN}\\.?$`);

/** "1.2.3.4", "1.2.3.4/28" (host bits are masked, R86), "2001:db8::/32"; nothing laxer. */
export function parseAddressRange(text: string): ParsedRange {
  const [address = '', prefix, ...rest] = text.split('/');
  const parsed = rest.length === 0 ? parseStrict(address) : undefined;
  if (parsed === undefined)
    return {
      message: `${cannotAccept(text)}: write an address such as "192.0.2.7" or a range such as "192.0.2.0/24"`,
    };
  if (parsed instanceof ipaddr.IPv6 && parsed.isIPv4MappedAddress()) {
    return { message: `${cannotAccept(text)}: write the IPv4 form, "${parsed.toIPv4Address().toString()}"` };
  }
  const bits = parsed.kind() === 'ipv4' ? 32 : 128;
  const length = prefix === undefined ? bits : PREFIX_LENGTH.test(prefix) ? Number(prefix) : Number.NaN;
  if (!(length <= bits))
    return { message: `${cannotAccept(text)}: the part behind "/" is a number from 0 to ${bits}` };
  return { range: mask(parsed, length) };
}

/** Canonical "address/length". */
export function formatRange(range: AddressRange): string {
  return `${range.address}/${range.prefixLength}`;
}

/** Whether a text is an address in any spelling that some resolver accepts: "10.1", "0x7f.1", "[::1]", "2130706433". */
export function isIpLiteral(text: string): boolean {
  const bare = text.replace(/^\[(.*)\]$/, '$1');
  return NUMERIC.test(bare) || (bare.includes(':') && ipaddr.IPv6.isValid(bare.replace(/%.*$/, '')));
}

/** An address as a number: 32 bits of IPv4, or 128 bits of IPv6. */
export type AddressBits = number | bigint;

/** Of a strict text; IPv4-mapped is IPv4, and a zone is left out. Undefined: no address. */
export function addressBits(text: string): AddressBits | undefined {
  return ipv4Bits(text) ?? otherBits(text);
}

const DOT = 46;
const ZERO = 48;

/** As IPV4 has it, without a pattern: this is asked for each request. */
function ipv4Bits(text: string): number | undefined {
  let bits = 0;
  let octet = -1;
  let dots = 0;
  for (let at = 0; at < text.length; at += 1) {
    const digit = text.charCodeAt(at) - ZERO;
    if (digit === DOT - ZERO && octet >= 0) {
      bits = bits * 256 + octet;
      octet = -1;
      dots += 1;
    } else if (digit >= 0 && digit <= 9 && octet !== 0) {
      octet = Math.max(octet, 0) * 10 + digit;
      if (octet > 255) return undefined;
    } else return undefined;
  }
  return dots === 3 && octet >= 0 ? bits * 256 + octet : undefined;
}

function otherBits(text: string): AddressBits | undefined {
  const parsed = parsePlain(text);
  return parsed === undefined ? undefined : bitsOf(parsed);
}

/** Canonical text of a strict one; IPv4-mapped is IPv4, and a zone is left out. Undefined: no address. */
export function plainAddress(text: string): string | undefined {
  return parsePlain(text)?.toString();
}

/** First and last address of a range. */
export function rangeBits({ family, address, prefixLength }: AddressRange): {
  readonly first: AddressBits;
  readonly last: AddressBits;
} {
  const first = bitsOf(ipaddr.parse(address));
  if (family === 4) return { first, last: Number(first) + 2 ** (32 - prefixLength) - 1 };
  return { first, last: BigInt(first) + (1n << BigInt(128 - prefixLength)) - 1n };
}

const MAPPED_PREFIX = 96;
const MAPPED_BITS = 0xffffn << 32n;

/** An IPv6 range without the IPv4-mapped addresses, which are IPv4: itself, or what is left of it. */
export function withoutIpv4Mapped(range: AddressRange): readonly AddressRange[] {
  const first = BigInt(rangeBits(range).first);
  const { prefixLength } = range;
  if (
    prefixLength > MAPPED_PREFIX ||
    first >> hostBits(prefixLength) !== MAPPED_BITS >> hostBits(prefixLength)
  )
    return [range];
  // Beside the way down to the mapped addresses, one half is left at each step.
  return Array.from({ length: MAPPED_PREFIX - prefixLength }, (_, step) => {
    const length = prefixLength + step + 1;
    const half = ((MAPPED_BITS >> hostBits(length)) ^ 1n) << hostBits(length);
    return { family: 6, address: addressText(half), prefixLength: length };
  });
}

function hostBits(prefixLength: number): bigint {
  return BigInt(128 - prefixLength);
}

/** Canonical text. */
export function addressText(bits: AddressBits): string {
  if (typeof bits === 'number')
    return new ipaddr.IPv4([24, 16, 8, 0].map((shift) => Math.floor(bits / 2 ** shift) % 256)).toString();
  const parts = Array.from({ length: 8 }, (_, at) => Number((bits >> BigInt(112 - 16 * at)) & 0xffffn));
  return new ipaddr.IPv6(parts).toString();
}

/** Whether an address (strict text) lies in one of the ranges; an unreadable address lies in none. */
export function rangesContain(ranges: readonly AddressRange[], address: string): boolean {
  const plain = parsePlain(address);
  if (plain === undefined) return false;
  return ranges.some((range) => {
    const base = ipaddr.parse(range.address);
    return base.kind() === plain.kind() && plain.match(base, range.prefixLength);
  });
}

/**
 * Whether a text may be an IPv4 address, but in a spelling that one parser takes for an address and another for a name.
 */
export function isOddNumeric(text: string): boolean {
  return NUMERIC.test(text) && !IPV4.test(text);
}

/** Whether every address of the inner ranges lies in one of the outer ones. */
export function rangesCover(outer: readonly AddressRange[], inner: readonly AddressRange[]): boolean {
  return inner.every(({ address, prefixLength }) =>
    rangesContain(
      outer.filter((range) => range.prefixLength <= prefixLength),
      address,
    ),
  );
}

function parseStrict(address: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  if (IPV4.test(address)) return ipaddr.IPv4.parse(address);
  if (!address.includes(':')) return undefined;
  const parts = address.split(':');
  const last = parts.at(-1) ?? '';
  const isPlain =
    parts.slice(0, -1).every((part) => HEXTET.test(part)) && (HEXTET.test(last) || IPV4.test(last));
  const text = withoutCompatibleForm(address);
  return isPlain && ipaddr.IPv6.isValid(text) ? ipaddr.IPv6.parse(text) : undefined;
}

/** ipaddr.js takes "::1.2.3.4" for the IPv4-mapped "::ffff:1.2.3.4"; Envoy, and who wrote it, do not. */
function withoutCompatibleForm(address: string): string {
  return IPV4.test(address.slice(2)) ? address.replace(/^::/, '::0:') : address;
}

/** What Envoy says and accepts: "fe80::1%1", "fe80::1%eth0". */
const ZONE = /^([^%]+)%[^%/,\s]{1,15}$/;

/** A zone says by which interface a link-local address is reached; lists cannot name it, so it is left out. */
function parseZoned(text: string): ipaddr.IPv6 | undefined {
  const [, address = ''] = ZONE.exec(text) ?? [];
  const parsed = parseStrict(address);
  return parsed instanceof ipaddr.IPv6 && parsed.range() === 'linkLocal' ? parsed : undefined;
}

function parsePlain(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  const parsed = text.includes('%') ? parseZoned(text) : parseStrict(text);
  return parsed instanceof ipaddr.IPv6 && parsed.isIPv4MappedAddress() ? parsed.toIPv4Address() : parsed;
}

function bitsOf(address: ipaddr.IPv4 | ipaddr.IPv6): AddressBits {
  if (address instanceof ipaddr.IPv4) return address.octets.reduce((bits, octet) => bits * 256 + octet, 0);
  return address.parts.reduce((bits, part) => (bits << 16n) | BigInt(part), 0n);
}

function mask(address: ipaddr.IPv4 | ipaddr.IPv6, prefixLength: number): AddressRange {
  const text = `${address.toString()}/${prefixLength}`;
  return address instanceof ipaddr.IPv4
    ? { family: 4, address: ipaddr.IPv4.networkAddressFromCIDR(text).toString(), prefixLength }
    : { family: 6, address: ipaddr.IPv6.networkAddressFromCIDR(text).toString(), prefixLength };
}

function cannotAccept(text: string): string {
  return `Cannot accept address "${text}"`;
}
