// Lines of Envoy's log -> the denials that they record, numbered on from where the caller is.
import { parseAccessLogLine } from '../model/access-log-line.ts';
import type { Denial } from '../model/denial.ts';
import { denialOfLine, type FindRule, type IsStillAllowed } from './denial-of-line.ts';

/** Where the lines come from, and who knows the tables that decided. */
export interface LogOrigin {
  readonly gateway: string;
  readonly accountId: string;
  readonly findRule: FindRule;
  readonly isStillAllowed: IsStillAllowed;
}

export interface LogLines {
  readonly logFile: string;
  /** With the byte offset of each. */
  readonly lines: readonly { readonly offset: number; readonly text: string; readonly cutFrom?: number }[];
}

export interface ReadDenials {
  readonly denials: readonly Denial[];
  /** How many lines are none of ours. */
  readonly unreadable: number;
  /** How many were too long, so that texts of theirs were cut. */
  readonly cut: number;
}

/** `sequence` is the number of the denial before the first one. */
export function readDenials({ logFile, lines }: LogLines, sequence: number, origin: LogOrigin): ReadDenials {
  const { gateway, accountId, findRule, isStillAllowed } = origin;
  const denials: Denial[] = [];
  let unreadable = 0;
  for (const { offset, text } of lines) {
    const line = parseAccessLogLine(text);
    if (line === undefined) {
      unreadable += 1;
      continue;
    }
    const eventId = `${gateway}/${logFile}/${offset}`;
    const next = { accountId, eventId, sequence: sequence + denials.length + 1 };
    const denial = denialOfLine(line, next, findRule, isStillAllowed);
    if (denial !== undefined) denials.push(denial);
  }
  return { denials, unreadable, cut: lines.filter(({ cutFrom }) => cutFrom !== undefined).length };
}
