#!/usr/bin/env node
// Judges the chart by Helm's linter and by kube-score, under the values of every golden file. Whether each object is valid
// the API server itself says (test/apiserver/chart.test.ts), which knows more than any copy of its schemas.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { CHART, Helm } from '../test/support/chart/helm.ts';
import { render, VALUE_SETS } from '../test/support/chart/value-sets.ts';

const USAGE = `Usage: hack/chart-lint.ts [--help]

Runs "helm lint --strict" and kube-score on charts/sallyport; "npm run chart:lint" does the same. kube-score is built once
with Go, in a minute or two.
`;

/** What kube-score asks for, and does not get. */
const ARGUED = [
  // Images are named by version, and a node that lost its registry must still be able to restart a gateway.
  ...['--ignore-test', 'container-image-pull-policy'],
  // A CPU limit throttles Envoy for everybody behind it; requests say what it gets where there is too little.
  '--ignore-container-cpu-limit',
  // A pod beyond such a limit is evicted, and its connections with it; the programs bound their spools themselves.
  ...['--ignore-test', 'container-ephemeral-storage-request-and-limit'],
];
/** The operator writes those of gateways, and makes the pods of canaries; two pods live for seconds only. */
const ARGUED_LINES = [
  /sallyport-(?:gateway|ingress|remove|test)\/.*: The pod does not have a matching (?:egress )?NetworkPolicy$/,
  /sallyport-canary\/.*: The NetworkPolicys selector doesn't match any pods$/,
  // One process has the file of DuckDB, so the former pod ends first. Rows wait at the gateways meanwhile.
  /sallyport-collector\/.*: Deployment (?:update strategy|few replicas)$/,
];

async function lint(): Promise<number> {
  const helm = await Helm.find();
  const { code, stdout, stderr } = await helm.run(['lint', '--strict', CHART]);
  process.stdout.write(code === 0 ? '' : stdout + stderr);
  const { stdout: program } = spawnSync('bash', [join(import.meta.dirname, 'go-tool.sh'), 'kube-score'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let faults = code === 0 ? 0 : 1;
  for (const name of Object.keys(VALUE_SETS)) {
    const lines = scoreLines(program.trim(), await render(helm, name));
    for (const line of lines) process.stdout.write(`with the values "${name}": ${line}\n`);
    faults += lines.length;
  }
  await helm.remove();
  if (faults === 0) process.stdout.write('Nothing is left of Helm and kube-score that is not argued here\n');
  return faults === 0 ? 0 : 1;
}

function scoreLines(program: string, rendered: string): readonly string[] {
  const args = ['score', '--output-format', 'ci', '--kubernetes-version', 'v1.36', ...ARGUED, '-'];
  const { stdout, stderr } = spawnSync(program, args, { input: rendered, encoding: 'utf8' });
  const lines = stdout.split('\n').filter((line) => line !== '');
  // It says something of every object: silence is a fault of its own.
  if (lines.length === 0) return [`kube-score judged nothing: ${stderr}`];
  return lines.filter(
    (line) => /^\[(?:CRITICAL|WARNING)\]/.test(line) && !ARGUED_LINES.some((one) => one.test(line)),
  );
}

const [argument] = process.argv.slice(2);
if (argument === undefined) {
  process.exitCode = await lint();
} else {
  const isHelp = argument === '--help';
  (isHelp ? process.stdout : process.stderr).write(USAGE);
  process.exitCode = isHelp ? 0 : 2;
}
