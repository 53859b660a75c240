// What came of an attack -> the table that `npm run attack` prints, what is covered by other tests, and a line of
// counts.
import Table from 'cli-table3';
import { COVERED_ELSEWHERE } from './covered-elsewhere.ts';
import type { AttackReport, AttackResult } from './run-attack.ts';
import { shownOf } from './senders.ts';

const SHOWN_LENGTH = 48;

export function formatReport({ results, late }: AttackReport): string {
  const cases = new Table({
    head: ['case', 'what', 'by', 'sent', 'verdict', 'answer', 'reason', 'ok'],
    style: PLAIN,
  });
  for (const result of results) cases.push(cellsOf(result));
  const elsewhere = new Table({ head: ['case', 'what', 'tested in'], style: PLAIN });
  for (const { number, title, file } of COVERED_ELSEWHERE) elsewhere.push([number, title, file]);
  const failed = results.filter(({ faults }) => faults.length > 0);
  return [
    cases.toString(),
    'Covered elsewhere:',
    elsewhere.toString(),
    ...failed.flatMap(({ attack, faults }) =>
      faults.map((fault) => `${attack.number} ${attack.title}: ${fault}`),
    ),
    ...late.map((what) => `Left when no case was being sent: ${what}`),
    `${results.length} cases: ${results.length - failed.length} as wanted, ${failed.length} not; ${late.length} late`,
  ].join('\n');
}

const PLAIN = { head: [], border: [] };

function cellsOf({ attack, answer, rows, faults }: AttackResult): string[] {
  const { number, title, send, wanted } = attack;
  const reason = rows.map((row) => row.reason).join(', ');
  const seen = [number, title, send.sender, shownOf(send), wanted.verdict, answer, reason];
  return [...seen.map(shorten), faults.length === 0 ? 'ok' : 'NOT OK'];
}

function shorten(text: string): string {
  return text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH - 1)}…` : text;
}
