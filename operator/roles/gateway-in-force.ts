// What Envoy runs, per table and per plan, as the gateway reports it. Computed from what Envoy said to each
// configuration and from what was in force before.
import type { ApplyResult } from '../gateway/config/config-applier.ts';
import type { GatewayReportSpec } from '../model/gateway-report.ts';
import { compareText } from '../model/snapshot.ts';
import type { CompiledObjects, GatewayOutputs } from '../pipeline.ts';
import { listenerPlaces } from '../render/envoy/listener-places.ts';

/** Rows of a GatewayReport. */
export interface InForce {
  readonly tables: NonNullable<GatewayReportSpec['tables']>;
  readonly plans: NonNullable<GatewayReportSpec['plans']>;
}

export const NOTHING_IN_FORCE: InForce = { tables: [], plans: [] };

/** Where nothing of an object has ever run. */
const NO_REVISION = 'none';
const LONGEST_REJECTION = 1024;

/** An object, and the route tables or listeners in which it takes effect; nothing can be refused of one without any. */
interface Parts {
  readonly name: string;
  readonly revision: string;
  readonly parts: readonly string[];
}

interface Row {
  readonly revision: string;
  readonly rejection?: string | undefined;
}

/** `before` where Envoy does not run, or has not answered: then nobody knows better. */
export function inForceAfter(
  result: ApplyResult,
  { tables, plans }: CompiledObjects,
  outputs: GatewayOutputs,
  before: InForce,
): InForce {
  if (result.status === 'notRunning' || result.status === 'timeout') return before;
  const revisionsBefore = new Map([
    ...before.tables.map(({ table, revision }) => [`table ${table}`, revision] as const),
    ...before.plans.map(({ workspace, revision }) => [`plan ${workspace}`, revision] as const),
  ]);
  const withheld = new Set(result.status === 'rejected' ? result.withheld : []);
  const rowOf = (kind: 'table' | 'plan', { name, revision, parts }: Parts): Row => {
    const rejection = parts.some((part) => withheld.has(part)) ? rejectionOf(result, parts) : undefined;
    if (rejection === undefined) return { revision };
    return { revision: revisionsBefore.get(`${kind} ${name}`) ?? NO_REVISION, rejection };
  };
  const routesOf = Map.groupBy(outputs.envoy.routeTables, ({ name }) => name.slice(0, name.lastIndexOf('.')));
  const listeners = outputs.entrances.flatMap((entrance) =>
    listenerPlaces(entrance).map(({ name }) => ({ name, workspace: entrance.workspace })),
  );
  const listenersOf = Map.groupBy(listeners, ({ workspace }) => workspace);
  return {
    tables: named(tables, routesOf).map((parts) => ({ table: parts.name, ...rowOf('table', parts) })),
    plans: named(plans, listenersOf).map((parts) => ({ workspace: parts.name, ...rowOf('plan', parts) })),
  };
}

type Compiled = CompiledObjects['tables'][number] | CompiledObjects['plans'][number];

function named(
  objects: readonly Compiled[],
  partsOf: ReadonlyMap<string, readonly { readonly name: string }[]>,
): readonly Parts[] {
  return objects
    .map(({ metadata: { name }, spec: { revision } }) => ({
      name,
      revision,
      parts: (partsOf.get(name) ?? []).map((part) => part.name),
    }))
    .toSorted((a, b) => compareText(a.name, b.name));
}

/** Envoy's words, about one of the parts where it said so. */
function rejectionOf(result: ApplyResult, parts: readonly string[]): string | undefined {
  if (result.status !== 'rejected') return undefined;
  const own = result.refusals.find(({ name }) => parts.includes(name));
  return (own?.text ?? result.text).slice(0, LONGEST_REJECTION);
}
