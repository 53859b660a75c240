import {
  CLUSTER_SETTINGS,
  clusterState,
  firstPortOf,
  stampedPod,
} from '../../../../test/fixtures/cluster-fixture.ts';
import { type End, mayReach, type Pod } from '../../../../test/fixtures/may-reach.ts';
import { type Manifest, manifest, workspaceManifest } from '../../../../test/fixtures/object-fixture.ts';
import type { Lane } from '../../../model/lane.ts';
import { METADATA_ADDRESSES } from '../../../model/special-address.ts';
import { LANE_LABEL } from '../../../model/stamp.ts';
import { NOTHING_REMEMBERED, type OperatorOutputs, operatorOutputs } from '../../../pipeline.ts';

const CLUSTER_ACCESS = {
  presets: ['KUBERNETES_API'],
  peers: [
    {
      namespaceSelector: { matchLabels: { team: 'data' } },
      podSelector: { matchLabels: { app: 'db' } },
      ports: [{ port: 5432 }, { port: 514, protocol: 'UDP' }],
    },
    { podSelector: { matchLabels: { app: 'cache' } }, ports: [{ port: 6379 }] },
    { namespaceSelector: {}, podSelector: { matchLabels: { app: 'portless' } }, ports: [] },
    { namespaceSelector: {}, podSelector: { matchLabels: { app: 'portless' } } },
  ],
};
const API_SERVER = {
  serviceAddresses: ['10.96.0.1', 'fd00:10:96::1'],
  servicePorts: [443],
  addresses: ['10.96.0.1', 'fd00:10:96::1'],
  ports: [443, 6443],
};
const PODS = ['team-a', 'team-b'].flatMap((name) => [
  stampedPod(name, 'dry-run'),
  stampedPod(name, 'sealed-dry-run'),
]);

function policy(access: Readonly<Record<string, unknown>> = {}): Manifest {
  const networkAccess = { restrictionMode: 'RESTRICTED_ACCESS', ...access };
  return manifest('NetworkPolicy', 'default-policy', {
    egress: { networkAccess, clusterAccess: CLUSTER_ACCESS },
  });
}

function outputsOf(manifests: readonly Manifest[], pods = PODS): OperatorOutputs {
  const state = clusterState(manifests, { pods, apiServer: API_SERVER });
  return operatorOutputs(state, CLUSTER_SETTINGS, NOTHING_REMEMBERED);
}

const outputs = outputsOf([policy(), workspaceManifest('team-a'), workspaceManifest('team-b')]);

/** "enforced" is a pod of team-a in that lane, "team-b:enforced" one of team-b, "bare" one without a lane. */
function podOf(name: string): Pod {
  const [namespace, lane] = name.includes(':') ? name.split(':') : ['team-a', name];
  return { namespace: namespace ?? '', labels: lane === 'bare' ? {} : { [LANE_LABEL]: lane ?? '' } };
}

function appPod(namespace: string, app: string, namespaceLabels: Record<string, string> = {}): Pod {
  return { namespace, namespaceLabels, labels: { app } };
}

const GATEWAY: Pod = {
  namespace: 'sallyport-system',
  labels: { 'app.kubernetes.io/name': 'sallyport-gateway', 'pod-template-hash': 'x' },
};

/** From the first port of a block. */
const BLOCK_ENDS = [
  [0, 'TCP'],
  [1, 'TCP'],
  [2, 'TCP'],
  [3, 'UDP'],
  [3, 'TCP'],
  [7, 'TCP'],
] as const;

function reaches(
  from: string,
  to: End,
  [port, protocol = 'TCP']: readonly [number, ('TCP' | 'UDP')?],
): boolean {
  return mayReach(outputs.objects, podOf(from), { to, port, protocol });
}

describe('isolation() of a pod among others of its workspace:', () => {
  it.each<[string, string, boolean]>([
    ['enforced', 'enforced', true],
    ['enforced', 'sealed', true],
    ['enforced', 'bare', true],
    ['enforced', 'made-up', true],
    ['enforced', 'dry-run', false],
    ['enforced', 'sealed-dry-run', false],
    ['enforced', 'full', false],
    ['enforced', 'team-b:enforced', false],
    ['enforced', 'elsewhere:bare', false],
    ['sealed', 'sealed', true],
    ['sealed', 'bare', true],
    ['sealed', 'enforced', false],
    ['sealed', 'dry-run', false],
    ['made-up', 'sealed', true],
    ['made-up', 'bare', true],
    ['made-up', 'enforced', false],
    ['made-up', 'full', false],
    ['bare', 'made-up', true],
    ['bare', 'enforced', false],
    ['bare', 'dry-run', false],
    ['dry-run', 'enforced', true],
    ['dry-run', 'team-b:enforced', true],
    ['sealed-dry-run', 'full', true],
    ['full', 'team-b:full', true],
  ])('%s reaches %s: %s', (from, to, isReached) => {
    expect(reaches(from, podOf(to), [8080])).toBe(isReached);
  });
});

describe('isolation() and gatewayIngress() at the gateways:', () => {
  it.each<[string, string, Lane, boolean]>([
    ['enforced', 'team-a', 'enforced', true],
    ['enforced', 'team-a', 'sealed', false],
    ['enforced', 'team-a', 'dry-run', false],
    ['enforced', 'team-b', 'enforced', false],
    ['sealed', 'team-a', 'sealed', true],
    ['sealed', 'team-a', 'enforced', false],
    ['made-up', 'team-a', 'sealed', false],
    ['bare', 'team-a', 'sealed', false],
    ['dry-run', 'team-a', 'dry-run', true],
    ['dry-run', 'team-a', 'enforced', false],
    ['dry-run', 'team-b', 'dry-run', false],
    ['sealed-dry-run', 'team-a', 'sealed-dry-run', true],
    ['sealed-dry-run', 'team-a', 'dry-run', false],
    ['full', 'team-a', 'enforced', false],
    ['elsewhere:enforced', 'team-a', 'enforced', false],
    ['elsewhere:bare', 'team-a', 'enforced', false],
  ])('%s comes in at the ports of %s, lane %s: %s', (from, workspace, lane, isReached) => {
    const first = firstPortOf(outputs.plans, workspace, lane);
    for (const [port, protocol] of BLOCK_ENDS) {
      expect([port, reaches(from, GATEWAY, [first + port, protocol])]).toEqual([port, isReached]);
    }
  });

  it('nobody comes in beside the blocks, and only canary pods see health and metrics', () => {
    const first = firstPortOf(outputs.plans, 'team-a', 'enforced');
    expect(reaches('enforced', GATEWAY, [first + 8])).toBe(false);
    expect(reaches('enforced', GATEWAY, [8081])).toBe(false);
    expect(reaches('elsewhere:bare', GATEWAY, [8081])).toBe(false);
    expect(reaches('full', GATEWAY, [8081])).toBe(false);
    expect(reaches('elsewhere:bare', GATEWAY, [9901])).toBe(false);
    const canary = {
      namespace: 'sallyport-canary',
      labels: { 'app.kubernetes.io/name': 'sallyport-canary' },
    };
    const seen = (pod: Pod) => mayReach(outputs.objects, pod, { to: GATEWAY, port: 8081, protocol: 'TCP' });
    expect(seen(canary)).toBe(true);
    expect(seen({ ...canary, namespace: 'team-a' })).toBe(false);
    expect(seen({ ...canary, labels: {} })).toBe(false);
  });

  it('everybody comes in at ingress gateways, but not to health and metrics', () => {
    const to = { namespace: 'sallyport-system', labels: { 'app.kubernetes.io/name': 'sallyport-ingress' } };
    const open = [8080, 8443, 9180, 8081, 9901].filter((port) =>
      mayReach(outputs.objects, podOf('elsewhere:bare'), { to, port, protocol: 'TCP' }),
    );
    expect(open).toEqual([8080, 8443, 9180]);
  });

  it('an isolated pod takes no other pod for a gateway', () => {
    const first = firstPortOf(outputs.plans, 'team-a', 'enforced');
    expect(reaches('enforced', { ...GATEWAY, namespace: 'elsewhere' }, [first])).toBe(false);
    expect(reaches('enforced', { ...GATEWAY, labels: {} }, [first])).toBe(false);
  });
});

describe('isolation() outside the workspace:', () => {
  it.each(['enforced', 'sealed', 'made-up', 'bare'])('%s reaches no address, IPv4 or IPv6', (from) => {
    for (const address of ['203.0.113.7', '2001:db8::7', '169.254.169.254', '10.96.0.2', 'fd00:10:96::2']) {
      expect([address, reaches(from, { address }, [443])]).toEqual([address, false]);
    }
  });

  it.each(['full', 'dry-run', 'sealed-dry-run'])(
    '%s reaches addresses and pods of all Namespaces',
    (from) => {
      for (const address of ['203.0.113.7', '2001:db8::7', '10.96.0.2', '169.254.20.10', 'fd00:ec2::255']) {
        expect([address, reaches(from, { address }, [5432])]).toEqual([address, true]);
      }
      expect(reaches(from, appPod('elsewhere', 'db'), [514, 'UDP'])).toBe(true);
    },
  );

  it.each(['dry-run', 'sealed-dry-run', 'enforced', 'sealed', 'bare'])(
    '%s reaches no cloud metadata',
    (from) => {
      for (const address of [...METADATA_ADDRESSES, '64:ff9b::a9fe:a9fe', '2002:a9fe:a9fe::1']) {
        expect([address, reaches(from, { address }, [80])]).toEqual([address, false]);
      }
    },
  );

  it.each<[string, boolean]>([
    ['enforced', true],
    ['sealed', true],
    ['made-up', false],
    ['bare', false],
  ])('%s reaches what clusterAccess names: %s', (from, isReached) => {
    const db = appPod('warehouse', 'db', { team: 'data' });
    expect(reaches(from, { address: '10.96.0.1' }, [443])).toBe(isReached);
    expect(reaches(from, { address: 'fd00:10:96::1' }, [6443])).toBe(isReached);
    expect(reaches(from, db, [5432])).toBe(isReached);
    expect(reaches(from, db, [514, 'UDP'])).toBe(isReached);
  });

  it('clusterAccess opens no other port, pod, Namespace or protocol', () => {
    expect(reaches('enforced', { address: '10.96.0.1' }, [80])).toBe(false);
    expect(reaches('enforced', { address: '10.96.0.1' }, [443, 'UDP'])).toBe(false);
    expect(reaches('enforced', appPod('warehouse', 'db', { team: 'data' }), [5433])).toBe(false);
    expect(reaches('enforced', appPod('warehouse', 'web', { team: 'data' }), [5432])).toBe(false);
    expect(reaches('enforced', appPod('warehouse', 'db'), [5432])).toBe(false);
  });

  it('a peer without a namespaceSelector is one of the own Namespace, one without ports is none', () => {
    const cache = { ...podOf('sealed').labels, app: 'cache' };
    expect(
      reaches('sealed', { namespace: 'team-a', labels: { ...cache, [LANE_LABEL]: 'full' } }, [6379]),
    ).toBe(true);
    expect(reaches('sealed', { namespace: 'team-b', labels: cache }, [6379])).toBe(false);
    expect(reaches('sealed', appPod('team-b', 'portless'), [80])).toBe(false);
  });
});

describe('isolation() of a workspace', () => {
  const API = { to: { address: '10.96.0.1' }, port: 443, protocol: 'TCP' } as const;

  it.each<[string, readonly Manifest[]]>([
    ['without a policy', [workspaceManifest('team-a')]],
    ['with a policy that cannot be read', [policy({ restrictionMode: 'NONE' }), workspaceManifest('team-a')]],
    [
      'with an id that another has',
      [
        policy(),
        workspaceManifest('older', { 'sallyport.dev/workspace': 'id-team-a' }, '2026-01-01T00:00:00Z'),
        workspaceManifest('team-a', {}, '2026-02-01T00:00:00Z'),
      ],
    ],
  ])('%s lets pods only to the gateways', (_, manifests) => {
    const { objects, plans } = outputsOf(manifests);
    const port = firstPortOf(plans, 'team-a', 'enforced');
    expect(mayReach(objects, podOf('enforced'), { to: GATEWAY, port, protocol: 'TCP' })).toBe(true);
    expect(mayReach(objects, podOf('enforced'), API)).toBe(false);
    expect(mayReach(objects, podOf('bare'), { ...API, to: { address: '203.0.113.7' } })).toBe(false);
  });

  it('below the Enterprise tier keeps running pods in their lanes and leaves those of lane full alone', () => {
    const { objects, plans } = outputsOf(
      [policy(), workspaceManifest('team-a', { 'sallyport.dev/tier': 'STANDARD' })],
      [stampedPod('team-a', 'enforced')],
    );
    const internet = { to: { address: '203.0.113.7' }, port: 443, protocol: 'TCP' } as const;
    const gateway = { to: GATEWAY, port: firstPortOf(plans, 'team-a', 'enforced'), protocol: 'TCP' } as const;
    expect(mayReach(objects, podOf('full'), internet)).toBe(true);
    expect(mayReach(objects, podOf('enforced'), internet)).toBe(false);
    expect(mayReach(objects, podOf('enforced'), gateway)).toBe(true);
    expect(mayReach(objects, podOf('bare'), internet)).toBe(false);
  });

  it('that was unlabelled holds until no pod is left that it selects', () => {
    const { plans } = outputsOf([policy(), workspaceManifest('team-a')]);
    const after = (lane: string): boolean => {
      const state = clusterState([policy()], { plans, pods: [stampedPod('team-a', lane)] });
      const { objects } = operatorOutputs(state, CLUSTER_SETTINGS, NOTHING_REMEMBERED);
      return mayReach(objects, podOf('made-up'), { ...API, to: { address: '203.0.113.7' } });
    };
    expect(['enforced', 'made-up', 'dry-run', 'full'].map(after)).toEqual([false, false, false, true]);
  });
});
