// The running revision of each table and plan, as the gateway reports it. Computed from the result of each apply and
// the former state.
import type { GatewayReportSpec } from '../../model/gateway-report.ts';
import { compareText } from '../../model/snapshot.ts';
import type { CompiledObjects } from '../../pipeline.ts';
import type { EgressResource } from '../egress/egress-resources.ts';
import type { HeldBackResource } from '../xds/resource-book.ts';
import type { XdsResult } from '../xds/xds-applier.ts';

/** Rows of a GatewayReport. */
export interface InForce {
  readonly tables: NonNullable<GatewayReportSpec['tables']>;
  readonly plans: NonNullable<GatewayReportSpec['plans']>;
}

export const NOTHING_IN_FORCE: InForce = { tables: [], plans: [] };

/** Where no revision of an object has ever run. */
const NO_REVISION = 'none';
const LONGEST_REJECTION = 1024;

/** `before` where Envoy does not run, or has not answered. */
export function inForceAfter(
  result: XdsResult,
  { tables, plans }: CompiledObjects,
  before: InForce,
): InForce {
  if (result.status === 'notRunning' || result.status === 'timeout') return before;
  const heldBack = result.status === 'heldBack' ? result.heldBack : [];
  const rejections = {
    tables: rejectionsOf(heldBack, (of) => of.table),
    plans: rejectionsOf(heldBack, (of) => of.clientPorts?.egressListener.workspace),
  };
  const tableRevisions = new Map(before.tables.map(({ table, revision }) => [table, revision]));
  const planRevisions = new Map(before.plans.map(({ workspace, revision }) => [workspace, revision]));
  return {
    tables: inOrder(tables).map(({ metadata: { name }, spec }) => ({
      table: name,
      ...rowOf(spec.revision, tableRevisions.get(name), rejections.tables.get(name)),
    })),
    plans: inOrder(plans).map(({ metadata: { name }, spec }) => ({
      workspace: name,
      ...rowOf(spec.revision, planRevisions.get(name), rejections.plans.get(name)),
    })),
  };
}

/** By object: why the first of its parts is held back. An object is in force only with all of its parts. */
function rejectionsOf(
  heldBack: readonly HeldBackResource[],
  objectOf: (of: EgressResource) => string | undefined,
): ReadonlyMap<string, string> {
  const found = heldBack.flatMap(({ resource, text }) => {
    const object = resource && objectOf(resource);
    return object === undefined ? [] : [[object, text.slice(0, LONGEST_REJECTION)] as const];
  });
  return new Map(found.toReversed());
}

interface Row {
  readonly revision: string;
  readonly rejection?: string;
}

function rowOf(revision: string, before: string | undefined, rejection: string | undefined): Row {
  return rejection === undefined ? { revision } : { revision: before ?? NO_REVISION, rejection };
}

function inOrder<Compiled extends { readonly metadata: { readonly name: string } }>(
  objects: readonly Compiled[],
): readonly Compiled[] {
  return objects.toSorted((a, b) => compareText(a.metadata.name, b.metadata.name));
}
