// CallerReport: from which addresses administrators called the API of their workspaces, and how often lists decided about
// its callers, as one pod of "sallyport api" saw it, and written by that pod alone. The operator asks it whether a list
// would lock out somebody who was there.
import { z } from 'zod';
import {
  atomicList,
  type KindDescription,
  type ObjectMeta,
  optionalList,
  timeSchema,
} from './kubernetes-object.ts';
import { listHitsSchema } from './list-hits-report.ts';

/** For how long a caller counts. */
export const CALLER_SEEN_MS = 24 * 3_600_000;

/** The newest of each workspace. */
export const MAX_CALLERS_PER_WORKSPACE = 100;

/** In one report: 5,000 are 800 KB. */
export const MAX_CALLERS = 5000;

/** In one report: 600 KB at most, so that it fits into an object beside all callers. */
export const MAX_API_HITS = 1000;

const callerSchema = z.strictObject({
  workspace: z
    .string()
    .min(1)
    .max(63)
    .describe('Namespace of the workspace, or of the system for the account.'),
  address: z.string().min(1).max(45).describe('Address of the administrator.'),
  user: z.string().max(64).describe('Hash of the user name.'),
  lastSeen: timeSchema.describe('When the administrator last called.'),
});

export type Caller = Readonly<z.infer<typeof callerSchema>>;

export const callerReportSpecSchema = z.strictObject({
  callers: atomicList(callerSchema, MAX_CALLERS).describe(
    'Administrators of the last day, the newest first.',
  ),
  listHits: optionalList(
    listHitsSchema,
    MAX_API_HITS,
    'How often access lists decided about callers of this pod; those hit last.',
  ),
});

export interface CallerReport {
  readonly kind: 'CallerReport';
  readonly metadata: ObjectMeta;
  readonly spec: z.infer<typeof callerReportSpecSchema>;
}

export const callerReportKind: KindDescription = {
  kind: 'CallerReport',
  plural: 'callerreports',
  scope: 'Namespaced',
  description:
    'Addresses of administrators who called the API in the last day, and how often access lists decided about its callers. Written by that API, read by the operator.',
  spec: callerReportSpecSchema,
  columns: [{ name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' }],
  rules: [],
};
