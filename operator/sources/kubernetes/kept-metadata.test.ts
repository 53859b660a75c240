// Generated metadata, as tenants could write it: what is kept depends on nothing that nobody reads, is small, and readers
// say of it what they say of the whole.
import fc from 'fast-check';
import { CLUSTER_SETTINGS, clusterState, stampedPod } from '../../../test/fixtures/cluster-fixture.ts';
import { manifest, workspaceManifest } from '../../../test/fixtures/object-fixture.ts';
import { apiMark, isMarkedByApi } from '../../compile/ingress/api-mark.ts';
import { ignoredAnnotations } from '../../compile/ingress/ignored-annotations.ts';
import { isOfAccount } from '../../compile/ingress/ingress-places.ts';
import { differs } from '../../deliver/kubernetes/plan-writes.ts';
import type { KubernetesMeta, KubernetesObject } from '../../lib/kubernetes/api-object.ts';
import {
  ACCESS_CHANGE,
  CONFIRM_LOCKOUT,
  CONFIRM_WITHIN,
  CONFIRMED,
  CREATED_BY,
  DECIDED_BY_API,
} from '../../model/access-annotations.ts';
import {
  type ClusterResource,
  INPUT_RESOURCES,
  IP_ACCESS_LISTS,
  KUBE_NETWORK_POLICIES,
  NAMESPACES,
  PLUGIN_POLICIES,
  WORKSPACE_CONFS,
} from '../../model/cluster-resources.ts';
import { ACCOUNT_LABEL, type IpAccessList } from '../../model/ip-access-list.ts';
import { isOperatorAnnotation } from '../../model/stamp.ts';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../../model/system-names.ts';
import { TIER_LABEL, WORKSPACE_LABEL, workspaceOf } from '../../model/workspace.ts';
import { NOTHING_REMEMBERED, operatorOutputs } from '../../pipeline.ts';
import { keptMetadata } from './kept-metadata.ts';
import { trimObject } from './trim.ts';

const SEED = 20_261_129;
const RUNS = 1000;
/** Of an object with everything that may be kept. */
const MOST_BYTES = 20_000;
const BIG = 'x'.repeat(200_000);

const SPEC: IpAccessList['spec'] = {
  ...{ listType: 'ALLOW', label: 'a', ipAddresses: [], mode: 'ENFORCED', enabled: true },
};
const identity = { name: 'a', namespace: 'team', uid: 'u', resourceVersion: '7', generation: 3 };
const MARK = apiMark({ kind: 'IpAccessList', metadata: identity, spec: SPEC })[DECIDED_BY_API] ?? '';

const resources = fc.constantFrom<ClusterResource>(
  ...[NAMESPACES, KUBE_NETWORK_POLICIES, ...INPUT_RESOURCES, ...PLUGIN_POLICIES],
);
const written = fc.constantFrom('', 'true', '10m', '3', '10.0.0.1, ::1', 'soon', '1 x', MANAGED_BY, MARK);
const readLabels = fc.dictionary(
  fc.constantFrom(ACCOUNT_LABEL, WORKSPACE_LABEL, TIER_LABEL, MANAGED_BY_LABEL),
  written,
);
const readAnnotations = fc.dictionary(
  fc.constantFrom(CONFIRM_WITHIN, CONFIRMED, CONFIRM_LOCKOUT, DECIDED_BY_API, 'sallyport.dev/confirm'),
  written,
);
const unreadNames = fc.oneof(
  fc.constantFrom('app', 'kubectl.kubernetes.io/last-applied-configuration', '__proto__', 'constructor'),
  fc.stringMatching(/^[a-z]{1,8}(\/[a-z]{1,8})?$/),
);
const unreadTexts = fc.dictionary(unreadNames, fc.constantFrom('', 'a', BIG));
/** Of ours, but of no reader of labels, or never stored. */
const unreadLabels = fc.dictionary(fc.stringMatching(/^sallyport\.dev\/x[a-z]{1,6}$/), written);

function objectOf({ apiVersion, kind }: ClusterResource, metadata: object): KubernetesObject {
  return { apiVersion, kind, metadata: { ...identity, ...metadata } as KubernetesMeta };
}

it('what nobody reads changes nothing, however much it is', () => {
  let most = 0;
  fc.assert(
    fc.property(
      fc.record({
        ...{ resource: resources, labels: readLabels, annotations: readAnnotations },
        ...{ moreLabels: unreadTexts, moreAnnotations: unreadTexts, ours: unreadLabels },
      }),
      ({ resource, labels, annotations, moreLabels, moreAnnotations, ours }) => {
        const plain = keptMetadata(objectOf(resource, { labels, annotations }));
        const isConf = resource === WORKSPACE_CONFS || resource === IP_ACCESS_LISTS;
        const whole = objectOf(resource, {
          labels: { ...moreLabels, ...ours, ...labels },
          annotations: {
            ...moreAnnotations,
            ...annotations,
            ...(isConf ? { [ACCESS_CHANGE]: BIG } : {}),
          },
          ...{ finalizers: [BIG], ownerReferences: [{ name: BIG }], managedFields: [{ manager: BIG }] },
          generateName: BIG,
        });
        expect(trimObject(whole).metadata).toEqual(plain);
        most = Math.max(most, JSON.stringify(plain).length);
      },
    ),
    { seed: SEED, numRuns: RUNS },
  );
  expect(most).toBeGreaterThan(300);
});

it.each([IP_ACCESS_LISTS, WORKSPACE_CONFS])(
  'of $kind little is kept, whatever is in annotations of ours',
  (resource) => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.oneof(
            fc.constantFrom(CONFIRM_WITHIN, CONFIRMED, CONFIRM_LOCKOUT, DECIDED_BY_API, CREATED_BY),
            fc.stringMatching(/^sallyport\.dev\/[a-z]{60}$/),
          ),
          fc.constantFrom('a', BIG),
          { maxKeys: 40 },
        ),
        (annotations) => {
          const kept = keptMetadata(objectOf(resource, { annotations }));
          expect(JSON.stringify(kept).length).toBeLessThan(MOST_BYTES);
          // Something is said of those that were left out, or else of those that are there.
          const unknown = (texts: object = {}) => Object.keys(texts).filter((name) => name.length > 70);
          expect(unknown(kept.annotations).length).toBe(Math.min(8, unknown(annotations).length));
        },
      ),
      { seed: SEED, numRuns: RUNS / 4 },
    );
  },
);

it('readers say the same of what is kept', () => {
  const seen = new Set<string>();
  const readings = (metadata: KubernetesMeta) => {
    const object: IpAccessList = { kind: 'IpAccessList', metadata, spec: SPEC };
    const { id, tier, unknownTier } = workspaceOf(metadata) ?? {};
    const ignored = ignoredAnnotations(object);
    return [
      id,
      tier,
      unknownTier,
      isOfAccount(object),
      isMarkedByApi(object),
      new Set(ignored.map(({ message }) => message)),
    ];
  };
  fc.assert(
    fc.property(readLabels, readAnnotations, unreadTexts, (labels, annotations, more) => {
      const whole = objectOf(IP_ACCESS_LISTS, {
        labels: { ...more, ...labels },
        annotations: { ...more, ...annotations },
      });
      const read = readings(keptMetadata(whole));
      expect(read).toEqual(readings(whole.metadata));
      for (const [at, value] of read.entries())
        seen.add(`${at} ${value instanceof Set ? value.size > 0 : value !== undefined && value !== false}`);
    }),
    { seed: SEED, numRuns: RUNS },
  );
  expect(seen.size).toBe(12);
});

it('an annotation that is too long confirms nothing, and is named', () => {
  const addresses = Array.from({ length: 600 }, (_, at) => `10.0.${at >> 8}.${at & 255}`).join(',');
  const metadata = keptMetadata(objectOf(IP_ACCESS_LISTS, { annotations: { [CONFIRM_LOCKOUT]: addresses } }));
  const [problem] = ignoredAnnotations({ kind: 'IpAccessList', metadata, spec: SPEC });
  expect(problem).toMatchObject({ reason: 'AnnotationIgnored', object: 'IpAccessList/team/a' });
});

it('whatever the operator writes can be compared with what is kept of it', () => {
  const state = clusterState(
    [
      manifest('NetworkPolicy', 'default-policy', {
        egress: { networkAccess: { restrictionMode: 'RESTRICTED_ACCESS' } },
      }),
      manifest('WorkspaceConf', 'workspace', { enableIpAccessLists: true }, 'team-a'),
      workspaceManifest('team-a'),
    ],
    { pods: [stampedPod('team-a', 'sealed')] },
  );
  const { objects, holding, createdOnce } = operatorOutputs(state, CLUSTER_SETTINGS, NOTHING_REMEMBERED);
  const all = [...objects, ...holding, ...createdOnce];
  expect(new Set(all.map(({ kind }) => kind)).size).toBeGreaterThan(4);
  for (const object of all) {
    expect(Object.keys(object.metadata.annotations ?? {})).toEqual([]);
    expect([object, differs(object, trimObject(object))]).toEqual([object, false]);
  }
  const annotations = {
    'sallyport.dev/stamp': '1',
    'sallyport.dev/proxy.sealed': 'http://a',
    'sallyport.dev/lane.ML_BUILD': 'full',
  };
  expect(Object.keys(annotations).every(isOperatorAnnotation)).toBe(true);
  const stamp = objectOf(NAMESPACES, { annotations });
  expect(differs(stamp, trimObject(stamp))).toBe(false);
});
