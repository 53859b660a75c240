// The ingress plans of a folder, and who administers its workspaces by the REST API. Lists that were accepted stay so,
// and changes that nobody confirms are taken back: hence the plans of the last time count, also of a former process.
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { Administrators } from '../../api/administrators.ts';
import { type CompiledIngress, compileIngress } from '../../compile/ingress/ingress-plans.ts';
import { readIfExists, writeOrSay } from '../../lib/atomic-file.ts';
import { callerReportSpecSchema } from '../../model/caller-report.ts';
import { type IngressPlan, ingressPlanSpecSchema } from '../../model/ingress-plan.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import { SYSTEM_NAMESPACE } from '../../model/system-names.ts';

const SETTINGS = { systemNamespace: SYSTEM_NAMESPACE, backendField: 'address' } as const;

const memorySchema = callerReportSpecSchema.extend({
  plans: z.array(
    z.strictObject({
      kind: z.literal('IngressPlan'),
      metadata: z.strictObject({ name: z.string() }),
      spec: ingressPlanSpecSchema,
    }),
  ),
});

export class FolderPlans {
  readonly administrators: Administrators;
  readonly #path: string;
  readonly #former: readonly IngressPlan[];
  #current: readonly IngressPlan[] | undefined;
  #written = '';

  private constructor(path: string, { plans, callers }: z.infer<typeof memorySchema>) {
    this.#path = path;
    this.#former = plans;
    this.administrators = new Administrators(callers);
  }

  /** A file that cannot be understood is as if there were none. */
  static async open(path: string): Promise<FolderPlans> {
    const text = await readIfExists(path);
    return new FolderPlans(path, memoryOf(text));
  }

  /** They are in force at once. */
  compile(snapshot: Snapshot, atMs: number): CompiledIngress {
    const before = this.#current ?? this.#former;
    const moment = { atMs, callers: this.administrators.recent(atMs) };
    const compiled = compileIngress(snapshot, SETTINGS, before, moment);
    const known = new Map(before.map((plan) => [plan.metadata.name, plan]));
    const plans = compiled.plans.map((plan) => sameAs(known.get(plan.metadata.name), plan));
    const isSame =
      plans.length === this.#current?.length && plans.every((plan, at) => plan === this.#current?.[at]);
    const current = isSame ? (this.#current ?? plans) : plans;
    this.#current = current;
    return { ...compiled, plans: current };
  }

  /** Undefined before the first reading; the very same array while nothing has changed. */
  get current(): readonly IngressPlan[] | undefined {
    return this.#current;
  }

  /** For the next process. The sentence where that fails. */
  async save(atMs: number): Promise<string | undefined> {
    if (this.#current === undefined) return undefined;
    const callers = this.administrators.recent(atMs);
    const text = `${JSON.stringify({ plans: this.#current, callers })}\n`;
    if (text === this.#written) return undefined;
    const problem = await writeOrSay(this.#path, text);
    if (problem === undefined) this.#written = text;
    return problem;
  }
}

/** The very same plan where it says the same. */
function sameAs(before: IngressPlan | undefined, plan: IngressPlan): IngressPlan {
  return isDeepStrictEqual(before?.spec, plan.spec) ? (before ?? plan) : plan;
}

function memoryOf(text: string | undefined): z.infer<typeof memorySchema> {
  const nothing = { plans: [], callers: [] };
  if (text === undefined) return nothing;
  try {
    const parsed = memorySchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : nothing;
  } catch {
    return nothing;
  }
}
