// Everything that an API server stores, of all kinds that it serves: read without kubectl, which takes a second of a core
// for that.
import { ApiFailure, type KubernetesApi } from '../../../operator/lib/kubernetes/kubernetes-api.ts';
import { getWhenServed } from './object-reader.ts';

interface StoredObject {
  readonly kind: string;
  readonly name: string;
  /** Undefined for a cluster-scoped one. */
  readonly namespace: string | undefined;
}

interface Kind {
  /** Plural, as in paths; a subresource has a slash. */
  readonly name: string;
  readonly kind: string;
  readonly verbs: readonly string[];
}

interface Group {
  readonly preferredVersion: { readonly groupVersion: string };
  readonly versions: readonly { readonly groupVersion: string }[];
}

interface List {
  readonly items: readonly { readonly metadata: { readonly name: string; readonly namespace?: string } }[];
}

/** Without the kinds of these plurals. */
export async function storedObjects(
  api: KubernetesApi,
  without: readonly string[],
): Promise<readonly StoredObject[]> {
  const { groups } = (await read(api, '/apis')) as { readonly groups: readonly Group[] };
  const kinds = await Promise.all([
    kindsOf(api, ['/api/v1']),
    ...groups.map((one) => kindsOf(api, pathsOf(one))),
  ]);
  const wanted = [...kinds.flatMap((byPath) => [...byPath])].filter(
    ([, { name }]) => !without.includes(name),
  );
  const lists = await Promise.all(
    wanted.map(async ([path, { kind }]) => {
      const list = (await read(api, path)) as List | undefined;
      return (list?.items ?? []).map(({ metadata: { name, namespace } }) => ({ kind, name, namespace }));
    }),
  );
  return lists.flat();
}

function pathsOf({ preferredVersion, versions }: Group): readonly string[] {
  const all = [preferredVersion, ...versions].map(({ groupVersion }) => `/apis/${groupVersion}`);
  return [...new Set(all)];
}

/** Those that can be listed, by path of the first version that has them. */
async function kindsOf(api: KubernetesApi, paths: readonly string[]): Promise<ReadonlyMap<string, Kind>> {
  const found = new Map<string, Kind>();
  const known = new Set<string>();
  for (const path of paths) {
    const answer = (await read(api, path)) as { readonly resources: readonly Kind[] } | undefined;
    for (const kind of answer?.resources ?? []) {
      if (known.has(kind.name) || !kind.verbs.includes('list')) continue;
      known.add(kind.name);
      found.set(`${path}/${kind.name}`, kind);
    }
  }
  return found;
}

/** Undefined where a kind has just been removed. */
async function read(api: KubernetesApi, path: string): Promise<unknown> {
  try {
    return await getWhenServed(api, path);
  } catch (error) {
    if (error instanceof ApiFailure && error.status === 404) return undefined;
    throw error;
  }
}
