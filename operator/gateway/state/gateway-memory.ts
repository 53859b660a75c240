// State that a gateway stores across restarts, beside Envoy's own files: tables and plans, so that entries expire and
// denials have their rule while no API server can be reached, and the revisions that Envoy runs.
import { rm } from 'node:fs/promises';
import { readIfExists, writeOrSay } from '../../lib/atomic-file.ts';
import { gatewayReportSpecSchema } from '../../model/gateway-report.ts';
import { type CompiledObject, parseEgressTable, parseWorkspacePlan } from '../../model/parse-compiled.ts';
import type { CompiledObjects } from '../../pipeline.ts';
import { type InForce, NOTHING_IN_FORCE } from './in-force.ts';
import type { StatePaths } from './state-directory.ts';

type MemoryPaths = Pick<StatePaths, 'compiled' | 'inForce'>;

export interface GatewayMemory {
  /** Undefined where nothing is stored. */
  readonly compiled: CompiledObjects | undefined;
  readonly inForce: InForce;
}

const inForceSchema = gatewayReportSpecSchema.pick({ tables: true, plans: true }).required();

/** An unreadable file counts as missing. */
export async function readMemory(paths: MemoryPaths): Promise<GatewayMemory> {
  const inForce = inForceSchema.safeParse(await readJson(paths.inForce));
  return {
    compiled: compiledOf(await readJson(paths.compiled)),
    inForce: inForce.success ? inForce.data : NOTHING_IN_FORCE,
  };
}

/**
 * Call it before they are applied: the stored objects are never older than what Envoy runs. Returns why they could not
 * be stored; waiting for that would hold back removals. Then nothing is stored: a restart must not go back to former ones.
 */
export async function rememberCompiled(
  paths: MemoryPaths,
  { tables, plans }: CompiledObjects,
): Promise<string | undefined> {
  const strip = ({ metadata: { name }, spec }: CompiledObjects['tables' | 'plans'][number]) => ({
    metadata: { name },
    spec,
  });
  const compiled = { tables: tables.map(strip), plans: plans.map(strip) };
  const problem = await writeOrSay(paths.compiled, `${JSON.stringify(compiled)}\n`);
  if (problem !== undefined) await rm(paths.compiled, { force: true }).catch(() => undefined);
  return problem;
}

export async function rememberInForce(paths: MemoryPaths, inForce: InForce): Promise<string | undefined> {
  return await writeOrSay(paths.inForce, `${JSON.stringify(inForce)}\n`);
}

function compiledOf(stored: unknown): CompiledObjects | undefined {
  const { tables, plans } = (stored ?? {}) as Partial<Record<'tables' | 'plans', readonly CompiledObject[]>>;
  if (!Array.isArray(tables) || !Array.isArray(plans)) return undefined;
  return {
    tables: tables.map(parseEgressTable).flatMap((parsed) => ('object' in parsed ? [parsed.object] : [])),
    plans: plans.map(parseWorkspacePlan).flatMap((parsed) => ('object' in parsed ? [parsed.object] : [])),
  };
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse((await readIfExists(path)) ?? 'null');
  } catch {
    return undefined;
  }
}
