// Rows of a query -> text for programs: JSON lines, YAML documents or CSV. Nothing of a value reaches a terminal as a
// command: what would is escaped, in all of them.
import { dump } from 'js-yaml';
import type { TextFormat } from '../../model/output-format.ts';
import { escapeControls } from './escape-controls.ts';
import { denialTable, type FormatRows, jsonLines, type TableFormat } from './format-denials.ts';

/** For the pages of one answer, in order. */
export function rowFormat(output: TextFormat, table: TableFormat): FormatRows {
  if (output === 'table') return denialTable(table);
  if (output === 'json') return jsonLines;
  return output === 'yaml' ? yamlDocuments : csvLines();
}

/** Within double quotes the escapes are YAML's own. */
const yamlDocuments: FormatRows = (_columns, rows) =>
  rows
    .map((row) => dump(row, { lineWidth: -1, forceQuotes: true, quoteStyle: 'double' }))
    .map((text) => `---\n${text.split('\n').map(escapeControls).join('\n')}`)
    .join('');

/** RFC 4180, but for the ends of lines; null is an empty field. */
function csvLines(): FormatRows {
  let hasHeadings = false;
  return (columns, rows) => {
    const lines = rows.map((row) => columns.map((name) => csvField(row[name] ?? null)).join(','));
    const all = hasHeadings ? lines : [columns.map(csvField).join(','), ...lines];
    hasHeadings = true;
    return all.map((line) => `${line}\n`).join('');
  };
}

function csvField(value: unknown): string {
  if (value === null) return '';
  const text = escapeControls(typeof value === 'object' ? JSON.stringify(value) : String(value));
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
