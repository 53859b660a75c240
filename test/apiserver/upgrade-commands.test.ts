// The table of docs/operations.md about what admission denies: each opening of the model is named there, and its commands
// find exactly the objects that have one. They are run as they stand there, against an API server without our admission.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  HARMLESS_CAPABILITIES,
  HOST_NAMESPACES,
  LOCAL_VOLUMES,
  PROBE_ACTIONS,
} from '../../operator/model/pod-openings.ts';
import {
  CONTROL_PLANE_TIMEOUT_MS,
  type ControlPlane,
  startControlPlane,
} from '../support/cluster/control-plane.ts';

const DOCUMENT = readFileSync(fileURLToPath(new URL('../../docs/operations.md', import.meta.url)), 'utf8');
const SECTION = /### What admission denies.*?\n(?=##)/s.exec(DOCUMENT)?.[0] ?? '';
const SETUP = /```\n(?<setup>.*?)```/s.exec(SECTION)?.groups?.['setup'] ?? '';
/** Of the rows: what is denied, and the commands. */
const ROWS = SECTION.split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| denied'))
  .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|')))
  .map(([, denied = '', , commands = '']) => ({
    denied,
    commands: [...commands.matchAll(/`(?<command>[^`]+)`/g)].map(({ groups }) => groups?.['command'] ?? ''),
  }));

const IMAGE = { name: 'main', image: 'example.com/none' };

/** Pods of lane enforced, by name. */
const PODS: Readonly<Record<string, object>> = {
  plain: {
    containers: [
      {
        ...IMAGE,
        securityContext: { privileged: false },
        livenessProbe: { httpGet: { port: 80 } },
        ports: [{ containerPort: 80 }],
      },
    ],
    volumes: [
      { name: 'secret', secret: { secretName: 'a' } },
      { name: 'claim', persistentVolumeClaim: { claimName: 'a' } },
    ],
  },
  'host-network': { hostNetwork: true },
  'host-pid': { hostPID: true },
  'host-ipc': { hostIPC: true },
  privileged: { containers: [IMAGE, { ...IMAGE, name: 'two', securityContext: { privileged: true } }] },
  capable: {
    initContainers: [{ ...IMAGE, name: 'init', securityContext: { capabilities: { add: ['NET_ADMIN'] } } }],
  },
  nfs: { volumes: [{ name: 'secret', nfs: { server: '10.0.0.5', path: '/' } }] },
  csi: { volumes: [{ name: 'v', csi: { driver: 'secrets-store.csi.k8s.io' } }] },
  probing: { containers: [{ ...IMAGE, livenessProbe: { httpGet: { port: 80, host: '10.0.0.5' } } }] },
  hooking: {
    containers: [{ ...IMAGE, lifecycle: { preStop: { tcpSocket: { port: 80, host: '10.0.0.5' } } } }],
  },
  'in-time': {
    terminationGracePeriodSeconds: 600,
    containers: [
      { ...IMAGE, livenessProbe: { exec: { command: ['a'] }, terminationGracePeriodSeconds: 600 } },
    ],
  },
  lingering: { terminationGracePeriodSeconds: 601 },
  'slow-alive': {
    containers: ['one', 'two', 'three'].map((name, at) => ({
      ...{ ...IMAGE, name },
      livenessProbe: { exec: { command: ['a'] }, terminationGracePeriodSeconds: [30, 3600, 9][at] },
    })),
  },
  'slow-start': {
    containers: [
      { ...IMAGE, startupProbe: { exec: { command: ['a'] }, terminationGracePeriodSeconds: 3600 } },
    ],
  },
  critical: { priorityClassName: 'system-cluster-critical' },
  'host-ip': { containers: [{ ...IMAGE, ports: [{ containerPort: 80, hostPort: 80, hostIP: '10.0.0.5' }] }] },
};

/** By what is denied: the objects that the commands of its row find. */
const FOUND: readonly (readonly [denied: string, ...names: readonly string[]])[] = [
  ['`hostNetwork`', 'host-network'],
  ['`hostPID`, `hostIPC`', 'host-ipc', 'host-pid'],
  ['privileged containers', 'privileged'],
  ['capabilities', 'capable'],
  ['volumes', 'csi', 'nfs'],
  ['probes and hooks', 'hooking', 'probing'],
  ['`priorityClassName`', 'critical'],
  ['deletion and eviction'],
  ['`terminationGracePeriodSeconds`', 'lingering', 'slow-alive', 'slow-start'],
  ['`metadata.annotations`'],
  ['`gracePeriodSeconds`'],
  ['`hostIP`', 'host-ip'],
  ['`externalIPs`', 'external'],
  ['`loadBalancerIP`', 'balanced'],
  ['Endpoints and EndpointSlices', 'by-hand'],
];

let controlPlane: ControlPlane;

beforeAll(async () => {
  controlPlane = await startControlPlane({ withControllers: false });
  const pods = Object.entries(PODS).map(([name, spec]) =>
    objectOf('v1', 'Pod', name, {
      labels: { 'sallyport.dev/lane': 'enforced' },
      spec: { containers: [IMAGE], ...spec },
    }),
  );
  // Nothing of these concerns a lane that is open.
  const open = objectOf('v1', 'Pod', 'open', {
    labels: { 'sallyport.dev/lane': 'full' },
    spec: { containers: [{ ...IMAGE, securityContext: { privileged: true } }], hostNetwork: true },
  });
  const ports = [{ port: 443 }];
  const others = [
    objectOf('v1', 'Service', 'usual', { spec: { ports } }),
    objectOf('v1', 'Service', 'external', { spec: { ports, externalIPs: ['203.0.113.9'] } }),
    objectOf('v1', 'Service', 'balanced', {
      spec: { ports, type: 'LoadBalancer', loadBalancerIP: '203.0.113.9' },
    }),
    sliceOf('by-hand', {}),
    sliceOf('of-selector', { 'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io' }),
    sliceOf('of-a-lane', { 'app.kubernetes.io/managed-by': 'sallyport' }),
  ];
  const list = { apiVersion: 'v1', kind: 'List', items: [...pods, open, ...others] };
  const { code, stderr } = await controlPlane.kubectl(['create', '-f', '-'], { stdin: JSON.stringify(list) });
  if (code !== 0) throw new Error(stderr);
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(() => controlPlane.stop());

interface Content {
  readonly labels?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

function objectOf(apiVersion: string, kind: string, name: string, { labels = {}, ...rest }: Content) {
  return { apiVersion, kind, metadata: { name, namespace: 'default', labels }, ...rest };
}

function sliceOf(name: string, labels: Readonly<Record<string, string>>) {
  const endpoints = [{ addresses: ['10.0.0.5'] }];
  return objectOf('discovery.k8s.io/v1', 'EndpointSlice', name, { labels, addressType: 'IPv4', endpoints });
}

/** Names of what a command of the document prints. */
async function namesOf(command: string): Promise<readonly string[]> {
  const { stdout, stderr } = await controlPlane.shell(`${SETUP}\n${command}`);
  expect(stderr.replace('No resources found\n', '')).toBe('');
  return stdout.split('\n').flatMap((line) => line.trim().split(/\s+/)[1] ?? []);
}

it('has a row for each kind of opening, with what the model knows to be harmless', () => {
  expect(ROWS.map(({ denied }) => FOUND.find(([begins]) => denied.startsWith(begins))?.[0])).toEqual(
    FOUND.map(([begins]) => begins),
  );
  const text = ROWS.map(({ denied, commands }) => [denied, ...commands].join('\n')).join('\n');
  for (const field of HOST_NAMESPACES) expect(text).toContain(`\`${field}\``);
  for (const action of PROBE_ACTIONS) expect(text).toContain(`..${action}.host`);
  expect(text).toContain(` (name|${LOCAL_VOLUMES.join('|')})$'`);
  expect(HARMLESS_CAPABILITIES).not.toContain('NET_ADMIN');
});

it.each(FOUND)('finds what is concerned: %s', async (begins, ...names) => {
  const { commands = [] } = ROWS.find(({ denied }) => denied.startsWith(begins)) ?? {};
  const found = await Promise.all(commands.filter((one) => /^(list|kubectl get) /.test(one)).map(namesOf));
  // The API server's own.
  expect(
    found
      .flat()
      .filter((name) => name !== 'kubernetes')
      .toSorted(),
  ).toEqual(names);
});
