// Who leads, on a real API server: never two at once, soon another when a leader is gone, and nothing written by one
// that was frozen and wakes up.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { LeaderLease } from '../../operator/deliver/kubernetes/leader-lease.ts';
import { ObjectWriter } from '../../operator/deliver/kubernetes/object-writer.ts';
import type { KubernetesObject } from '../../operator/lib/kubernetes/api-object.ts';
import { connectKubernetes } from '../../operator/lib/kubernetes/connect-kubernetes.ts';
import type { KubernetesApi } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import {
  CONTROL_PLANE_TIMEOUT_MS,
  type ControlPlane,
  startControlPlane,
} from '../support/cluster/control-plane.ts';
import { CONFIG_MAPS, configMap, leaseOptions, TIMINGS } from '../support/cluster/lease-scene.ts';

const CANDIDATE = fileURLToPath(new URL('../support/cluster/lease-candidate.ts', import.meta.url));
const LEASE = '/apis/coordination.k8s.io/v1/namespaces/default/leases/sallyport-operator';
const LEADER = '/api/v1/namespaces/default/configmaps/leader';

let controlPlane: ControlPlane;
let api: KubernetesApi;
let terminating: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  controlPlane = await startControlPlane({ withControllers: false });
  api = await connectKubernetes({ kubeconfig: controlPlane.adminKubeconfig });
}, CONTROL_PLANE_TIMEOUT_MS);

beforeEach(async () => {
  const path = '/api/v1/namespaces/default/configmaps';
  await api.request({ method: 'POST', path, body: configMap('nobody', 0) });
});

afterEach(async () => {
  await Promise.all(terminating.map((end) => end()));
  terminating = [];
  await Promise.all([LEASE, LEADER].map((path) => api.request({ method: 'DELETE', path })));
});

afterAll(async () => {
  await api.close();
  await controlPlane.stop();
});

interface Replica {
  readonly lease: LeaderLease;
  /** Everything that was reported to it so far. */
  readonly turns: readonly boolean[];
  /** Resolves with the monotonic time at which it leads, or leads no more. */
  turned(to: boolean): Promise<number>;
}

function startReplica(identity: string): Replica {
  const turns: boolean[] = [];
  let waiting: (() => void)[] = [];
  const onChange = (isLeader: boolean): void => {
    turns.push(isLeader);
    for (const wake of waiting) wake();
    waiting = [];
  };
  const lease = new LeaderLease({ ...leaseOptions(api, identity), onChange, onFailure: () => undefined });
  lease.start();
  terminating.push(() => lease.stop());
  const turned = async (to: boolean): Promise<number> => {
    while (turns.at(-1) !== to) await new Promise<void>((resolve) => waiting.push(resolve));
    return performance.now();
  };
  return { lease, turns, turned };
}

interface Frozen {
  readonly process: ChildProcess;
  readonly said: Interface;
}

/** In a process of its own; resolves when it has written as the leader. */
async function startProcess(identity: string): Promise<Frozen> {
  const child = spawn(process.execPath, [CANDIDATE, controlPlane.adminKubeconfig, identity], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  terminating.push(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  const said = createInterface({ input: child.stdout });
  await says(said, 'wrote');
  return { process: child, said };
}

async function says(said: Interface, line: string): Promise<readonly string[]> {
  const lines: string[] = [];
  while (lines.at(-1) !== line) lines.push(String((await once(said, 'line'))[0]));
  return lines;
}

describe('LeaderLease', () => {
  it('lets one lead, and the other as soon as that one stops', async () => {
    const first = startReplica('first');
    await first.turned(true);
    const second = startReplica('second');
    await first.lease.stop();
    // It has released the lease: nobody waits until it expires.
    const released = (await api.request({ method: 'GET', path: LEASE })) as KubernetesObject;
    expect(released).not.toMatchObject({ spec: { holderIdentity: 'first' } });
    expect(first.lease.isLeader()).toBe(false);
    await second.turned(true);
    expect(second.turns).toEqual([true]);
    expect(await api.request({ method: 'GET', path: LEASE })).toMatchObject({
      spec: { holderIdentity: 'second', leaseTransitions: 1, renewTime: expect.stringMatching(/\.\d{6}Z$/) },
    });
  });

  it('makes one leader of many that start at once', async () => {
    const replicas = Array.from({ length: 6 }, (_, at) => startReplica(`replica-${at}`));
    await Promise.race(replicas.map(({ turned }) => turned(true)));
    // Until the next renewal of it, at least.
    const { metadata } = (await api.request({ method: 'GET', path: LEASE })) as KubernetesObject;
    const path = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
    const query = { watch: 'true', resourceVersion: metadata.resourceVersion ?? '' };
    for await (const _ of api.stream({ path, query })) break;
    expect(replicas.filter(({ lease }) => lease.isLeader())).toHaveLength(1);
  });

  it('takes over from a leader that was killed, but not before its lease has expired', async () => {
    const { process: leader } = await startProcess('killed');
    const next = startReplica('next');
    leader.kill('SIGKILL');
    await once(leader, 'exit');
    const killedMs = performance.now();
    const waitedMs = (await next.turned(true)) - killedMs;
    expect(waitedMs).toBeGreaterThan(TIMINGS.leaseMs - 2 * TIMINGS.retryMs);
  });

  it('lets a leader that was frozen write nothing when it wakes up', async () => {
    const { process: frozen, said } = await startProcess('frozen');
    const next = startReplica('next');
    frozen.kill('SIGSTOP');
    await next.turned(true);
    const writer = new ObjectWriter({
      api,
      resources: [CONFIG_MAPS],
      mayWrite: () => next.lease.isLeader(),
      versionedKinds: [],
    });
    expect([...(await writer.applyAll([configMap('next', 1)], new Map()))]).toEqual([]);
    const written = await api.request({ method: 'GET', path: LEADER });
    frozen.kill('SIGCONT');
    expect(await says(said, 'fenced')).not.toContain('wrote');
    expect(next.lease.isLeader()).toBe(true);
    expect(await api.request({ method: 'GET', path: LEADER })).toEqual(written);
  });

  it('believes no clock but its own', async () => {
    const hourAgo = new Date(Date.now() - 3_600_000).toISOString().replace('Z', '000Z');
    const spec = {
      holderIdentity: 'skewed',
      leaseDurationSeconds: 2,
      renewTime: hourAgo,
      acquireTime: hourAgo,
    };
    await api.request({
      method: 'POST',
      path: '/apis/coordination.k8s.io/v1/namespaces/default/leases',
      body: { metadata: { name: 'sallyport-operator' }, spec },
    });
    const startedMs = performance.now();
    const { turned } = startReplica('next');
    expect((await turned(true)) - startedMs).toBeGreaterThan(TIMINGS.leaseMs - 1);
  });

  it('leads no more when the API server is gone, and again when it is back', async () => {
    const { lease, turned, turns } = startReplica('only');
    await turned(true);
    await controlPlane.stopApiServer();
    await turned(false);
    expect(lease.isLeader()).toBe(false);
    await controlPlane.startApiServer();
    await turned(true);
    expect(turns).toEqual([true, false, true]);
  });
});
