import { type KubernetesObject, objectKey } from '../../lib/kubernetes/api-object.ts';
import { differs, planWrites } from './plan-writes.ts';

const isolation: KubernetesObject = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'isolation', namespace: 'analytics', labels: { owner: 'us' } },
  spec: {
    podSelector: { matchLabels: { lane: 'enforced' } },
    policyTypes: ['Egress'],
    egress: [{ to: [{ podSelector: {} }], ports: [{ protocol: 'TCP', port: 10000, endPort: 10007 }] }],
  },
};

const service: KubernetesObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'lane', namespace: 'sallyport-system' },
  spec: { type: 'ClusterIP', ports: [{ name: 'tls', protocol: 'TCP', port: 443, targetPort: 10001 }] },
};

function stored(object: KubernetesObject, spec: object = {}): KubernetesObject {
  const metadata = { ...object.metadata, uid: 'u', resourceVersion: '7' };
  return { ...object, metadata, spec: { ...(object['spec'] as object), ...spec } };
}

function observed(...objects: readonly KubernetesObject[]): ReadonlyMap<string, KubernetesObject> {
  return new Map(objects.map((object) => [objectKey(object), object]));
}

describe('planWrites()', () => {
  it('applies what is missing and what differs, and nothing else', () => {
    const drifted = stored(service, { type: 'NodePort' });
    const missing = { ...isolation, metadata: { ...isolation.metadata, name: 'other' } };
    const plan = planWrites([isolation, service, missing], observed(stored(isolation), drifted), () => true);
    expect(plan).toEqual({ apply: [service, missing], remove: [] });
  });

  it('removes what is ours and no longer wanted, as it is stored', () => {
    const foreign = { ...stored(isolation), metadata: { name: 'theirs', namespace: 'analytics' } };
    const plan = planWrites(
      [],
      observed(stored(isolation), foreign),
      ({ metadata }) => metadata.labels?.['owner'] === 'us',
    );
    expect(plan).toEqual({ apply: [], remove: [stored(isolation)] });
  });

  it('leaves alone what has been deleted and waits for a finalizer', () => {
    const going = {
      ...isolation,
      metadata: { ...isolation.metadata, deletionTimestamp: '2027-01-31T00:00:00Z' },
    };
    expect(planWrites([], observed(going), () => true).remove).toEqual([]);
  });
});

describe('differs()', () => {
  it.each<[string, KubernetesObject, object]>([
    [
      'a label added to a selector',
      isolation,
      { podSelector: { matchLabels: { lane: 'enforced', x: 'y' } } },
    ],
    [
      'an expression added to a selector',
      isolation,
      { podSelector: { matchLabels: { lane: 'enforced' }, matchExpressions: [] } },
    ],
    ['a selector that selects everything now', isolation, { podSelector: {} }],
    [
      'a rule added to a list',
      isolation,
      { egress: [...(isolation['spec'] as { egress: object[] }).egress, {}] },
    ],
    ['a field of spec that nobody wants', isolation, { ingress: [{}] }],
    [
      'a peer that lost its selector',
      isolation,
      { egress: [{ to: [{}], ports: [{ protocol: 'TCP', port: 10000, endPort: 10007 }] }] },
    ],
    ['an address of the outside on a Service', service, { externalIPs: ['192.0.2.1'] }],
    ['a list in another order', isolation, { policyTypes: ['Ingress', 'Egress'] }],
  ])('sees %s', (_, wanted, spec) => {
    expect(differs(wanted, stored(wanted))).toBe(false);
    expect(differs(wanted, stored(wanted, spec))).toBe(true);
  });

  it('takes labels and annotations of others for no difference, and our own for one', () => {
    const labels = { owner: 'us', team: 'theirs' };
    expect(differs(isolation, { ...isolation, metadata: { ...isolation.metadata, labels } })).toBe(false);
    const changed = { owner: 'them' };
    expect(differs(isolation, { ...isolation, metadata: { ...isolation.metadata, labels: changed } })).toBe(
      true,
    );
  });

  it('takes what the server allocated to a Service for no difference', () => {
    const allocated = { clusterIP: '10.96.0.7', clusterIPs: ['10.96.0.7'], ipFamilies: ['IPv4'] };
    expect(differs(service, stored(service, allocated))).toBe(false);
  });

  it('sees an address that was asked for and not given', () => {
    const asking = { ...service, spec: { ...(service['spec'] as object), clusterIP: '10.96.0.7' } };
    expect(differs(asking, stored(service, { clusterIP: '10.96.0.8' }))).toBe(true);
  });

  it('takes empty lists and labels that were not stored for no difference', () => {
    const wanted = {
      ...isolation,
      spec: { podSelector: { matchLabels: {}, matchExpressions: [] }, egress: [] },
    };
    expect(differs(wanted, { ...isolation, spec: { podSelector: {} } })).toBe(false);
  });

  it('asks nothing of the spec where none is wanted', () => {
    const { spec: _, ...bare } = isolation;
    expect(differs(bare, stored(isolation))).toBe(false);
  });
});
