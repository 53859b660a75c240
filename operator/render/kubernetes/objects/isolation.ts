// A workspace -> KubeNetworkPolicies in its Namespace. Pods of restricted lanes reach only their lane's ports of the
// gateways, pods of their own Namespace in lanes at least as strict (no relay through an open one), and what the
// policy's clusterAccess names. A pod in no known lane reaches nothing outside and only the strictest inside. Pods in
// dry-run reach everything but cloud metadata; those of lane full are not selected. Restriction is by selector, so for
// IPv4 and IPv6.
import type { ApiServerPlace } from '../../../model/cluster-state.ts';
import { isDryRun, LANES, type Lane, OPEN_LANES } from '../../../model/lane.ts';
import { LANE_PORTS, TLS_PORT_OFFSETS } from '../../../model/lane-port.ts';
import type { NetworkPolicy } from '../../../model/network-policy.ts';
import { METADATA_RANGES } from '../../../model/special-address.ts';
import { HELD_LANE, LANE_LABEL } from '../../../model/stamp.ts';
import {
  GATEWAY_LABEL,
  GATEWAY_NAME,
  HELD_ISOLATION_NAME,
  ISOLATION_NAME,
} from '../../../model/system-names.ts';
import type { WorkspacePlan } from '../../../model/workspace-plan.ts';
import { toApiServer } from './api-server-rules.ts';
import { type ClusterSettings, type DesiredObject, workspaceLabels } from './desired-object.ts';
import { blocksExcept } from './ip-blocks.ts';

export interface IsolationInput {
  readonly plan: WorkspacePlan;
  /** Undefined where there is none: then clusterAccess allows nothing. */
  readonly policy: NetworkPolicy | undefined;
  readonly apiServer: ApiServerPlace;
  readonly settings: ClusterSettings;
}

type Rule = Readonly<Record<string, unknown>>;

const NAMESPACE_NAME = 'kubernetes.io/metadata.name';
/** For some network plugins an ipBlock never matches a pod; so pods are listed besides. */
const ALL_BUT_METADATA: readonly Rule[] = [
  { to: [...blocksExcept(METADATA_RANGES), { namespaceSelector: {} }] },
];
const DRY_RUN = LANES.filter(isDryRun);
const STRICT_LANES = ['enforced', 'sealed'] as const satisfies readonly Lane[];

export function isolation(input: IsolationInput): readonly DesiredObject[] {
  const workspace = input.plan.metadata.name;
  const strict = (input.plan.spec.lanes ?? []).filter(({ lane }) =>
    STRICT_LANES.some((known) => known === lane),
  );
  return [
    kubeNetworkPolicy(ISOLATION_NAME, workspace, notInLanes(OPEN_LANES), [
      { to: [{ podSelector: notInLanes([...OPEN_LANES, 'enforced']) }] },
    ]),
    ...(hasDryRun(input.plan)
      ? [kubeNetworkPolicy('sallyport-dry-run', workspace, inLanes(DRY_RUN), ALL_BUT_METADATA)]
      : []),
    ...strict.map(({ lane, firstPort }) =>
      kubeNetworkPolicy(`sallyport-lane-${lane}`, workspace, { matchLabels: { [LANE_LABEL]: lane } }, [
        toGateway(firstPort, input.settings),
        ...(lane === 'enforced' ? [{ to: [{ podSelector: notInLanes(OPEN_LANES) }] }] : []),
        ...clusterAccess(input),
      ]),
    ),
  ];
}

/** While that waits for pods that are exempt: those that are held reach nothing. No other pod of ours is selected. */
export function heldIsolation(workspace: string): DesiredObject {
  return kubeNetworkPolicy(HELD_ISOLATION_NAME, workspace, inLanes([HELD_LANE]), []);
}

function kubeNetworkPolicy(
  name: string,
  workspace: string,
  podSelector: Rule,
  egress: readonly Rule[],
): DesiredObject {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace: workspace, labels: workspaceLabels(workspace) },
    spec: { podSelector, policyTypes: ['Egress'], egress },
  };
}

function hasDryRun({ spec: { products, lanes = [] } }: WorkspacePlan): boolean {
  return [...products, ...lanes].some(({ lane }) => isDryRun(lane));
}

function inLanes(lanes: readonly Lane[]): Rule {
  return { matchExpressions: [{ key: LANE_LABEL, operator: 'In', values: lanes }] };
}

/** Also pods without the label. */
function notInLanes(lanes: readonly Lane[]): Rule {
  return { matchExpressions: [{ key: LANE_LABEL, operator: 'NotIn', values: lanes }] };
}

function toGateway(firstPort: number, { systemNamespace }: ClusterSettings): Rule {
  return {
    to: [
      {
        namespaceSelector: { matchLabels: { [NAMESPACE_NAME]: systemNamespace } },
        podSelector: { matchLabels: { [GATEWAY_LABEL]: GATEWAY_NAME } },
      },
    ],
    ports: blockPorts(firstPort),
  };
}

/** Ports of a lane, one by one: some network plugins read a range as its first port only. */
export function blockPorts(firstPort: number): readonly Rule[] {
  const further = TLS_PORT_OFFSETS.map((offset) => ({ protocol: 'TCP', offset }));
  return [...LANE_PORTS, ...further].map(({ protocol, offset }) => ({ protocol, port: firstPort + offset }));
}

function clusterAccess({ policy, apiServer, plan }: IsolationInput): readonly Rule[] {
  const access = policy?.spec.egress.clusterAccess;
  const presets = access?.presets?.includes('KUBERNETES_API') ? toApiServer(apiServer) : [];
  const peers = (access?.peers ?? []).flatMap((peer) => {
    // An empty list means nothing; to Kubernetes it would mean every port.
    if (peer.ports === undefined || peer.ports.length === 0) return [];
    const namespaceSelector = peer.namespaceSelector ?? {
      matchLabels: { [NAMESPACE_NAME]: plan.metadata.name },
    };
    const ports = peer.ports.map(({ port, protocol }) => ({ protocol, port }));
    return [{ to: [{ namespaceSelector, podSelector: peer.podSelector ?? {} }], ports }];
  });
  return [...presets, ...peers];
}
