// `npm run attack`: sends the attack list to a gateway and prints what came of each case.
// Exit status 1 where one is not as wanted.
import { allCases } from './all-cases.ts';
import { formatReport } from './format-report.ts';
import { runAttack } from './run-attack.ts';

const report = await runAttack(allCases());
process.stdout.write(`${formatReport(report)}\n`);
const isAsWanted = report.late.length === 0 && report.results.every(({ faults }) => faults.length === 0);
process.exitCode = isAsWanted ? 0 : 1;
