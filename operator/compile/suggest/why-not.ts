// Denials that no suggested entry may end, with the sentence that says why, and what a person can do instead.
import { isReason, REASONS, type Reason } from '../../model/reason.ts';
import type { DeniedTraffic } from './denied-traffic.ts';

/** Reasons that an entry for the destination ends, and that are judged by the present policy. */
const BY_DESTINATION: readonly string[] = [
  'DESTINATION_NOT_ALLOWED',
  'PORT_NOT_ALLOWED',
  'BUCKET_NOT_ALLOWED',
  'NOT_TLS',
] satisfies Reason[];

export function endsByEntry(reason: string): boolean {
  return BY_DESTINATION.includes(reason);
}

const ADVICE: Readonly<Partial<Record<Reason, string>>> = {
  DESTINATION_BLOCKED: 'if it is needed, change blockedInternetDestinations by hand',
  SNI_MISMATCH:
    'if the client may hide its server, an entry with protocol TCP for this port allows any bytes',
  NO_SNI:
    'if the client cannot send a server name, an entry with protocol TCP for this port allows any bytes',
  NOT_TLS: 'if other bytes are meant on port 443, write an entry with protocol TCP by hand',
  IP_LITERAL: 'let the client use the name of the destination',
  ADDRESS_DENIED: 'a PrivateEndpoint can allow private addresses',
  UNRESOLVED_OR_PRIVATE: 'check the name; a PrivateEndpoint can allow private addresses',
  INTERNET_SEALED: 'run the workload as another product',
  DESTINATION_REVOKED: 'somebody took the entry away; add it by hand if that was a mistake',
  POLICY_NOT_FOUND: 'create the policy or assign another',
  POLICY_UNREADABLE: 'correct the policy first',
  WORKSPACE_CONFLICTED: 'change the id of one of the namespaces first',
};

export function whyNot(reason: string): string {
  if (!isReason(reason)) return reason;
  const advice = ADVICE[reason];
  return advice === undefined ? REASONS[reason] : `${REASONS[reason]}; ${advice}`;
}

/** TCP on the port of HTTPS would let any client past the comparison of names. */
const HTTPS_PORT = 443;

/** Of traffic that a policy denies for `reason`: whether the entry would have to be wider than what is suggested. */
export function needsByHand({ port, protocol }: DeniedTraffic): boolean {
  return protocol === 'TCP' && port === HTTPS_PORT;
}
