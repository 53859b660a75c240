// What is different about the cases in a cluster, each with its reason; everything else in decisions.yaml holds as it
// is. In: a case. Out: the same case, with what the API server's objects compile to, and the rows that
// follow.
import { dump, loadAll } from 'js-yaml';
import { API_VERSION, DEFAULT_POLICY } from '../../operator/model/kubernetes-object.ts';
import { type CaseFolder, compileInput } from './case-folder.ts';
import type { CaseRow } from './case-rows.ts';

export interface CaseObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

interface Difference extends Pick<CaseRow, 'verdict' | 'reason'> {
  readonly case: string;
  /** All rows of this workspace. */
  readonly workspace: string;
  readonly because: string;
}

const DIFFERENCES: readonly Difference[] = [
  {
    case: 'missing-policy-denies',
    workspace: 'unassigned',
    verdict: 'ALLOW',
    reason: 'FULL_ACCESS',
    because: 'The operator creates default-policy where there is none, and it says FULL_ACCESS (R28).',
  },
  {
    case: 'unreadable-policy-denies',
    workspace: 'analytics',
    verdict: 'DROP',
    reason: 'POLICY_NOT_FOUND',
    because: 'The API server rejects a policy with a misspelt field, so there is no such policy.',
  },
  {
    case: 'unreadable-policy-denies',
    workspace: 'jobs',
    verdict: 'ALLOW',
    reason: 'FULL_ACCESS',
    because:
      'The API server rejects the misspelt assignment, so that default-policy holds; it says FULL_ACCESS here.',
  },
];

/** By case: what the API server rejects, as "Kind/name". */
const REJECTED: Readonly<Record<string, readonly string[]>> = {
  'unreadable-policy-denies': ['NetworkPolicy/misspelt', 'PolicyAssignment/jobs'],
};

/** As the operator creates it. */
export const CREATED_DEFAULT_POLICY = {
  apiVersion: API_VERSION,
  kind: 'NetworkPolicy',
  metadata: { name: DEFAULT_POLICY },
  spec: { egress: { networkAccess: { restrictionMode: 'FULL_ACCESS' } } },
} as const satisfies CaseObject & { readonly spec: object };

export function inCluster(found: CaseFolder): CaseFolder {
  const rejected = rejectedObjects(found.name);
  const accepted = objectsOf(found).filter((object) => !rejected.includes(keyOf(object)));
  const isDefault = accepted.some((object) => keyOf(object) === keyOf(CREATED_DEFAULT_POLICY));
  const stored = isDefault ? accepted : [...accepted, CREATED_DEFAULT_POLICY];
  const compiled = compileInput(stored.map((object) => dump(object)).join('---\n'));
  return { ...found, compiled, rows: found.rows.map((row) => rowInCluster(found.name, row)) };
}

/** "Kind/name" of each object that the API server must reject. */
export function rejectedObjects(name: string): readonly string[] {
  return REJECTED[name] ?? [];
}

/** The objects of in.yaml. */
export function objectsOf({ input }: CaseFolder): readonly CaseObject[] {
  return loadAll(input) as CaseObject[];
}

export function keyOf({ kind, metadata }: CaseObject): string {
  return `${kind}/${metadata.name}`;
}

function rowInCluster(name: string, row: CaseRow): CaseRow {
  const difference = DIFFERENCES.find((one) => one.case === name && one.workspace === row.workspace);
  return difference === undefined ? row : { ...row, verdict: difference.verdict, reason: difference.reason };
}
