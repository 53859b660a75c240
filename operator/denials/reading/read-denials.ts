// Lines of a log -> the denials that they record, whichever log it is.
import { type AccessLogLine, parseAccessLogLine } from '../../model/access-log-line.ts';
import type { UnnumberedDenial } from '../../model/denial.ts';
import { denialOfLine, type FindRule, type IsStillAllowed } from './denial-of-line.ts';
import { type LostRows, outboundLost } from './lost-rows.ts';

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

/** How the lines of one kind of log are read; `Row` is not numbered yet. */
export interface LineReader<Line, Row> {
  /** Undefined: no line of this log. */
  readonly parse: (text: string) => Line | undefined;
  /** Resolves when what decided about the lines is known, or unobtainable; at once where it is not given. */
  readonly prepare?: (lines: readonly Line[]) => Promise<void>;
  /** Undefined: nothing was denied. */
  readonly denialOf: (line: Line, eventId: string) => Row | undefined;
  /** Rows for denials that are not kept. */
  readonly lost: LostRows<Row>;
}

export interface ReadLines<Line> {
  readonly lines: readonly { readonly offset: number; readonly line: Line }[];
  /** Offsets of lines that are unreadable, or begin so. */
  readonly unreadable: readonly number[];
  /** How many were too long, so that their texts were truncated. */
  readonly truncated: number;
}

export function readLines<Line>(
  texts: LogLines['lines'],
  parse: LineReader<Line, unknown>['parse'],
): ReadLines<Line> {
  const lines: { offset: number; line: Line }[] = [];
  const unreadable: number[] = [];
  for (const { offset, text } of texts) {
    const line = parse(text);
    if (line !== undefined) {
      lines.push({ offset, line });
      continue;
    }
    unreadable.push(offset);
    const rest = parseRest(text, parse);
    // Somewhere within: no other line has this offset.
    if (rest !== undefined) lines.push({ offset: offset + 1, line: rest });
  }
  const truncated = texts.filter(({ truncatedFrom }) => truncatedFrom !== undefined).length;
  return { lines, unreadable, truncated };
}

/** Where each line begins. Within a text JSON has a backslash before the quote. */
const LINE_START = /\{"/g;
/** Lines have few objects within them. */
const MOST_STARTS = 20;

/** The whole line behind one whose end is missing: its writer died, or a disk was full. */
function parseRest<Line>(text: string, parse: (text: string) => Line | undefined): Line | undefined {
  const starts = [...text.matchAll(LINE_START)].slice(0, MOST_STARTS);
  for (const { index } of starts) {
    const line = index === 0 ? undefined : parse(text.slice(index));
    if (line !== undefined) return line;
  }
  return undefined;
}

export function denialsOf<Line, Row>(
  place: string,
  lines: ReadLines<Line>['lines'],
  denialOf: LineReader<Line, Row>['denialOf'],
): readonly Row[] {
  const denials: Row[] = [];
  for (const { offset, line } of lines) {
    const denial = denialOf(line, `${place}/${offset}`);
    if (denial !== undefined) denials.push(denial);
  }
  return denials;
}

/** The history of tables, and the account. */
export interface OutboundOrigin {
  readonly accountId: string;
  readonly findRule: FindRule;
  readonly isStillAllowed: IsStillAllowed;
  readonly prepare?: (lines: readonly AccessLogLine[]) => Promise<void>;
}

/** Of the egress Envoy and the DNS. */
export function outboundReader({
  accountId,
  findRule,
  isStillAllowed,
  prepare,
}: OutboundOrigin): LineReader<AccessLogLine, UnnumberedDenial> {
  return {
    parse: parseAccessLogLine,
    ...(prepare === undefined ? {} : { prepare }),
    denialOf: (line, eventId) => denialOfLine(line, { accountId, eventId }, findRule, isStillAllowed),
    lost: outboundLost(accountId),
  };
}
