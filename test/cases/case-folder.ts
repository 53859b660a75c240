// One case: test/cases/NAME with in.yaml, decisions.yaml and the generated compiled.yaml.
// In: the name. Out: its rows, and what in.yaml compiles to. It reads files and writes none.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CompiledSnapshot, compileSnapshot } from '../../operator/compile/plans.ts';
import { indexTable, type TableIndex } from '../../operator/compile/table-index.ts';
import type { Lane } from '../../operator/model/lane.ts';
import { mergeFiles, NOTHING_KNOWN } from '../../operator/sources/last-good.ts';
import { parseYamlFile } from '../../operator/sources/yaml-file.ts';
import { type CaseRow, parseCaseRows } from './case-rows.ts';

export interface CaseFolder {
  readonly name: string;
  /** Text of in.yaml. */
  readonly input: string;
  readonly rows: readonly CaseRow[];
  readonly compiled: CompiledSnapshot;
}

/** Names of all cases, sorted. */
export function listCases(): readonly string[] {
  const entries = readdirSync(import.meta.dirname, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  return folders.toSorted();
}

/** Throws where a file is missing or a row has a fault; faults of in.yaml are Problems of what it compiles to. */
export function readCase(name: string): CaseFolder {
  const input = readFileSync(casePath(name, 'in.yaml'), 'utf8');
  const rows = parseCaseRows(
    `${name}/decisions.yaml`,
    readFileSync(casePath(name, 'decisions.yaml'), 'utf8'),
  );
  return { name, input, rows, compiled: compileInput(input) };
}

/** Text of compiled.yaml; empty where it was never generated. */
export function readCompiled(name: string): string {
  const path = casePath(name, 'compiled.yaml');
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

export function casePath(name: string, file: string): string {
  return join(import.meta.dirname, name, file);
}

/** The Problems of the file come first, then those between objects. */
export function compileInput(input: string): CompiledSnapshot {
  const merged = mergeFiles(new Map([['in.yaml', parseYamlFile('in.yaml', input)]]), NOTHING_KNOWN);
  const compiled = compileSnapshot(merged.snapshot);
  return { ...compiled, problems: [...merged.problems, ...compiled.problems] };
}

/** What decides the requests of a row. */
export interface Decider {
  readonly index: TableIndex;
  readonly lane: Lane;
  readonly policy: string;
}

/** Throws where in.yaml has no such workspace. */
export function deciderOf({ compiled }: CaseFolder, { workspace, product }: CaseRow): Decider {
  const plan = compiled.plans.find(({ metadata }) => metadata.name === workspace);
  const table = compiled.tables.find(({ metadata }) => metadata.name === plan?.spec.table);
  const lane = plan?.spec.products.find((entry) => entry.product === product)?.lane;
  if (plan === undefined || table === undefined || lane === undefined) {
    throw new Error(`Cannot find workspace "${workspace}": label a Namespace of that name in in.yaml`);
  }
  return { index: indexTable(table.spec, Date.now()), lane, policy: plan.spec.networkPolicyId };
}
