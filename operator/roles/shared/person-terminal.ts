// What reaches the terminal of a person: texts of objects, which others wrote, are shown and never obeyed.
import { escapeControls } from '../../denials/query/escape-controls.ts';

/** The longest that anybody reads of one field: API servers store much longer ones. */
const MOST_OF_FIELD = 2000;

/** A field of an object, on one line. */
export function printableField(text: string): string {
  const shown = escapeControls(text.slice(0, MOST_OF_FIELD));
  const more = text.length - MOST_OF_FIELD;
  return more > 0 ? `${shown}... (${more} more characters)` : shown;
}

/** Lines stay lines. */
export function printableText(text: string): string {
  return text.split('\n').map(escapeControls).join('\n');
}

/** Undefined where nobody looks, and where a terminal does not know its width, as one of CI. */
export function widthOf({
  isTTY,
  columns,
}: {
  readonly isTTY?: boolean;
  readonly columns?: number;
}): number | undefined {
  return isTTY === true && columns !== undefined && columns > 0 ? columns : undefined;
}
