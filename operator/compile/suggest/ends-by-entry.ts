// Denials that no suggested entry may end.
import type { Reason } from '../../model/reason.ts';
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

/** TCP on the port of HTTPS would let any client past the comparison of names. */
const HTTPS_PORT = 443;

/** Of traffic that a policy denies for `reason`: whether the entry would have to be wider than what is suggested. */
export function needsByHand({ port, protocol }: DeniedTraffic): boolean {
  return protocol === 'TCP' && port === HTTPS_PORT;
}
