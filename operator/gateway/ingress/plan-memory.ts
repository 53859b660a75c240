// The last ingress plans of the API server, so that /authorize answers by them while none can be reached. A file that
// cannot be read is none: then nobody is let in.
import { rm } from 'node:fs/promises';
import { z } from 'zod';
import { readIfExists, writeOrSay } from '../../lib/atomic-file.ts';
import { type IngressPlan, ingressPlanSpecSchema } from '../../model/ingress-plan.ts';

/** As the API server gives them, without what only it needs. */
const plansSchema = z.array(
  z.strictObject({
    kind: z.literal('IngressPlan'),
    metadata: z.strictObject({ name: z.string().min(1) }),
    spec: ingressPlanSpecSchema,
  }),
);

export class PlanMemory {
  readonly #path: string;
  #saved: readonly IngressPlan[] | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** Undefined where none are known. */
  async read(): Promise<readonly IngressPlan[] | undefined> {
    try {
      const parsed = plansSchema.safeParse(JSON.parse((await readIfExists(this.#path)) ?? 'null'));
      return parsed.success ? parsed.data : undefined;
    } catch {
      return undefined;
    }
  }

  /**
   * Before anybody decides by them, so that no restart goes back to lists that allow more; waiting for the disk would
   * hold them back. Resolves with why that failed.
   */
  async save(plans: readonly IngressPlan[]): Promise<string | undefined> {
    if (plans === this.#saved) return undefined;
    const stored = plans.map(({ kind, metadata: { name }, spec }) => ({ kind, metadata: { name }, spec }));
    const problem = await writeOrSay(this.#path, `${JSON.stringify(stored)}\n`, { isDurable: false });
    if (problem === undefined) this.#saved = plans;
    return problem;
  }

  /** What nobody keeps up to date must not count later. */
  forget(): Promise<void> {
    return rm(this.#path, { force: true });
  }
}
