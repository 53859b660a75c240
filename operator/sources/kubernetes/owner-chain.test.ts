import fc from 'fast-check';
import type { OwnerReference } from '../../lib/kubernetes/api-object.ts';
import { ApiFailure, type KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { OwnerChain } from './owner-chain.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

/** Kinds as clusters have them, of one Namespace or of none. */
const KINDS = [
  { apiVersion: 'apps/v1', kind: 'ReplicaSet', plural: 'replicasets', isNamespaced: true },
  { apiVersion: 'apps/v1', kind: 'Deployment', plural: 'deployments', isNamespaced: true },
  { apiVersion: 'v1', kind: 'Pod', plural: 'pods', isNamespaced: true },
  { apiVersion: 'v1', kind: 'Node', plural: 'nodes', isNamespaced: false },
  { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', isNamespaced: false },
  {
    apiVersion: 'sallyport.dev/v1alpha1',
    kind: 'PolicyAssignment',
    plural: 'policyassignments',
    isNamespaced: false,
  },
] as const;
const NAMESPACES = ['mine', 'others'] as const;

type Kind = (typeof KINDS)[number];

interface Stored {
  readonly of: Kind;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly controller: OwnerReference | undefined;
  /** What the API server answers to whoever reads it. */
  readonly answer: 200 | 403 | 404 | 500;
}

function pathTo({ of, namespace, name }: Pick<Stored, 'of' | 'namespace' | 'name'>): string {
  const root = of.apiVersion.includes('/') ? `/apis/${of.apiVersion}` : `/api/${of.apiVersion}`;
  return `${root}${of.isNamespaced ? `/namespaces/${namespace}` : ''}/${of.plural}/${name}`;
}

/** An API server that has these objects. */
function apiWith(objects: readonly Stored[]): Pick<KubernetesApi, 'request'> {
  const byPath = new Map(objects.map((object) => [pathTo(object), object]));
  const resources = Map.groupBy(KINDS, ({ apiVersion }): string => apiVersion);
  return {
    request: async ({ path }) => {
      const kinds = resources.get(path.replace(/^\/apis?\//, ''));
      if (kinds !== undefined)
        return {
          resources: kinds.map((one) => ({ ...one, name: one.plural, namespaced: one.isNamespaced })),
        };
      const found = byPath.get(path);
      const status = found?.answer ?? 404;
      if (found === undefined || status !== 200) throw new ApiFailure('not answered', { status });
      const { name, uid, controller } = found;
      const ownerReferences = controller === undefined ? [] : [{ ...controller, controller: true }];
      return { metadata: { name, uid, ownerReferences } };
    },
  };
}

const NAMES = ['a', 'b'] as const;
const kind = fc.constantFrom(...KINDS, ...KINDS.filter(({ isNamespaced }) => isNamespaced));
const namespace = fc.constantFrom('mine', 'mine', 'mine', 'others');
const uidOf = (of: Kind, namespace: string, name: string): string =>
  `${of.kind}/${of.isNamespaced ? namespace : ''}/${name}`;

/** Of whatever may be there, as it is or forged in one way. */
const reference = fc
  .record({
    of: kind,
    namespace,
    name: fc.constantFrom(...NAMES),
    forged: fc.constantFrom('no', 'no', 'no', 'no', 'uid', 'name', 'kind', 'apiVersion'),
  })
  .map(({ of, namespace: place, name, forged }) => ({
    apiVersion: forged === 'apiVersion' ? 'nowhere.example/v1' : of.apiVersion,
    kind: forged === 'kind' ? 'Nothing' : of.kind,
    name: forged === 'name' ? '..' : name,
    uid: forged === 'uid' ? 'of-nothing' : uidOf(of, place, name),
  }));

const PLACES = KINDS.flatMap((of) =>
  NAMESPACES.flatMap((namespace) => NAMES.map((name) => ({ of, namespace, name }))),
);

const objects = fc.tuple(
  ...PLACES.map((place) =>
    fc
      .record({
        controller: fc.option(reference, { nil: undefined, freq: 6 }),
        answer: fc.constantFrom<Stored['answer']>(200, 200, 200, 200, 200, 200, 200, 403, 404, 500),
      })
      .map((rest): Stored => ({ ...place, ...rest, uid: uidOf(place.of, place.namespace, place.name) })),
  ),
);

/** The object of the pod's Namespace that the reference names truly, where it may be read. */
function owned(
  all: readonly Stored[],
  { apiVersion, kind: of, name, uid }: OwnerReference,
): Stored | undefined {
  return all.find(
    (one) =>
      one.of.isNamespaced &&
      one.namespace === 'mine' &&
      one.answer === 200 &&
      [one.of.apiVersion, one.of.kind, one.name, one.uid].join() === [apiVersion, of, name, uid].join(),
  );
}

test('topOf() never names what is cluster-scoped, of another Namespace, not there or not the one that is named', async () => {
  const chains = { none: 0, some: 0, long: 0, forged: 0 };
  await fc.assert(
    fc.asyncProperty(objects, reference, async (all, controller) => {
      const chain = new OwnerChain({ api: apiWith(all), onFailure: () => undefined });
      const top = await chain.topOf({ namespace: 'mine', controller });
      const links: Stored[] = [];
      let next: OwnerReference | undefined = controller;
      while (next !== undefined) {
        const found = owned(all, next);
        if (found === undefined || links.includes(found)) break;
        links.push(found);
        next = found.controller;
      }
      const last = links.slice(0, 8).at(-1);
      expect(top).toEqual(
        last && {
          ...{ apiVersion: last.of.apiVersion, kind: last.of.kind, name: last.name, uid: last.uid },
          namespace: 'mine',
        },
      );
      chains[links.length === 0 ? 'none' : links.length === 1 ? 'some' : 'long'] += 1;
      if (links.length > 0 && next !== undefined) chains.forged += 1;
    }),
    { seed: SEED, numRuns: 1000 },
  );
  // It has seen each of them.
  expect(Math.min(...Object.values(chains))).toBeGreaterThan(0);
});

test('topOf() is undefined for a pod that nothing controls', async () => {
  const chain = new OwnerChain({ api: apiWith([]), onFailure: () => undefined });
  expect(await chain.topOf({ namespace: 'mine', controller: undefined })).toBeUndefined();
});
