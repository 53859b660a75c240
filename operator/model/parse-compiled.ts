// Objects that the parts write for each other, as the API server gives them -> our types. Never throws: one that does
// not fit its schema, since somebody else changed it or another version wrote it, becomes a message.
import type { z } from 'zod';
import { type CallerReport, callerReportSpecSchema } from './caller-report.ts';
import { type EgressTable, egressTableSpecSchema } from './egress-table.ts';
import { type GatewayReport, gatewayReportSpecSchema } from './gateway-report.ts';
import { type IngressPlan, ingressPlanSpecSchema } from './ingress-plan.ts';
import type { ObjectMeta } from './kubernetes-object.ts';
import { type WorkspacePlan, workspacePlanSpecSchema } from './workspace-plan.ts';

export interface CompiledObject {
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

export type ParsedCompiled<Kind> = { readonly object: Kind } | { readonly fault: string };

export function parseEgressTable(raw: CompiledObject): ParsedCompiled<EgressTable> {
  return parse('EgressTable', egressTableSpecSchema, raw);
}

export function parseWorkspacePlan(raw: CompiledObject): ParsedCompiled<WorkspacePlan> {
  return parse('WorkspacePlan', workspacePlanSpecSchema, raw);
}

export function parseIngressPlan(raw: CompiledObject): ParsedCompiled<IngressPlan> {
  return parse('IngressPlan', ingressPlanSpecSchema, raw);
}

export function parseCallerReport(raw: CompiledObject): ParsedCompiled<CallerReport> {
  return parse('CallerReport', callerReportSpecSchema, raw);
}

export function parseGatewayReport(raw: CompiledObject): ParsedCompiled<GatewayReport> {
  return parse('GatewayReport', gatewayReportSpecSchema, raw);
}

function parse<Kind extends string, Spec>(
  kind: Kind,
  schema: z.ZodType<Spec>,
  { metadata, spec }: CompiledObject,
): ParsedCompiled<{ readonly kind: Kind; readonly metadata: ObjectMeta; readonly spec: Spec }> {
  const parsed = schema.safeParse(spec);
  if (parsed.success) return { object: { kind, metadata, spec: parsed.data } };
  const [issue] = parsed.error.issues;
  return {
    fault: `Cannot read ${kind} "${metadata.name}": spec.${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
  };
}
