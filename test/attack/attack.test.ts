// The attack list, line by line, as real bytes against one real gateway: the answer, the row, and that nothing else got
// out.
import { allCases } from './all-cases.ts';
import { type AttackReport, runAttack } from './run-attack.ts';

/** The longest time-out of the gateway is 30 s, and all slow cases wait for theirs together. */
const ALL_CASES_MS = 180_000;

const CASES = allCases();

let report: AttackReport;

beforeAll(async () => {
  report = await runAttack(CASES);
}, ALL_CASES_MS);

test.each(CASES.map((attack) => [`${attack.number} ${attack.title}`, attack] as const))(
  '%s',
  (_name, attack) => {
    expect(report.results.find((result) => result.attack === attack)?.faults).toEqual([]);
  },
);

test('nothing left when no case was being sent', () => {
  expect(report.late).toEqual([]);
});
