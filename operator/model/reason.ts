// Why a connection was allowed or denied: the codes in the log, in the x-sallyport-reason header and in `explain`, each
// with the sentence that a person reads. Nothing else spells these codes.
export const REASON_HEADER = 'x-sallyport-reason';

export const REASONS = {
  FULL_ACCESS: 'the workspace has full access, without a gateway',
  DESTINATION_ALLOWED: 'an allowed destination matches',
  DESTINATION_NOT_ALLOWED: 'no allowed destination matches',
  DESTINATION_BLOCKED: 'a blocked destination matches, and blocked destinations take precedence',
  PORT_NOT_ALLOWED: 'the destination is allowed, but not on this port and protocol',
  INTERNET_SEALED: 'this product reaches no internet destination, only storage and private endpoints',
  BUCKET_NOT_ALLOWED:
    'no storage destination or exact name allows this bucket or account in this region; wildcards cover none',
  STORAGE_PATH_STYLE:
    'the bucket is not part of the host name; use the virtual-hosted form, bucket first, or allow this exact name',
  IP_LITERAL: 'destinations are decided by name, and this is an address',
  METADATA_ADDRESS: 'cloud metadata services are never reachable',
  BAD_NAME: 'the requested host is not one valid domain name with at most one port from 1 to 65535',
  BAD_REQUEST: 'the request could not be understood as HTTP or CONNECT with a host and a port',
  HTTPS_WITHOUT_CONNECT:
    'https:// was requested without CONNECT; set HTTPS_PROXY so that the client opens a tunnel',
  SNI_MISMATCH: 'the TLS server name inside the tunnel is not the host of the CONNECT request',
  NO_SNI: 'the TLS connection names no server, and destinations are decided by name',
  NOT_TLS: 'only TLS is allowed here, and the client sent something else',
  CLIENT_SILENT:
    'the client did not send a whole TLS ClientHello or request head in time; where the server speaks first use the proxy',
  CLIENT_HELLO_TOO_LARGE: 'the TLS ClientHello is larger than 15 KiB',
  ECH_OUTER_NAME:
    'the TLS connection hides its server name (Encrypted Client Hello); turn that off in the client, or take its DNS from the gateway',
  HEADERS_TOO_LARGE: 'the request line or the headers are larger than 32 KiB, or more than 100',
  TOO_MANY_CONNECTIONS: 'the workspace has as many connections open on this port as the gateway allows',
  GATEWAY_OVERLOADED: 'the gateway is short of memory and accepts nothing new; open connections continue',
  ADDRESS_DENIED: 'the name leads to a private, local or reserved address',
  UNRESOLVED_OR_PRIVATE: 'the name does not resolve, or leads to a private, local or reserved address',
  TOO_MANY_NAMES:
    'workloads under this policy resolve more names than the gateway caches at a time; names in use still work',
  TOO_MANY_QUESTIONS: 'the client exceeds the rate limit for DNS questions',
  DESTINATION_REVOKED: 'the tunnel was closed since its destination is no longer allowed',
  REVOKED_WITH_SHARD:
    'the tunnel was closed together with others that are no longer allowed; reconnect: it is still allowed',
  POLICY_NOT_FOUND: 'the assigned network policy does not exist',
  POLICY_UNREADABLE: 'the assigned network policy cannot be read',
  WORKSPACE_CONFLICTED: 'another namespace already has this workspace id',
  DENIALS_NOT_KEPT:
    'the gateway could not keep these denials, and the row says how many; traffic was decided as always',
} as const;

export type Reason = keyof typeof REASONS;

export function isReason(text: string): text is Reason {
  return Object.hasOwn(REASONS, text);
}

/** Reasons that follow from an entry of the policy; the others mean that none matched, or none was consulted. */
const ENTRY_REASONS: readonly Reason[] = [
  'DESTINATION_ALLOWED',
  'DESTINATION_BLOCKED',
  'PORT_NOT_ALLOWED',
  'INTERNET_SEALED',
  'SNI_MISMATCH',
  'NO_SNI',
  'NOT_TLS',
  'ADDRESS_DENIED',
  'UNRESOLVED_OR_PRIVATE',
  'TOO_MANY_NAMES',
  'DESTINATION_REVOKED',
  'REVOKED_WITH_SHARD',
];

/** Whether a decision with this reason has a rule to name. */
export function isDecidedByEntry(reason: Reason): boolean {
  return ENTRY_REASONS.includes(reason);
}

/** What dry-run lanes deny too: ambiguous names, cloud metadata, and blocked destinations. */
const DENIED_ALWAYS: readonly Reason[] = ['BAD_NAME', 'METADATA_ADDRESS', 'DESTINATION_BLOCKED'];

/** Whether every lane through the gateway denies for this reason, dry-run lanes too. */
export function isDeniedAlways(reason: Reason): boolean {
  return DENIED_ALWAYS.includes(reason);
}
