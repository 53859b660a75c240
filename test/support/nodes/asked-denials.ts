// kubectl sallyport as a person on the cluster of the end-to-end suite runs it.
import { mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ProgramResult, runProgram } from '../cluster/run-program.ts';
import { ROOT } from './commands.ts';

export type DenialRow = Readonly<Record<string, unknown>> & {
  readonly destination: string;
  readonly pod: string | null;
  readonly repeats: number;
  readonly lost: number;
};

/** A folder for PATH, in which kubectl finds the plugin. */
const plugins = mkdtempSync(join(tmpdir(), 'kubectl-plugins-'));
symlinkSync(join(ROOT, 'hack/sallyport'), join(plugins, 'kubectl-sallyport'));

export function sallyport(...args: readonly string[]): Promise<ProgramResult> {
  const environment = { PATH: `${plugins}:${process.env['PATH']}` };
  return runProgram('kubectl', ['sallyport', ...args], '', environment);
}

/** Rows of a query; throws what the command complains of. */
export async function rowsOf<Row = DenialRow>(sql: string): Promise<readonly Row[]> {
  const { code, stdout, stderr } = await sallyport('denials', '-o', 'json', '--sql', sql);
  if (code !== 0) throw new Error(stderr);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row);
}

/** The query of Databricks' page, for one workspace. */
export const pageQuery = (workspace: string): string =>
  [
    'select * from system.access.outbound_network',
    `where event_time >= current_timestamp() - interval 2 hour and workspace = '${workspace}'`,
    'sort by event_time desc',
  ].join('\n');
