// What a canary pod found out: the one line of JSON that it leaves as its termination message, and that the operator
// reads. Every target that was asked for must be in it; what cannot be read proves nothing.
import { z } from 'zod';

const MOST_TARGETS = 8;

const attemptSchema = z.strictObject({
  /** "10.96.0.1:443", as it was asked for. */
  target: z.string().max(64),
  /** Whether a connection was accepted in the end. */
  isOpen: z.boolean(),
});

const deniedSchema = attemptSchema.extend({
  /** Until when connections were accepted, in milliseconds after the first attempt; 0 where none was. */
  openForMs: z.int().min(0),
});

const canaryResultSchema = z.strictObject({
  allowed: z.array(attemptSchema).max(MOST_TARGETS),
  denied: z.array(deniedSchema).max(MOST_TARGETS),
});

export type CanaryAttempt = z.infer<typeof attemptSchema>;
export type DeniedAttempt = z.infer<typeof deniedSchema>;
export type CanaryResult = z.infer<typeof canaryResultSchema>;

export function formatCanaryResult(result: CanaryResult): string {
  return `${JSON.stringify(result)}\n`;
}

/** Undefined for any other text. */
export function parseCanaryResult(text: string): CanaryResult | undefined {
  try {
    return canaryResultSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
