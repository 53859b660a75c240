// How often access lists decided, as one pod reports it to the operator: an ingress gateway in its GatewayReport, "sallyport
// api" in its CallerReport.
import { z } from 'zod';
import { timeSchema } from './kubernetes-object.ts';

export const listHitsSchema = z.strictObject({
  workspace: z.string().min(1).max(63).describe('Name of the IngressPlan.'),
  listId: z.string().min(1).max(253).describe('Name of the IpAccessList.'),
  total: z.int().min(0).describe('Requests that the list decided, since this pod started.'),
  lastHitTime: timeSchema.optional().describe('When it last decided one.'),
  hitEntries: z
    .string()
    .max(172)
    .describe('A bit per entry in its order, set once the entry has decided; base64, the lowest bit first.'),
});

export type ListHitsReport = z.infer<typeof listHitsSchema>;

/** For `hitEntries`. */
export function packBits(flags: readonly boolean[]): string {
  const bytes = new Uint8Array(Math.ceil(flags.length / 8));
  for (const [at, isSet] of flags.entries())
    if (isSet) bytes[at >> 3] = (bytes[at >> 3] ?? 0) | (1 << (at & 7));
  return Buffer.from(bytes).toString('base64');
}

export function isBitSet(packed: Uint8Array, at: number): boolean {
  return ((packed[at >> 3] ?? 0) & (1 << (at & 7))) !== 0;
}
