// A Kubernetes label selector as we accept it; both parts must hold.
import { z } from 'zod';
import { optionalList } from './kubernetes-object.ts';

const requirementSchema = z.strictObject({
  key: z.string().min(1).max(316).describe('Label key.'),
  operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']).describe('How the label is compared.'),
  values: optionalList(z.string().max(63), 64, 'Label values, for In and NotIn.'),
});

export const labelSelectorSchema = z.strictObject({
  matchLabels: z
    .record(z.string().max(316), z.string().max(63))
    .meta({ maxProperties: 64 })
    .optional()
    .describe('Labels that must have exactly these values.'),
  matchExpressions: optionalList(requirementSchema, 16, 'Further requirements; all must hold.'),
});
