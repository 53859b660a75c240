import { CLUSTER_SETTINGS, clusterState } from '../../../../test/fixtures/cluster-fixture.ts';
import { policyManifest, workspaceManifest } from '../../../../test/fixtures/object-fixture.ts';
import { planCluster } from '../../../compile/cluster-plans.ts';
import { laneServiceName } from '../../../compile/lane-service-name.ts';
import { compileSnapshot } from '../../../compile/plans.ts';
import { NO_PORT_BLOCKS } from '../../../compile/port-blocks.ts';
import type { Serving } from '../../../model/cluster-state.ts';
import type { DesiredObject } from './desired-object.ts';
import { gatewayEndpoints, laneEndpoints } from './lane-endpoints.ts';
import { laneServices } from './lane-services.ts';

const ENFORCED = laneServiceName('team-a', 'enforced');
const STATE = clusterState([policyManifest('default-policy'), workspaceManifest('team-a')]);
const { plans: PLANS } = planCluster(compileSnapshot(STATE.snapshot), STATE, NO_PORT_BLOCKS);

function slicesOf(pods: Parameters<typeof gatewayEndpoints>[0]): readonly DesiredObject[] {
  const { systemNamespace } = CLUSTER_SETTINGS;
  return PLANS.flatMap((plan) => laneEndpoints(plan, gatewayEndpoints(pods), systemNamespace));
}

function named(objects: readonly DesiredObject[], name: string): DesiredObject | undefined {
  return objects.find(({ metadata }) => metadata.name === name);
}

function gatewayPod(addresses: readonly string[], serving: Serving = 'new') {
  return { addresses, serving };
}

describe('laneEndpoints() makes EndpointSlices', () => {
  it('per address family, of gateways that serve, in an order of their own', () => {
    const pods = [
      gatewayPod(['10.0.0.2', 'fd00::2']),
      gatewayPod(['10.0.0.4'], 'existing'),
      gatewayPod(['10.0.0.1']),
      gatewayPod(['10.0.0.3', 'fd00::3'], 'none'),
    ];
    const objects = slicesOf(pods);
    expect(named(objects, `${ENFORCED}-ipv4`)).toMatchObject({
      metadata: { labels: { 'kubernetes.io/service-name': ENFORCED } },
      addressType: 'IPv4',
      endpoints: [
        { addresses: ['10.0.0.1'], conditions: { ready: true } },
        { addresses: ['10.0.0.2'], conditions: { ready: true } },
        { addresses: ['10.0.0.4'], conditions: { ready: false, serving: true, terminating: true } },
      ],
      ports: expect.arrayContaining([{ name: 'dns', protocol: 'UDP', port: 8195 }]),
    });
    expect(named(objects, `${ENFORCED}-ipv6`)).toMatchObject({ endpoints: [{ addresses: ['fd00::2'] }] });
    expect(slicesOf(pods.toReversed())).toEqual(objects);
  });

  it('for the Services of the same plans, port by port', () => {
    const around = { serviceAddresses: STATE.serviceAddresses, settings: CLUSTER_SETTINGS };
    const services = PLANS.flatMap((plan) => laneServices(plan, around));
    const slices = slicesOf([gatewayPod(['10.0.0.1'])]);
    const portsOf = (ports: unknown) => ports as readonly Readonly<Record<string, unknown>>[];
    const led = services.map(({ metadata, spec }) => [
      metadata.name,
      portsOf((spec as { readonly ports: unknown }).ports).map(({ name, targetPort }) => [name, targetPort]),
    ]);
    expect(
      slices.map(({ metadata, ports }) => [
        metadata.labels?.['kubernetes.io/service-name'],
        portsOf(ports).map(({ name, port }) => [name, port]),
      ]),
    ).toEqual(led);
  });

  it('none without a gateway, and none longer than the API server takes', () => {
    const many = Array.from({ length: 1200 }, (_, at) => gatewayPod([`10.0.${at >> 8}.${at & 255}`]));
    expect(slicesOf([])).toEqual([]);
    expect(named(slicesOf(many), `${ENFORCED}-ipv4`)?.['endpoints']).toHaveLength(1000);
  });
});
