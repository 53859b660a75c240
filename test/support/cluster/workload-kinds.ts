// Stand-ins for kinds of operators of other projects, of which only names and owners matter: CustomResourceDefinitions
// that take any spec.
interface WorkloadKind {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
}

export const RAY_SERVICE = { apiVersion: 'ray.io/v1', kind: 'RayService', plural: 'rayservices' };
export const RAY_CLUSTER = { apiVersion: 'ray.io/v1', kind: 'RayCluster', plural: 'rayclusters' };
export const INFERENCE_SERVICE = {
  apiVersion: 'serving.kserve.io/v1beta1',
  kind: 'InferenceService',
  plural: 'inferenceservices',
};

/** One YAML document each. */
export function workloadCrds(kinds: readonly WorkloadKind[]): string {
  return kinds.map((kind) => JSON.stringify(crdOf(kind))).join('\n---\n');
}

function crdOf({ apiVersion, kind, plural }: WorkloadKind): object {
  const [group, version] = apiVersion.split('/');
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    // Groups below k8s.io want to know who approved; nobody did.
    metadata: {
      name: `${plural}.${group}`,
      annotations: { 'api-approved.kubernetes.io': 'unapproved, a stand-in for tests' },
    },
    spec: {
      group,
      names: { kind, plural, singular: kind.toLowerCase() },
      scope: 'Namespaced',
      versions: [{ name: version, served: true, storage: true, schema }],
    },
  };
}
