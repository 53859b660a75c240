// What in a pod's spec goes past the pod's own network, through its node: no KubeNetworkPolicy holds for it there, so
// in no lane does the pod stay. Admission reads the same from the same lists (manifests/admission/openings.ts), and a
// test compares both.
import { isIsolated } from './lane.ts';

/** The namespaces of the node itself. */
export const HOST_NAMESPACES = ['hostNetwork', 'hostPID', 'hostIPC'] as const;
export const HOST_NETWORK = HOST_NAMESPACES[0];

/** Kinds of volumes that let a node fetch nothing but from its API server; every other kind is an opening. */
export const LOCAL_VOLUMES: readonly string[] = [
  'configMap',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
];

/** What container runtimes grant by themselves, and SYS_PTRACE, which without hostPID sees the pod's own processes. */
export const HARMLESS_CAPABILITIES: readonly string[] = [
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'NET_RAW',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
  'SYS_PTRACE',
];

/** Where a container may say whom the kubelet connects to, and by what. */
export const PROBES = ['livenessProbe', 'readinessProbe', 'startupProbe'] as const;
export const HOOKS = ['postStart', 'preStop'] as const;
export const PROBE_ACTIONS = ['httpGet', 'tcpSocket'] as const;

export const CONTAINER_LISTS = ['containers', 'initContainers', 'ephemeralContainers'] as const;

type Handler = { readonly [Action in (typeof PROBE_ACTIONS)[number]]?: { readonly host?: string } };

type Container = {
  readonly name?: string;
  readonly securityContext?: {
    readonly privileged?: boolean;
    readonly capabilities?: { readonly add?: readonly string[] };
  };
  readonly lifecycle?: { readonly [Hook in (typeof HOOKS)[number]]?: Handler };
} & { readonly [Probe in (typeof PROBES)[number]]?: Handler };

export type PodSpec = {
  readonly nodeName?: string;
  readonly volumes?: readonly { readonly name?: string }[];
} & { readonly [Field in (typeof HOST_NAMESPACES)[number]]?: boolean } & {
  readonly [List in (typeof CONTAINER_LISTS)[number]]?: readonly Container[];
};

/** Each for people: `volume "data" of kind "nfs"`. */
export function openingsOf(spec: PodSpec): readonly string[] {
  return [
    ...HOST_NAMESPACES.filter((field) => spec[field] === true),
    ...(spec.volumes ?? []).flatMap(volumeOpening),
    ...CONTAINER_LISTS.flatMap((list) => (spec[list] ?? []).flatMap(containerOpenings)),
  ];
}

/**
 * Those that matter in that lane. Lane full has nothing to go past, and dry-run lanes are open already, but for what
 * they deny too: metadata and what only the gateway reaches.
 */
export function openingsPast(lane: string, openings: readonly string[]): readonly string[] {
  if (lane === 'full') return [];
  return isIsolated(lane) ? openings : openings.filter(isHostNetwork);
}

/** Whether no policy of any lane binds the pod at all. */
export function isOnHostNetwork(openings: readonly string[]): boolean {
  return openings.some(isHostNetwork);
}

function isHostNetwork(opening: string): boolean {
  return opening === HOST_NETWORK;
}

function volumeOpening({ name = '', ...source }: { readonly name?: string }): readonly string[] {
  const kinds = Object.keys(source);
  const isLocal = kinds.length > 0 && kinds.every((kind) => LOCAL_VOLUMES.includes(kind));
  return isLocal ? [] : [`volume "${name}" of kind "${kinds.join(', ')}"`];
}

function containerOpenings(container: Container): readonly string[] {
  const { name = '', securityContext: { privileged = false, capabilities = {} } = {}, lifecycle } = container;
  const handlers = [...PROBES.map((probe) => container[probe]), ...HOOKS.map((hook) => lifecycle?.[hook])];
  const hasHost = handlers.some((handler) =>
    PROBE_ACTIONS.some((action) => (handler?.[action]?.host ?? '') !== ''),
  );
  return [
    ...(privileged ? [`privileged container "${name}"`] : []),
    ...capabilitiesPast(capabilities.add ?? []).map((one) => `${one} of container "${name}"`),
    ...(hasHost ? [`a host in probes or hooks of container "${name}"`] : []),
  ];
}

/** The API server takes any text as a name, so what no capability can be called is not repeated to people. */
const CAPABILITY = /^[A-Z][A-Z0-9_]{0,62}$/i;

function capabilitiesPast(added: readonly string[]): readonly string[] {
  const past = added.filter((capability) => !HARMLESS_CAPABILITIES.includes(capability));
  const named = past.map((capability) =>
    CAPABILITY.test(capability) ? `capability "${capability}"` : 'a capability of an unknown name',
  );
  return [...new Set(named)];
}
