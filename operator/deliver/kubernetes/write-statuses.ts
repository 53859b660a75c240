// Statuses by server-side apply, under a field manager of their own. Ignores objects that are gone meanwhile.
import { type KubernetesObject, pathOf, type Resource } from '../../lib/kubernetes/api-object.ts';
import { ApiFailure, type KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { inParallel } from './in-parallel.ts';
import { resourceOf, sendAsLeader, type WriteFailures } from './object-writer.ts';

const STATUS_MANAGER = 'sallyport-operator-status';

export interface StatusWriting {
  readonly api: KubernetesApi;
  readonly resources: readonly Resource[];
  readonly mayWrite: () => boolean;
}

export function writeStatuses(
  wanted: readonly KubernetesObject[],
  { api, resources, mayWrite }: StatusWriting,
): Promise<WriteFailures> {
  return inParallel(wanted, async ({ apiVersion, kind, metadata: { name, namespace, uid }, status }) => {
    const path = pathOf(resourceOf(resources, { apiVersion, kind }), {
      namespace,
      name,
      subresource: 'status',
    });
    const apply = (content: object): Promise<unknown> =>
      sendAsLeader(mayWrite, () =>
        api.request({
          method: 'PATCH',
          path,
          query: { fieldManager: STATUS_MANAGER, force: 'true' },
          body: { apiVersion, kind, metadata: { name, namespace }, ...content },
          contentType: 'application/apply-patch+yaml',
        }),
      );
    try {
      const answer = (await apply({ status })) as KubernetesObject;
      // The object was recreated: the status of the old one, with its generation, must not stay there. The server
      // checks no uid here.
      if (answer.metadata.uid !== uid) await apply({});
    } catch (error) {
      if (!(error instanceof ApiFailure) || error.status !== 404) throw error;
    }
  });
}
