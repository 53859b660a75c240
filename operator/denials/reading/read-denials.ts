// Lines of Envoy's log -> the denials that they record.
import { type AccessLogLine, parseAccessLogLine } from '../../model/access-log-line.ts';
import type { UnnumberedDenial } from '../../model/denial.ts';
import { denialOfLine, type FindRule, type IsStillAllowed } from './denial-of-line.ts';

/** The source of the lines, and the history of tables. */
export interface LogOrigin {
  readonly gateway: string;
  readonly accountId: string;
  readonly findRule: FindRule;
  readonly isStillAllowed: IsStillAllowed;
}

/** Lines of one log file, with the byte offset of each. */
export interface LogLines {
  readonly logFile: string;
  /** Byte offset after the last line. */
  readonly upTo: number;
  readonly lines: readonly {
    readonly offset: number;
    readonly text: string;
    readonly truncatedFrom?: number;
  }[];
}

export interface ReadLines {
  readonly lines: readonly { readonly offset: number; readonly line: AccessLogLine }[];
  /** How many lines are unreadable. */
  readonly unreadable: number;
  /** How many were too long, so that their texts were truncated. */
  readonly truncated: number;
}

export function readLines(texts: LogLines['lines']): ReadLines {
  const lines = texts.flatMap(({ offset, text }) => {
    const line = parseAccessLogLine(text);
    return line === undefined ? [] : [{ offset, line }];
  });
  const truncated = texts.filter(({ truncatedFrom }) => truncatedFrom !== undefined).length;
  return { lines, unreadable: texts.length - lines.length, truncated };
}

export function denialsOf(
  logFile: string,
  lines: ReadLines['lines'],
  { gateway, accountId, findRule, isStillAllowed }: LogOrigin,
): readonly UnnumberedDenial[] {
  const denials: UnnumberedDenial[] = [];
  for (const { offset, line } of lines) {
    const eventId = `${gateway}/${logFile}/${offset}`;
    const denial = denialOfLine(line, { accountId, eventId }, findRule, isStillAllowed);
    if (denial !== undefined) denials.push(denial);
  }
  return denials;
}
