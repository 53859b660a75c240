// A suggestion for a policy of a cluster -> the changed policy, once a person has seen the difference and whom it concerns,
// and said yes. Only the version that was shown is changed: what somebody else wrote meanwhile is never lost.
import { yamlOf } from '../../api/store/folder-document.ts';
import type { Suggestion } from '../../compile/suggest/suggestion.ts';
import { pathOf } from '../../lib/kubernetes/api-object.ts';
import { ApiFailure } from '../../lib/kubernetes/kubernetes-api.ts';
import { NETWORK_POLICIES } from '../../model/cluster-resources.ts';
import { DEFAULT_POLICY } from '../../model/kubernetes-object.ts';
import type { PersonApi } from '../shared/person-access.ts';
import type { StoredPolicy } from './cluster-policies.ts';
import { diffLines } from './diff-lines.ts';
import { mergePatch } from './suggested-policy.ts';

/** Shows the text, and resolves to whether the answer is yes. */
export type Confirm = (text: string) => Promise<boolean>;

export interface ApplyPlace {
  readonly api: PersonApi;
  readonly stored: ReadonlyMap<string, StoredPolicy>;
  readonly confirm: Confirm;
  readonly write: (text: string) => void;
}

const FIELD_MANAGER = 'kubectl-sallyport-suggest';

/** One policy after the other. Throws, with a sentence, where one cannot be changed; those before it are changed then. */
export async function applyToCluster(
  suggestions: readonly Suggestion[],
  { api, stored, confirm, write }: ApplyPlace,
): Promise<'applied' | 'declined'> {
  let outcome: 'applied' | 'declined' = 'applied';
  for (const suggestion of suggestions) {
    const written = stored.get(suggestion.policy);
    if (written === undefined)
      throw new Error(`Cannot find NetworkPolicy "${suggestion.policy}": suggest again`);
    const body = mergePatch(written, suggestion);
    const after = await patch(api, suggestion.policy, body, { dryRun: 'All' });
    const difference = [...differenceOf(written, after), ...concernedBy(written, suggestion)].join('\n');
    const isYes = await confirm(`${difference}\nChange ${nameOf(suggestion)}? [y/N] `);
    if (isYes) await patch(api, suggestion.policy, body);
    else outcome = 'declined';
    write(isYes ? `Changed ${nameOf(suggestion)}\n` : 'Nothing is changed\n');
  }
  return outcome;
}

const nameOf = ({ policy }: Suggestion): string => `NetworkPolicy "${policy}"`;

/** Of what the API server would store. */
function differenceOf(before: StoredPolicy, after: StoredPolicy): readonly string[] {
  const place = `networkpolicies/${before.metadata.name}`;
  const [old = '', fresh = ''] = [before, after].map((policy) => yamlOf(writtenPart(policy)));
  return [`--- ${place}`, `+++ ${place}`, ...diffLines(old.trimEnd(), fresh.trimEnd())];
}

/** What people write, without what the API server adds. */
export function writtenPart({ apiVersion, kind, metadata: { name }, spec }: StoredPolicy): object {
  return { apiVersion, kind, metadata: { name }, spec };
}

const MOST_NAMED = 20;

/** Whom else a change concerns, a sentence for each. */
function concernedBy(
  { metadata: { labels = {}, annotations = {} } }: StoredPolicy,
  { policy, workspaces }: Suggestion,
): readonly string[] {
  const more = workspaces.length - MOST_NAMED;
  const named = workspaces.slice(0, MOST_NAMED).join(', ');
  const managers = MANAGERS.filter(({ mark }) => mark in labels || mark in annotations);
  const manager =
    managers[0]?.name ?? (labels[MANAGED_BY] === undefined ? undefined : `"${labels[MANAGED_BY]}"`);
  return [
    workspaces.length === 1
      ? `It is the policy of workspace ${named}`
      : `It is the policy of ${workspaces.length} workspaces, and changes for all of them: ${named}${more > 0 ? ` and ${more} more` : ''}`,
    ...(policy === DEFAULT_POLICY
      ? [`"${DEFAULT_POLICY}" is the policy of every workspace without another, of those to come too`]
      : []),
    ...(manager === undefined
      ? []
      : [`${manager} manages this policy and may undo the change: make it there too, with -o yaml`]),
  ];
}

const MANAGED_BY = 'app.kubernetes.io/managed-by';
/** Labels or annotations of those that write objects again and again. */
const MANAGERS = [
  { mark: 'kustomize.toolkit.fluxcd.io/name', name: 'Flux' },
  { mark: 'helm.toolkit.fluxcd.io/name', name: 'Flux' },
  { mark: 'argocd.argoproj.io/tracking-id', name: 'Argo CD' },
] as const;

/** Resolves to the policy as it is then, or would be. */
async function patch(
  api: PersonApi,
  name: string,
  body: object,
  query: Readonly<Record<string, string>> = {},
): Promise<StoredPolicy> {
  try {
    return (await api.request({
      ...{ method: 'PATCH', path: pathOf(NETWORK_POLICIES, { name }), body },
      ...{ query: { fieldManager: FIELD_MANAGER, ...query }, contentType: 'application/merge-patch+json' },
    })) as StoredPolicy;
  } catch (cause) {
    throw new Error(`Cannot change NetworkPolicy "${name}": ${reasonOf(cause)}`, { cause });
  }
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof ApiFailure)) return (cause as Error).message;
  if (cause.status === 409) return 'somebody has changed it meanwhile; suggest again';
  const advice =
    cause.status === 403 ? '; ask somebody who may patch networkpolicies.sallyport.dev, with -o patch' : '';
  return `${cause.message}${advice}`;
}
