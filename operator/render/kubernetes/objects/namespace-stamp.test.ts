import {
  CLUSTER_SETTINGS,
  clusterState,
  serviceAddresses,
  stampedPod,
} from '../../../../test/fixtures/cluster-fixture.ts';
import {
  type Manifest,
  policyManifest,
  workspaceManifest,
} from '../../../../test/fixtures/object-fixture.ts';
import { planCluster } from '../../../compile/cluster-plans.ts';
import { compileSnapshot } from '../../../compile/plans.ts';
import { NO_PORT_BLOCKS } from '../../../compile/port-blocks.ts';
import type { ClusterState } from '../../../model/cluster-state.ts';
import { PRODUCTS } from '../../../model/product.ts';
import { METADATA_ADDRESSES } from '../../../model/special-address.ts';
import { type Annotations, namespaceStamp } from './namespace-stamp.ts';

const RESTRICTED = policyManifest('default-policy');
const OPEN = policyManifest('default-policy', { restrictionMode: 'FULL_ACCESS' });
const API_SERVER = {
  serviceAddresses: ['10.96.0.1', 'fd00:10:96::1'],
  servicePorts: [443],
  addresses: ['10.96.0.1', 'fd00:10:96::1'],
  ports: [443],
};

function stampOf(policy: Manifest, more: Partial<ClusterState> = {}): Annotations | undefined {
  const state = clusterState([policy, workspaceManifest('team-a')], { apiServer: API_SERVER, ...more });
  const { plans } = planCluster(compileSnapshot(state.snapshot), state, NO_PORT_BLOCKS);
  return plans.map((plan) => namespaceStamp(plan, state.apiServer, CLUSTER_SETTINGS))[0];
}

function withAddresses(...addresses: readonly string[]): Partial<ClusterState> {
  return { serviceAddresses: serviceAddresses('team-a', addresses) };
}

describe('namespaceStamp()', () => {
  it('is there only when every lane that a product takes has an address', () => {
    const [first] = [...serviceAddresses('team-a', ['10.96.0.7'])].slice(-1);
    expect(stampOf(RESTRICTED)).toBeUndefined();
    expect(
      stampOf(RESTRICTED, { serviceAddresses: new Map(first === undefined ? [] : [first]) }),
    ).toBeUndefined();
    expect(stampOf(RESTRICTED, withAddresses('10.96.0.7'))).toBeDefined();
    expect(stampOf(OPEN)).toBeDefined();
  });

  it('does not wait for a lane that only running pods carry', () => {
    const stamp = stampOf(OPEN, { pods: [stampedPod('team-a', 'enforced')] });
    expect(stamp).toMatchObject({ 'sallyport.dev/lane': 'full' });
    expect(stamp).not.toHaveProperty(['sallyport.dev/proxy.enforced']);
  });

  it('says the lane of every product, and where each lane is', () => {
    const stamp = stampOf(RESTRICTED, withAddresses('10.96.0.7', 'fd00::7'));
    const laneKeys = PRODUCTS.map((product) => `sallyport.dev/lane.${product}`);
    expect(Object.keys(stamp ?? {})).toEqual(expect.arrayContaining(laneKeys));
    expect(stamp).toMatchObject({
      'sallyport.dev/lane': 'enforced',
      'sallyport.dev/lane.PROVISIONED_THROUGHPUT': 'sealed',
      'sallyport.dev/proxy.enforced': 'http://10.96.0.7:3128',
      'sallyport.dev/dns.enforced': '10.96.0.7,fd00::7',
    });
  });

  it.each<[readonly string[], string]>([
    [['fd00::7'], 'http://[fd00::7]:3128'],
    [['fd00::7', '10.96.0.7'], 'http://10.96.0.7:3128'],
  ])('writes the proxy of %j as %s', (addresses, proxy) => {
    expect(stampOf(RESTRICTED, withAddresses(...addresses))).toMatchObject({
      'sallyport.dev/proxy.sealed': proxy,
    });
  });

  it('leaves the cluster and the API server to no proxy, and metadata services to the gateway that rejects them', () => {
    const hosts = stampOf(OPEN)?.['sallyport.dev/no-proxy']?.split(',') ?? [];
    expect(hosts).toEqual(
      expect.arrayContaining([
        'localhost',
        '127.0.0.1',
        '::1',
        '.svc',
        '.cluster.local',
        'kubernetes.default',
      ]),
    );
    expect(hosts).toEqual(expect.arrayContaining(['10.96.0.1', 'fd00:10:96::1']));
    expect(METADATA_ADDRESSES.filter((address) => hosts.includes(address))).toEqual([]);
  });

  it('has a revision that is the same for the same content, and another for any other', () => {
    const revisionOf = (policy: Manifest, more: Partial<ClusterState>): string | undefined =>
      stampOf(policy, more)?.['sallyport.dev/stamp'];
    const first = revisionOf(RESTRICTED, withAddresses('10.96.0.7'));
    expect(revisionOf(RESTRICTED, withAddresses('10.96.0.7'))).toBe(first);
    expect(revisionOf(RESTRICTED, withAddresses('10.96.0.8'))).not.toBe(first);
    expect(revisionOf(OPEN, withAddresses('10.96.0.7'))).not.toBe(first);
  });
});
