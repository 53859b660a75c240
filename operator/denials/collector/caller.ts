// Who calls the collector, and how it is found out. Nothing of Kubernetes: authenticate-callers.ts is the real one.
import type { Direction } from '../wire/collector-wire.ts';

/** A gateway or an ingress gateway. */
export interface GatewayCaller {
  readonly kind: 'gateway';
  /** Its pod: every id of its rows begins with it. */
  readonly name: string;
  readonly direction: Direction;
}

export interface PersonCaller {
  readonly kind: 'person';
  readonly user: string;
  readonly groups: readonly string[];
  readonly uid?: string;
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export type Caller = GatewayCaller | PersonCaller;

/** What of a request says who calls. */
export interface Credentials {
  readonly token: string | undefined;
  /** Of a client certificate that a trusted authority signed, and that is valid now. */
  readonly certificate: { readonly user: string; readonly groups: readonly string[] } | undefined;
}

/** Undefined: nobody that is known. Throws where that cannot be found out now. */
export type Authenticate = (credentials: Credentials) => Promise<Caller | undefined>;

const ACCOUNT = /^system:serviceaccount:([^:]+):/;

/**
 * Whose requests and connections are counted together, as words of a sentence: whoever may make ServiceAccounts in a
 * Namespace has no more for each of them.
 */
export function callerKey(caller: Caller): string {
  if (caller.kind === 'gateway') return `gateway "${caller.name}"`;
  const namespace = ACCOUNT.exec(caller.user)?.[1];
  return namespace === undefined ? `user "${caller.user}"` : `ServiceAccounts of Namespace "${namespace}"`;
}
