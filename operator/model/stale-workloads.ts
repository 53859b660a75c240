// What a policy says of pods that go on in another lane than it gives: nothing, or that they are isolated or evicted
// once they have done so for a while. Databricks restarts the Spark compute of notebooks within 24 hours (R47), so that
// is the usual time.
import { z } from 'zod';
import { CEL_RULES } from './kubernetes-object.ts';

const LEAST_SECONDS = 60;
const MOST_SECONDS = 365 * 86_400;
const USUAL_SECONDS = 86_400;

const BOUNDS = `use ${LEAST_SECONDS} to ${MOST_SECONDS} seconds, which is a minute to a year`;

/** What is done at a deadline. */
export const DEADLINE_ACTIONS = ['Isolate', 'Evict'] as const;
export type DeadlineAction = (typeof DEADLINE_ACTIONS)[number];

/** "The policy evicts ...". */
export const DEADLINE_VERBS: Readonly<Record<DeadlineAction, string>> = {
  Isolate: 'isolates',
  Evict: 'evicts',
};

export const staleWorkloadsSchema = z.strictObject({
  action: z
    .enum(['Ignore', ...DEADLINE_ACTIONS])
    .default('Ignore')
    .describe(
      'Ignore: they go on until somebody restarts them. Isolate: those in a more open lane get the lane of the policy by their label alone; where that is restricted they reach nothing outside until they restart. Evict: all of them are evicted, one of each workload after the other, as their PodDisruptionBudgets allow; a pod of no controller, or of one that is not known to make new pods, is isolated instead.',
    ),
  afterSeconds: z
    .int()
    .refine((seconds) => seconds >= LEAST_SECONDS && seconds <= MOST_SECONDS, {
      error: ({ input }) => `Cannot accept ${String(input)}: ${BOUNDS}`,
    })
    .meta({
      [CEL_RULES]: [{ rule: `self >= ${LEAST_SECONDS} && self <= ${MOST_SECONDS}`, message: BOUNDS }],
    })
    .default(USUAL_SECONDS)
    .describe(
      'For how long, from the later of two moments: when the lane of their product changed, and when they were created. Also where this setting comes later.',
    ),
});

export type StaleWorkloadsSetting = Readonly<z.infer<typeof staleWorkloadsSchema>>;
