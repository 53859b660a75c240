// The one canonicaliser of names, for policies, requests and log lines alike . In: a name as a person or a client wrote
// it. Out: lower-case A-labels without the trailing dot, or why not. It never guesses: a name that is not strictly
// letters, digits and hyphens after UTS-46 is rejected.
import { getPublicSuffix } from 'tldts';
import { toASCII } from 'tr46';
import { isIpLiteral } from './address-range.ts';

export type NameFault =
  | 'EMPTY'
  | 'BAD_NAME'
  | 'IP_LITERAL'
  | 'SINGLE_LABEL'
  | 'PUBLIC_SUFFIX'
  | 'IN_CLUSTER'
  | 'WILDCARD'
  | 'URL'
  | 'PORT';

export type ParsedName = { readonly name: string } | { readonly fault: NameFault };

/** A destination's name: exactly `name`, or with `wildcard` one or more labels under it, never `name` itself. */
export interface NamePattern {
  readonly name: string;
  readonly wildcard: boolean;
}

export type ParsedPattern =
  | { readonly pattern: NamePattern }
  | { readonly fault: NameFault; readonly message: string };

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const IN_CLUSTER_SUFFIXES = ['svc', 'cluster.local', 'localhost'];
const MAX_NAME_LENGTH = 253;
/** Longer text is rejected unread: UTS-46 may turn it into a name, but nobody writes such a name. */
const MAX_TEXT_LENGTH = 1024;

/** Canonical form of a host name as it comes in a request, a ClientHello or a policy. */
export function parseDomainName(raw: string): ParsedName {
  return raw.length > MAX_TEXT_LENGTH
    ? { fault: 'BAD_NAME' }
    : parseText(raw.endsWith('.') ? raw.slice(0, -1) : raw);
}

function parseText(text: string): ParsedName {
  if (text === '') return { fault: 'EMPTY' };
  if (isIpLiteral(text)) return { fault: 'IP_LITERAL' };
  const ascii = LDH_NAME.test(text)
    ? text.toLowerCase()
    : toASCII(text, { useSTD3ASCIIRules: true, checkBidi: true, checkJoiners: true });
  if (ascii === null || ascii.length > MAX_NAME_LENGTH) return { fault: 'BAD_NAME' };
  if (isIpLiteral(ascii)) return { fault: 'IP_LITERAL' };
  const labels = ascii.split('.');
  if (!labels.every((label) => LABEL.test(label)) || !punycodeIsValid(ascii)) return { fault: 'BAD_NAME' };
  return { name: ascii };
}

// Nearly every name is plain ASCII already; UTS-46 would only cost time on 2,500 of them.
const LDH_NAME = /^[A-Za-z0-9.-]+$/;

function punycodeIsValid(ascii: string): boolean {
  return !ascii.includes('xn--') || toASCII(ascii, { useSTD3ASCIIRules: true }) === ascii;
}

/** `name` or `*.name`, any name: an entry that a policy blocks. The message names the entry and the fix. */
export function parseNamePattern(raw: string): ParsedPattern {
  return parsePattern(raw, () => undefined);
}

/** The same for a domain of a private endpoint: never a name inside the cluster. */
export function parsePrivatePattern(raw: string): ParsedPattern {
  return parsePattern(raw, ({ name }) => (isInCluster(name) ? 'IN_CLUSTER' : undefined));
}

/** The same for an allowed internet destination: never a public suffix. */
export function parseAllowedPattern(raw: string): ParsedPattern {
  return parsePattern(raw, faultOfAllowed);
}

function parsePattern(raw: string, faultOf: (pattern: NamePattern) => NameFault | undefined): ParsedPattern {
  const shape = faultOfShape(raw);
  if (shape !== undefined) return deny(raw, shape);
  const wildcard = raw.startsWith('*.');
  const parsed = parseDomainName(wildcard ? raw.slice(2) : raw);
  if ('fault' in parsed) return deny(raw, parsed.fault);
  const pattern = { name: parsed.name, wildcard };
  const fault = faultOf(pattern);
  return fault === undefined ? { pattern } : deny(raw, fault);
}

/** `*.example.com` or `example.com`. */
export function formatPattern(pattern: NamePattern): string {
  return pattern.wildcard ? `*.${pattern.name}` : pattern.name;
}

function faultOfShape(raw: string): NameFault | undefined {
  if (raw === '' || raw === '.') return 'EMPTY';
  // A range of addresses, too.
  if (isIpLiteral(raw.replace(/\/\d{1,3}$/, ''))) return 'IP_LITERAL';
  if (raw.includes('/') || raw.includes('@')) return 'URL';
  if (/:\d*$/.test(raw)) return 'PORT';
  const rest = raw.startsWith('*.') ? raw.slice(2) : raw;
  return /^\.?$|\*/.test(rest) ? 'WILDCARD' : undefined;
}

function faultOfAllowed({ name, wildcard }: NamePattern): NameFault | undefined {
  if (isInCluster(name)) return 'IN_CLUSTER';
  // Only suffixes of registries; shared-zone.ts judges the zones that a provider shares.
  const isSuffix = getPublicSuffix(name) === name;
  if (wildcard && isSuffix) return 'PUBLIC_SUFFIX';
  if (!name.includes('.')) return 'SINGLE_LABEL';
  return isSuffix ? 'PUBLIC_SUFFIX' : undefined;
}

function isInCluster(name: string): boolean {
  return IN_CLUSTER_SUFFIXES.some((suffix) => name === suffix || name.endsWith(`.${suffix}`));
}

const FIXES: Readonly<Record<NameFault, string>> = {
  EMPTY: 'name a domain, for example "example.com"',
  BAD_NAME: 'use labels of letters, digits and hyphens, for example "data.example.com"',
  IP_LITERAL: 'name a domain; addresses are not accepted as destinations',
  SINGLE_LABEL: 'use a full domain name, for example "example.com"',
  PUBLIC_SUFFIX:
    'anyone can register names under a public suffix; name a domain, for example "*.example.com"',
  IN_CLUSTER: 'names inside the cluster belong to "clusterAccess"',
  WILDCARD: 'name a domain, for example "*.example.com"; "*" stands only for whole labels in front',
  URL: 'write only the domain name, without scheme, user or path, for example "example.com"',
  PORT: 'write the port under "ports", for example destination "example.com" with ports [{port: 8443}]',
};

const HOST_FIXES: Readonly<Partial<Record<NameFault, string>>> = {
  IP_LITERAL: 'name a domain; addresses are not accepted as hosts',
  PORT: 'write only the domain name, without a port, for example "example.com"',
  WILDCARD: 'write each name, without "*"',
};

/** The same of a host under which a workspace is served. */
export function denyHost(raw: string, fault: NameFault): ParsedPattern {
  return { fault, message: `Cannot accept host "${raw}": ${HOST_FIXES[fault] ?? FIXES[fault]}` };
}

function deny(raw: string, fault: NameFault): ParsedPattern {
  return { fault, message: `Cannot accept destination "${raw}": ${FIXES[fault]}` };
}

/** Of Encrypted Client Hello: any site of the provider is behind such a name, which so says nothing about the way. */
export const ECH_OUTER_NAMES: readonly string[] = ['cloudflare-ech.com'];
