// The parts that every object of ours has: metadata as we read it, conditions as we write them, and how a kind is
// described once for parsing, TypeScript types and the CRD (`npm run generate`).
import { z } from 'zod';

export const GROUP = 'sallyport.dev';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}`;
export const DEFAULT_POLICY = 'default-policy';

/** Metadata that we read; the API server validates the rest. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly creationTimestamp?: string | undefined;
  /** When deletion of the object was requested. */
  readonly deletionTimestamp?: string | undefined;
  readonly generation?: number | undefined;
  readonly uid?: string | undefined;
}

/** A moment in UTC, such as "2027-01-31T00:00:00Z". */
export const timeSchema = z.iso.datetime().max(32);

/** "2027-01-31T00:00:00Z": the API server stores whole seconds. */
export function secondOf(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 19)}Z`;
}

/** Fields of the status of a kind whose entries may expire. */
export const expiryStatus = {
  expiredDestinations: z.int().min(0).optional().describe('Entries that have expired.'),
  expiriesToldAt: timeSchema.optional().describe('Expiries up to this time have been reported by Events.'),
};

const conditionSchema = z.strictObject({
  type: z.string().max(316).describe('Type of the condition, for example "Accepted".'),
  status: z.enum(['True', 'False', 'Unknown']).describe('True, False or Unknown.'),
  observedGeneration: z
    .int()
    .min(0)
    .optional()
    .describe('Generation of the spec that the condition is based on.'),
  lastTransitionTime: timeSchema.describe('When the status last changed.'),
  reason: z.string().min(1).max(1024).describe('Machine-readable reason.'),
  message: z.string().max(32768).describe('Human-readable message.'),
});

/** A condition as it stands in an object. */
export type StoredCondition = Readonly<z.infer<typeof conditionSchema>>;

export const conditionsSchema = z
  .array(conditionSchema)
  .max(8)
  .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] })
  .optional()
  .describe('Current state of this object, one condition per aspect.');

/**
 * A list that is replaced as a whole and has a limit. (A `map` list of 2,500 costs the API server a second per write.)
 */
export function atomicList<Item extends z.ZodType>(item: Item, maxItems: number): z.ZodArray<Item> {
  return z.array(item).max(maxItems).meta({ 'x-kubernetes-list-type': 'atomic' });
}

/** An optional atomic list that reads as empty when absent: an empty list means nothing, never everything. */
export function optionalList<Item extends z.ZodType>(item: Item, maxItems: number, description: string) {
  return atomicList(item, maxItems).optional().describe(description);
}

/** What an object of a kind may be called, beyond what the API server asks of every name. */
export type NameRule = { readonly maxLength: number } | { readonly exactly: string };

/** The fix for a name that breaks the rule of its kind. */
export function nameHint(kind: string, rule: NameRule): string {
  return 'exactly' in rule
    ? `a ${kind} is named "${rule.exactly}", there is one per workspace`
    : `the name of a ${kind} has at most ${rule.maxLength} characters`;
}

/** Whether an object may leave its spec out, since every field has a default or is optional. */
export function isOptional(spec: z.ZodType): boolean {
  return spec.safeParse({}).success;
}

/** Key under which a schema carries rules for its own value, in CEL: `{rule, message}`, where "self" is the value. */
export const CEL_RULES = 'x-kubernetes-validations';
/** Beside a pattern: the sentence that people get instead of it. */
export const PATTERN_HINT = 'x-pattern-hint';

/** A rule that the API server evaluates (CEL), and its message. */
export interface CelRule {
  /** Path below the object, for example "spec.egress". */
  readonly path: string;
  readonly rule: string;
  readonly message: string;
}

export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'date';
  readonly jsonPath: string;
  readonly description?: string;
  /** 1 shows the column with `-o wide` only. */
  readonly priority?: 0 | 1;
}

export interface KindDescription {
  readonly kind: string;
  readonly plural: string;
  readonly shortName?: string;
  readonly scope: 'Cluster' | 'Namespaced';
  readonly description: string;
  readonly nameRule?: NameRule;
  readonly spec: z.ZodType;
  readonly status?: z.ZodType;
  readonly columns: readonly PrinterColumn[];
  readonly rules: readonly CelRule[];
}
