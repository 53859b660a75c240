// Numbers of the DNS protocol (RFC 1035, 6891), and the names of types for people.
export const RCODE = {
  NO_ERROR: 0,
  FORMAT_ERROR: 1,
  SERVER_FAILURE: 2,
  NO_NAME: 3,
  NOT_IMPLEMENTED: 4,
  REFUSED: 5,
  BAD_VERSION: 16,
} as const;

export const TYPE = { A: 1, SOA: 6, AAAA: 28, SRV: 33, OPT: 41 } as const;

export const CLASS_IN = 1;
export const HEADER_BYTES = 12;

const TYPE_NAMES: Readonly<Record<number, string>> = {
  1: 'A',
  2: 'NS',
  5: 'CNAME',
  6: 'SOA',
  12: 'PTR',
  15: 'MX',
  16: 'TXT',
  28: 'AAAA',
  33: 'SRV',
  64: 'SVCB',
  65: 'HTTPS',
  255: 'ANY',
};

/** "AAAA", or "TYPE99" (RFC 3597) where the type has no name here. */
export function typeName(type: number): string {
  return TYPE_NAMES[type] ?? `TYPE${type}`;
}
