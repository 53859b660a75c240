// Whose denials a person may read, as the API server says by SubjectAccessReview: those of Namespaces in which they may
// get "denials" of our group; all of them, also those of no workspace, where they may do so in the whole cluster.
import { LRUCache } from 'lru-cache';
import pLimit from 'p-limit';
import { z } from 'zod';
import { pathOf } from '../../lib/kubernetes/api-object.ts';
import type { KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { SUBJECT_ACCESS_REVIEWS } from '../../model/cluster-resources.ts';
import { GROUP } from '../../model/kubernetes-object.ts';
import { DENIALS_RESOURCE } from '../../model/system-names.ts';
import type { PersonCaller } from './caller.ts';

/** Throws where the API server does not answer: then nothing may be read. */
export type ReadableWorkspaces = (
  person: PersonCaller,
  workspaces: () => Promise<readonly string[]>,
) => Promise<'all' | readonly string[]>;

/** So long a right counts after it has been taken. */
const REMEMBER_MS = 10_000;
const MOST_REMEMBERED = 20_000;
const AT_ONCE = 16;

const answerSchema = z.object({
  status: z.object({ allowed: z.boolean(), denied: z.boolean().default(false) }),
});

export function readableByApiServer(
  api: Pick<KubernetesApi, 'request'>,
  rememberMs = REMEMBER_MS,
): ReadableWorkspaces {
  const known = new LRUCache<string, Promise<boolean>>({ max: MOST_REMEMBERED, ttl: rememberMs });
  const atOnce = pLimit(AT_ONCE);
  const mayRead = ({ user, uid, groups, extra }: PersonCaller, namespace: string | undefined) => {
    const spec = {
      ...{ user, uid, groups, extra },
      resourceAttributes: { group: GROUP, resource: DENIALS_RESOURCE, verb: 'get', namespace },
    };
    const key = JSON.stringify(spec);
    const remembered = known.get(key);
    if (remembered !== undefined) return remembered;
    const asked = atOnce(() => review(api, spec));
    known.set(key, asked);
    asked.catch(() => known.delete(key));
    return asked;
  };
  return async (person, workspaces) => {
    if (await mayRead(person, undefined)) return 'all';
    const all = await workspaces();
    const allowed = await Promise.all(all.map((workspace) => mayRead(person, workspace)));
    return all.filter((_, at) => allowed[at] === true);
  };
}

async function review(api: Pick<KubernetesApi, 'request'>, spec: object): Promise<boolean> {
  const { apiVersion, kind } = SUBJECT_ACCESS_REVIEWS;
  const path = pathOf(SUBJECT_ACCESS_REVIEWS);
  const answer = await api.request({ method: 'POST', path, body: { apiVersion, kind, spec } });
  const { allowed, denied } = answerSchema.parse(answer).status;
  return allowed && !denied;
}
