// `npm run attack`: sends the attack list and every family of generated cases to gateways, and prints what came of each.
// Exit status 1 where one is not as wanted.
import { randomInt } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { parseArgs } from 'node:util';
import { allCases } from './all-cases.ts';
import { FAMILIES } from './families/all-families.ts';
import { formatFamilies } from './families/format-families.ts';
import { runFamilies } from './families/run-families.ts';
import { formatReport } from './format-report.ts';
import { runAttack } from './run-attack.ts';

const LISTED = 'listed';
const NAMES = [LISTED, ...FAMILIES.map(({ name }) => name)];
const MAX_SEED = 2 ** 31;

const HELP = `Usage: npm run attack -- [--family NAME]... [--seed N] [--runs N]

Families: ${NAMES.join(', ')}; all unless some are named.
--seed  which cases are generated; one at random unless given, which is printed
--runs  how many of each family; each has a number of its own unless given
`;

const { values } = parseArgs({
  options: {
    family: { type: 'string', multiple: true },
    seed: { type: 'string' },
    runs: { type: 'string' },
    help: { type: 'boolean' },
  },
});
if (values.help) process.stdout.write(HELP);
else if (isAlone()) process.exitCode = await attackAll(values.family ?? NAMES);
else throw new Error('Cannot attack where others could be reached: run it through hack/loopback-only.sh');

/** Some cases would go to addresses of others if a tunnel check failed. */
function isAlone(): boolean {
  return Object.values(networkInterfaces()).every((known = []) => known.every(({ internal }) => internal));
}

async function attackAll(wanted: readonly string[]): Promise<number> {
  const unknown = wanted.filter((name) => !NAMES.includes(name));
  if (unknown.length > 0) {
    process.stderr.write(`Cannot find family "${unknown.join('", "')}"\n${HELP}`);
    return 2;
  }
  const seed = Number(values.seed ?? randomInt(MAX_SEED));
  const runs = values.runs === undefined ? undefined : Number(values.runs);
  process.stdout.write(`Seed ${seed}\n`);
  const isListedGood = !wanted.includes(LISTED) || (await attackByList());
  const families = FAMILIES.filter(({ name }) => wanted.includes(name));
  const reports = await runFamilies(families, { seed, runs }, ({ name, cases, seconds, faults }) => {
    const verdict = faults.length === 0 ? 'ok' : 'not ok';
    process.stdout.write(`${name}: ${cases} cases in ${seconds.toFixed()} s, ${verdict}\n`);
  });
  if (families.length > 0) process.stdout.write(`${formatFamilies(reports, seed)}\n`);
  return isListedGood && reports.every(({ faults }) => faults.length === 0) ? 0 : 1;
}

async function attackByList(): Promise<boolean> {
  const report = await runAttack(allCases());
  process.stdout.write(`${formatReport(report)}\n`);
  return report.late.length === 0 && report.results.every(({ faults }) => faults.length === 0);
}
