// Rows of cells -> lines as kubectl prints them: columns padded to their widest cell, no borders.
import Table from 'cli-table3';

const GAP = '   ';
const NO_BORDERS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: GAP,
};

export const COLUMN_GAP = GAP.length;

/** One line per row, without trailing spaces. `widths` shortens columns that are wider. */
export function formatTable(
  rows: readonly (readonly string[])[],
  widths?: readonly number[],
): readonly string[] {
  const table = new Table({
    chars: NO_BORDERS,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
    ...(widths === undefined ? {} : { colWidths: [...widths] }),
  });
  table.push(...rows.map((row) => [...row]));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
}
