// Checks where gateways may go by the KubeNetworkPolicy that holds them in.
import ipaddr from 'ipaddr.js';
import { CLUSTER_SETTINGS, clusterState, stampedPod } from '../../../../test/fixtures/cluster-fixture.ts';
import { type Manifest, manifest, workspaceManifest } from '../../../../test/fixtures/object-fixture.ts';
import { NOTHING_REMEMBERED, operatorOutputs } from '../../../pipeline.ts';
import type { ClusterSettings } from './desired-object.ts';

interface Peer {
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
}

interface Rule {
  /** Left out: anywhere. */
  readonly to?: readonly Peer[];
  readonly ports?: readonly { readonly port: number }[];
}

function egressOf(
  manifests: readonly Manifest[],
  lane = 'enforced',
  settings: Partial<ClusterSettings> = {},
) {
  const state = clusterState([workspaceManifest('team'), ...manifests], {
    pods: [stampedPod('team', lane)],
    apiServer: {
      serviceAddresses: ['10.96.0.1'],
      servicePorts: [443],
      addresses: ['10.0.0.5'],
      ports: [6443],
    },
  });
  const { objects } = operatorOutputs(state, { ...CLUSTER_SETTINGS, ...settings }, NOTHING_REMEMBERED);
  const found = objects.find(({ metadata }) => metadata.name === 'sallyport-gateway');
  return (found?.['spec'] as { readonly egress: readonly Rule[] }).egress;
}

function mayGo(egress: readonly Rule[], address: string, port: number): boolean {
  const isIn = (cidr: string): boolean => {
    const parsed = ipaddr.parse(address);
    const [range, length] = ipaddr.parseCIDR(cidr);
    return parsed.kind() === range.kind() && parsed.match(range, length);
  };
  return egress.some(
    ({ to, ports }) =>
      (ports === undefined || ports.some((one) => one.port === port)) &&
      (to?.some(({ ipBlock }) => ipBlock && isIn(ipBlock.cidr) && !(ipBlock.except ?? []).some(isIn)) ??
        true),
  );
}

const ENDPOINT = manifest('PrivateEndpoint', 'warehouse', {
  domains: ['db.corp.example'],
  addressRanges: ['10.20.0.0/16'],
  workspaces: ['team'],
});

it.each([
  ['1.1.1.1', 443, true],
  ['2606:4700::1111', 443, true],
  ['10.1.2.3', 443, false],
  ['169.254.169.254', 80, false],
  ['127.0.0.1', 80, false],
  ['fd00:ec2::254', 80, false],
  ['100.64.0.1', 443, false],
  ['2002:a00::1', 443, false],
  ['10.20.3.4', 5432, true],
  ['10.0.0.5', 6443, true],
  ['10.0.0.5', 22, false],
  ['10.96.0.10', 53, true],
  ['10.96.0.10', 443, false],
])('lets gateways go to %s port %d: %s', (address, port, isOpen) => {
  expect(mayGo(egressOf([ENDPOINT], 'enforced', { clusterDns: ['10.96.0.10'] }), address, port)).toBe(isOpen);
});

it('shuts only cloud metadata and what is local to the gateway while a workspace is in dry-run', () => {
  const egress = egressOf([], 'dry-run');
  expect(mayGo(egress, '169.254.1.1', 80)).toBe(false);
  expect(mayGo(egress, 'fe80::1', 80)).toBe(false);
  expect(mayGo(egress, '127.0.0.1', 80)).toBe(false);
  expect(mayGo(egress, '10.1.2.3', 443)).toBe(true);
  expect(mayGo(egress, '169.254.169.254', 80)).toBe(false);
  expect(mayGo(egress, 'fd00:ec2::254', 80)).toBe(false);
});

it('names ranges only as the API server takes them', () => {
  const ranges = egressOf([], 'dry-run').flatMap(({ to }) =>
    (to ?? []).flatMap(({ ipBlock }) => ipBlock?.except ?? []),
  );
  expect(ranges.length).toBeGreaterThan(0);
  // IPv4 inside IPv6; translated addresses (RFC 7915) begin alike, and are addresses of their own.
  expect(ranges.filter((range) => /^::ffff:[0-9a-f]+:[0-9a-f]+\//.test(range))).toEqual([]);
  expect(ranges).toContain('::ffff:0:a9fe:a9fe/128');
});

it.each([
  ['10.0.0.5', 6443, true],
  ['10.9.9.9', 6443, true],
  ['10.0.0.5', 22, false],
  ['10.9.9.9', 443, false],
  ['169.254.169.254', 80, false],
])('with anyAddress lets gateways go to %s port %d: %s', (address, port, isOpen) => {
  expect(mayGo(egressOf([], 'enforced', { apiServerEgress: 'anyAddress' }), address, port)).toBe(isOpen);
});
