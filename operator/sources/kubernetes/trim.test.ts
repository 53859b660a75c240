// Generated pods, as tenants could write them: of labels and owners no more is kept than names their workload.
import fc from 'fast-check';
import type { KubernetesObject } from '../../lib/kubernetes/api-object.ts';
import { LANE_LABEL } from '../../model/stamp.ts';
import { WORKLOAD_LABELS } from '../../model/workload-kind.ts';
import { stampedPodOf } from './trim.ts';

const BIG = 'x'.repeat(100_000);
const CREATED = '2027-01-31T00:00:00Z';

function podOf(labels: Readonly<Record<string, string>>, more: object = {}): KubernetesObject {
  const metadata = { name: 'web', namespace: 'team-a', uid: 'u', creationTimestamp: CREATED };
  return {
    ...{ apiVersion: 'v1', kind: 'Pod' },
    metadata: { ...metadata, labels: { [LANE_LABEL]: 'full', ...labels }, ...more },
  };
}

const read = fc.dictionary(fc.constantFrom(...WORKLOAD_LABELS), fc.constantFrom('', 'echo', 'trino'));
const unread = fc.dictionary(
  fc.stringMatching(/^[a-z]{1,8}\.example\/[a-z]{1,8}$/),
  fc.constantFrom('', BIG),
);

test('stampedPodOf() keeps the labels that name a workload, and nothing that nobody reads', () => {
  let kept = 0;
  fc.assert(
    fc.property(read, unread, (labels, junk) => {
      const others = { apiVersion: 'v1', kind: 'Owner', name: BIG, uid: BIG };
      const pod = stampedPodOf(
        podOf({ ...junk, ...labels }, { annotations: junk, ownerReferences: [others] }),
      );
      kept += Object.keys(labels).length;
      expect(pod?.workloadLabels).toEqual(labels);
      expect(pod?.controller).toBeUndefined();
      expect(pod).toEqual(stampedPodOf(podOf(labels)));
    }),
    { numRuns: 300, seed: 20270131 },
  );
  expect(kept).toBeGreaterThan(300);
});

test('stampedPodOf() keeps who controls the pod, and when it was created', () => {
  const controller = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-77', uid: 'rs' };
  const ownerReferences = [
    { apiVersion: 'v1', kind: 'ConfigMap', name: 'other', uid: 'cm' },
    { ...controller, controller: true, blockOwnerDeletion: true },
  ];
  const pod = stampedPodOf(podOf({}, { ownerReferences }));
  expect([pod?.controller, pod?.createdAtMs]).toEqual([controller, Date.parse(CREATED)]);
  expect(stampedPodOf(podOf({}, { creationTimestamp: 'soon' }))?.createdAtMs).toBeUndefined();
});

test.each(['apiVersion', 'kind', 'name', 'uid'])(
  'stampedPodOf() keeps no controller whose %s can be no object',
  (part) => {
    const controllerWith = (text: string) => {
      const owner = { apiVersion: 'v1', kind: 'ReplicaSet', name: 'web', uid: 'rs', controller: true };
      return stampedPodOf(podOf({}, { ownerReferences: [{ ...owner, [part]: text }] }))?.controller;
    };
    expect(controllerWith('x'.repeat(1_200_000))).toBeUndefined();
    expect(controllerWith('x'.repeat(253))).toMatchObject({ [part]: 'x'.repeat(253) });
  },
);

test('pods without such labels share one empty record of them', () => {
  const [one, other] = [stampedPodOf(podOf({})), stampedPodOf(podOf({ app: 'web' }))];
  expect(one?.workloadLabels).toBe(other?.workloadLabels);
});
