// Objects, as text or in files -> the API server, as "kubectl apply --server-side" writes them, and under its name: what
// kubectl applies later is no conflict. Without kubectl, which takes 0.2 s of a core each time.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import { ApiFailure, type KubernetesApi } from '../../../operator/lib/kubernetes/kubernetes-api.ts';
import { until } from '../until.ts';
import { type Creatable, collectionOf } from './object-collection.ts';
import { requestWhenServed } from './object-reader.ts';

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

interface Crd extends Creatable {
  readonly spec: { readonly group: string; readonly names: { readonly plural: string } };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

interface ApplyOptions {
  /** Takes over fields that somebody else has written. */
  readonly force: boolean;
}

/** One after the other, in their order; throws what the API server says of the first that it rejects. */
export async function applyYaml(api: KubernetesApi, yaml: string, options: ApplyOptions): Promise<void> {
  for (const object of parse<Creatable>(yaml)) await apply(api, object, options);
}

/** Namespaces first, all others at once. */
export async function applyFiles(api: KubernetesApi, files: readonly string[]): Promise<void> {
  const objects = (await Promise.all(files.map((file) => objectsOf(file)))).flat();
  const isNamespace = ({ kind }: Creatable): boolean => kind === 'Namespace';
  await Promise.all(objects.filter(isNamespace).map((object) => apply(api, object)));
  await Promise.all(objects.filter((object) => !isNamespace(object)).map((object) => apply(api, object)));
}

/** All CRDs of a folder; returns when their objects can be listed. */
export async function applyCrds(api: KubernetesApi, folder: string): Promise<void> {
  const files = (await readdir(folder)).map((name) => join(folder, name));
  const crds = (await Promise.all(files.map((file) => objectsOf<Crd>(file)))).flat();
  await Promise.all(crds.map((crd) => apply(api, crd)));
  await until('all CRDs are established', async () => {
    const { items } = (await api.request({ method: 'GET', path: CRDS })) as {
      readonly items: readonly Crd[];
    };
    const established = items.filter(isEstablished).map(({ metadata }) => metadata.name);
    return crds.every(({ metadata }) => established.includes(metadata.name));
  });
  await until('all kinds of them are served', async () => {
    const served = await Promise.all(crds.map((crd) => isServed(api, crd)));
    return served.every(Boolean);
  });
}

async function objectsOf<T extends Creatable>(file: string): Promise<readonly T[]> {
  return parse<T>(await readFile(file, 'utf8'));
}

/** The objects of all documents, and of lists among them. */
function parse<T extends Creatable>(yaml: string): readonly T[] {
  const documents = loadAll(yaml) as readonly (T | { readonly items: readonly T[] } | null)[];
  return documents.flatMap((one) =>
    one === null ? [] : 'items' in one ? (one.items as readonly T[]) : [one],
  );
}

async function apply(
  api: KubernetesApi,
  object: Creatable,
  { force }: ApplyOptions = { force: false },
): Promise<void> {
  const request = {
    method: 'PATCH',
    path: `${collectionOf(object)}/${object.metadata.name}`,
    query: { fieldManager: 'kubectl', fieldValidation: 'Strict', force: `${force}` },
    contentType: 'application/apply-patch+yaml',
    body: object,
  } as const;
  await requestWhenServed(api, request);
}

function isEstablished({ status }: Crd): boolean {
  return status?.conditions?.some((one) => one.type === 'Established' && one.status === 'True') === true;
}

async function isServed(api: KubernetesApi, { spec, metadata }: Crd): Promise<boolean> {
  try {
    await api.request({ method: 'GET', path: `/apis/${spec.group}/v1alpha1/${spec.names.plural}` });
    return true;
  } catch (error) {
    if (error instanceof ApiFailure && [404, 429, 503].includes(error.status)) return false;
    throw new Error(`Cannot list the objects of "${metadata.name}"`, { cause: error });
  }
}
