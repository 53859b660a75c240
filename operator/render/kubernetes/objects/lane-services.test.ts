import {
  CLUSTER_SETTINGS,
  clusterState,
  serviceAddresses,
} from '../../../../test/fixtures/cluster-fixture.ts';
import { policyManifest, workspaceManifest } from '../../../../test/fixtures/object-fixture.ts';
import { planCluster } from '../../../compile/cluster-plans.ts';
import { laneServiceName } from '../../../compile/lane-service-name.ts';
import { compileSnapshot } from '../../../compile/plans.ts';
import { NO_PORT_BLOCKS } from '../../../compile/port-blocks.ts';
import type { ClusterState } from '../../../model/cluster-state.ts';
import type { DesiredObject } from './desired-object.ts';
import { laneServices } from './lane-services.ts';

const MANIFESTS = [policyManifest('default-policy'), workspaceManifest('team-a')];
const ENFORCED = laneServiceName('team-a', 'enforced');

function servicesOf(more: Partial<ClusterState> = {}): readonly DesiredObject[] {
  const state = clusterState(MANIFESTS, more);
  const { plans } = planCluster(compileSnapshot(state.snapshot), state, NO_PORT_BLOCKS);
  const around = {
    serviceAddresses: state.serviceAddresses,
    settings: CLUSTER_SETTINGS,
  };
  return plans.flatMap((plan) => laneServices(plan, around));
}

function named(objects: readonly DesiredObject[], name: string): DesiredObject | undefined {
  return objects.find(({ metadata }) => metadata.name === name);
}

/** Plans that remember these addresses. */
function remembering(addresses: readonly string[]): ClusterState['plans'] {
  const state = clusterState(MANIFESTS, { serviceAddresses: serviceAddresses('team-a', addresses) });
  return planCluster(compileSnapshot(state.snapshot), state, NO_PORT_BLOCKS).plans;
}

describe('laneServices() makes a Service', () => {
  it('per lane, in the Namespace of the gateways, that leads the known ports to the block of the lane', () => {
    const objects = servicesOf();
    expect(objects.map(({ metadata }) => metadata.name)).toEqual([
      ENFORCED,
      laneServiceName('team-a', 'sealed'),
    ]);
    expect(named(objects, ENFORCED)).toMatchObject({
      metadata: {
        namespace: 'sallyport-system',
        labels: { 'app.kubernetes.io/managed-by': 'sallyport', 'sallyport.dev/for-workspace': 'team-a' },
      },
      spec: {
        ports: [
          { name: 'proxy', protocol: 'TCP', port: 3128, targetPort: 8192 },
          { name: 'tls', protocol: 'TCP', port: 443, targetPort: 8193 },
          { name: 'http', protocol: 'TCP', port: 80, targetPort: 8194 },
          { name: 'dns', protocol: 'UDP', port: 53, targetPort: 8195 },
          { name: 'dns-tcp', protocol: 'TCP', port: 53, targetPort: 8195 },
        ],
      },
    });
    expect(named(objects, ENFORCED)?.['spec']).not.toHaveProperty('selector');
  });

  it('that asks for remembered addresses only where the Service is gone', () => {
    const plans = remembering(['10.96.0.7', 'fd00::7']);
    const gone = named(servicesOf({ plans }), ENFORCED);
    const there = named(
      servicesOf({ plans, serviceAddresses: serviceAddresses('team-a', ['10.96.0.7', 'fd00::7']) }),
      ENFORCED,
    );
    expect(gone).toMatchObject({ spec: { clusterIP: '10.96.0.7', clusterIPs: ['10.96.0.7', 'fd00::7'] } });
    expect(there?.['spec']).not.toHaveProperty('clusterIPs');
    expect(named(servicesOf(), ENFORCED)?.['spec']).not.toHaveProperty('clusterIPs');
  });
});

describe('laneServiceName()', () => {
  const long = 'a'.repeat(62);

  it('fits a Service and its slices, and is one for each workspace and lane', () => {
    const names = [
      laneServiceName(`${long}b`, 'sealed-dry-run'),
      laneServiceName(`${long}c`, 'sealed-dry-run'),
      laneServiceName('a', 'sealed-dry-run'),
      laneServiceName('a-sealed', 'dry-run'),
      laneServiceName('0', 'enforced'),
    ];
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(`${name}`).toMatch(/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/);
  });
});
