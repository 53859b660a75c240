// One line of the attack list as data: what is sent, by which sender, and the expected result.
// All bytes are Latin-1 text, so that tables are readable; PLACEHOLDERS stand for addresses known only at run time.
import type { Denial } from '../../operator/model/denial.ts';
import type { Reason } from '../../operator/model/reason.ts';

export interface AttackCase {
  /** Number in the attack list, with its group's letter; a neighbour has a further letter: "N4", "N4b". */
  readonly number: string;
  readonly title: string;
  /** Workspace that it comes from: "tenant" unless given. */
  readonly from?: 'tenant' | 'trial' | 'other';
  readonly send: Sent;
  readonly wanted: Wanted;
}

export type Entry = 'proxy' | 'tls' | 'http' | 'dns' | 'tls-8443';

export type Sent = SentByTcp | SentByUdp | SentToParser;

export interface SentByTcp {
  readonly sender: 'connect' | 'absolute' | 'raw' | 'tls' | 'http' | 'dns over tcp';
  readonly to: Entry;
  readonly turns: readonly Turn[];
  /** Takes at least as long as a time-out of the gateway; such cases run side by side. */
  readonly isSlow?: true;
}

/** Sent once so many answers have come. */
export interface Turn {
  readonly afterAnswers: number;
  /** Each in a segment of its own. */
  readonly pieces: readonly string[];
}

export interface SentByUdp {
  readonly sender: 'dns' | 'quic';
  readonly to: Entry;
  readonly datagrams: readonly string[];
}

export interface SentToParser {
  readonly sender: 'admission';
  readonly object: unknown;
  readonly shown: string;
}

export interface Wanted {
  /** Allowed; denied and logged; rejected when the policy is read. */
  readonly verdict: 'A' | 'D' | 'R';
  /**
   * What the sender sees, in order: "403", "200 hello" (a server's TLS), "200 closed", "NXDOMAIN", "silence".
   * For `admission` a part of what the person reads, or "accepted".
   */
  readonly answer: string;
  /** Of the one row; undefined where there must be none. */
  readonly reason?: Reason;
  readonly accessType?: 'DROP' | 'DRY_RUN_DENIAL';
  /** Columns of the row, beyond those that follow from workspace and reason. */
  readonly row?: Partial<Denial>;
  /** Outside names whose server is reached; nobody else is. */
  readonly reaches?: readonly string[];
  /** Names that the DNS may be asked for; those of `reaches` unless given. */
  readonly asks?: readonly string[];
  /** Why the product does otherwise than the list says, or has no row where one would expect it. */
  readonly because?: string;
}

export function attack(number: string, title: string, send: Sent, wanted: Wanted): AttackCase {
  return { number, title, send, wanted };
}

/** A verdict that says yes: the server of this name answers. */
export function allowed(name: string, answer = '200 hello'): Wanted {
  return { verdict: 'A', answer, reaches: [name] };
}

/** A verdict that says no before anything leaves. */
export function denied(reason: Reason, row: Partial<Denial>, answer = '403'): Wanted {
  return { verdict: 'D', answer, reason, row };
}

/** A tunnel that was opened, and shut when its first bytes were seen. */
export function closed(reason: Reason, row: Partial<Denial>): Wanted {
  return denied(reason, row, '200 closed');
}

export function rejected(sentence: string): Wanted {
  return { verdict: 'R', answer: sentence };
}
