// How much a pass does, and what it does not do twice. The API server of this test only counts: test/apiserver has real
// ones.
import { Writable } from 'node:stream';
import { stampedPod } from '../../../test/fixtures/cluster-fixture.ts';
import { ApiFailure, type ApiRequest } from '../../lib/kubernetes/kubernetes-api.ts';
import { createLogger } from '../../lib/logger.ts';
import type { DuePod, StaleDeadlines } from '../../model/due-pod.ts';
import { DeadlineEnforcer } from './deadline-enforcer.ts';
import type { EventToRecord } from './event-requests.ts';
import { PodWriteMemory } from './pod-write-memory.ts';

const START_MS = Date.parse('2027-01-31T00:00:00Z');
const logger = createLogger({
  ...{ role: 'operator', level: 'error' },
  stream: new Writable({ write: (_chunk, _encoding, done) => done() }),
});

interface Stage {
  readonly enforcer: DeadlineEnforcer;
  readonly requests: ApiRequest[];
  readonly events: EventToRecord[];
  atMs: number;
}

function stageOf(
  answer: (request: ApiRequest) => Promise<unknown> = async () => ({}),
  mayWrite = () => true,
): Stage {
  const requests: ApiRequest[] = [];
  const events: EventToRecord[] = [];
  const api = {
    request: async (request: ApiRequest) => {
      requests.push(request);
      return answer(request);
    },
    stream: () => {
      throw new Error('Nothing is watched here');
    },
    close: async () => undefined,
  };
  const recorder = { record: async (event: EventToRecord) => void events.push(event) };
  const nowMs = (): number => stage.atMs;
  const enforcer = new DeadlineEnforcer({
    api,
    recorder,
    logger,
    mayWrite,
    nowMs,
    podMemory: new PodWriteMemory(),
  });
  const stage: Stage = { enforcer, requests, events, atMs: START_MS };
  return stage;
}

function dueOf(at: number, namespace = 'team-a'): DuePod {
  const pod = { ...stampedPod(namespace, 'full'), name: `p-${at}`, uid: `${namespace} ${at}` };
  const workload = { workload: `${namespace}/${at}`, workloadName: `deployment/d-${at}`, canRestart: true };
  return { pod, policyLane: 'enforced', ...workload };
}

function deadlines(changes: Partial<StaleDeadlines>): StaleDeadlines {
  return { isolate: [], evict: [], ending: [], changesAtMs: undefined, ...changes };
}

const many = Array.from({ length: 250 }, (_, at) => dueOf(at));
const always = (): boolean => true;

describe('enforce()', () => {
  it('isolates 100 pods in a pass, and each once while the watch has not returned it', async () => {
    const stage = stageOf();
    const counts: number[] = [];
    for (let pass = 0; pass < 4; pass += 1) {
      const { changesAtMs } = await stage.enforcer.enforce(deadlines({ isolate: many }), always);
      counts.push(stage.requests.length);
      expect(changesAtMs).toBe(pass < 2 ? START_MS : undefined);
    }
    expect(counts).toEqual([100, 200, 250, 250]);
    expect(new Set(stage.requests.map(({ path }) => path)).size).toBe(250);
    expect(stage.events).toHaveLength(250);
  });

  it('isolates all others, though 100 and more cannot be', async () => {
    const stage = stageOf(async ({ path }) => {
      if (path.includes('team-b')) throw new ApiFailure('denied by somebody', { status: 403 });
    });
    const isolate = [...Array.from({ length: 150 }, (_, at) => dueOf(at, 'team-b')), dueOf(1)];
    for (let pass = 0; pass < 2; pass += 1) {
      const { failed } = await stage.enforcer.enforce(deadlines({ isolate }), always);
      expect(failed.length).toBeGreaterThan(0);
      stage.atMs += 1000;
    }
    expect(stage.requests.map(({ path }) => path)).toContain('/api/v1/namespaces/team-a/pods/p-1');
  });

  it('asks for pods that are refused as they are after a doubling wait only, and counts them as failed meanwhile', async () => {
    const stage = stageOf(() =>
      Promise.reject(new ApiFailure('metadata.annotations: Too long', { status: 400 })),
    );
    let isolate = many.slice(0, 80);
    const pass = () => stage.enforcer.enforce(deadlines({ isolate }), always);
    const counts: number[] = [];
    for (const afterMs of [0, 0, 999, 1, 0, 1999, 1]) {
      stage.atMs += afterMs;
      expect((await pass()).failed).toHaveLength(80);
      counts.push(stage.requests.length);
    }
    expect(counts).toEqual([80, 80, 80, 160, 160, 160, 240]);
    // More than one pass tries: no pass follows at once for those that wait.
    isolate = many.slice(0, 200);
    expect((await pass()).changesAtMs).toBe(stage.atMs);
    expect((await pass()).changesAtMs).toBeUndefined();
  });

  it('evicts pods of 150 workloads at once, in two passes', async () => {
    const stage = stageOf();
    let evict = many.slice(0, 150);
    const pass = () => stage.enforcer.enforce(deadlines({ evict }), always);
    expect((await pass()).changesAtMs).toBe(START_MS);
    evict = evict.slice(100);
    await pass();
    expect(new Set(stage.requests.map(({ path }) => path)).size).toBe(150);
  });

  it('does nothing in a workspace that is not ready', async () => {
    const stage = stageOf();
    const due = [dueOf(1), dueOf(1, 'team-b')];
    await stage.enforcer.enforce(deadlines({ isolate: due, evict: due }), (name) => name === 'team-b');
    expect(stage.requests.map(({ path }) => path)).toEqual([
      '/api/v1/namespaces/team-b/pods/p-1',
      '/api/v1/namespaces/team-b/pods/p-1/eviction',
    ]);
  });

  it('tries what is refused again only after the wait, and says why until it is done', async () => {
    let isRefused = true;
    const stage = stageOf(async () => {
      // As the API server says it.
      const message = 'The disruption budget db needs 2 healthy pods and has 2 currently';
      const details = { status: 429, retryAfterMs: 0, causes: [{ reason: 'DisruptionBudget', message }] };
      if (isRefused) throw new ApiFailure("would violate the pod's disruption budget.", details);
    });
    const pass = () => stage.enforcer.enforce(deadlines({ evict: [dueOf(1)] }), always);
    const first = await pass();
    expect([...first.refused]).toEqual([
      [
        'team-a',
        'Cannot evict pod "p-1" of deployment/d-1: a PodDisruptionBudget allows no disruption now: The disruption budget db needs 2 healthy pods and has 2 currently. To restart it: kubectl sallyport restart deployment/d-1 -n team-a. All that must restart: kubectl sallyport restarts -n team-a',
      ],
    ]);
    expect(first.changesAtMs).toBe(START_MS + 15_000);
    stage.atMs += 14_000;
    expect(await pass()).toEqual(first);
    expect(stage.requests).toHaveLength(1);
    stage.atMs += 1_000;
    isRefused = false;
    expect([...(await pass()).refused]).toEqual([]);
    expect(stage.events.map(({ reason }) => reason)).toEqual(['EvictionRefused', 'StalePodEvicted']);
    for (const { note } of stage.events)
      expect(note).toContain('kubectl sallyport restart deployment/d-1 -n team-a');
    expect(stage.events[0]?.note).toContain('The disruption budget db needs 2 healthy pods');
  });

  it('says what to do where the right is missing, and what the server says otherwise', async () => {
    const whyOf = async (message: string, status: number): Promise<string> => {
      const stage = stageOf(() => Promise.reject(new ApiFailure(message, { status })));
      const { refused } = await stage.enforcer.enforce(deadlines({ evict: [dueOf(1)] }), always);
      return refused.get('team-a') ?? '';
    };
    expect(await whyOf('pods "p-1" is forbidden: User "x" cannot create', 403)).toContain(
      'install its chart with restarts.evict=true',
    );
    expect(await whyOf("ValidatingAdmissionPolicy 'theirs' denied request: no", 403)).toContain(
      'denied request: no',
    );
    expect(await whyOf('too many requests', 429)).toContain('too many requests');
  });

  it('takes a pod that is gone for evicted, without an Event', async () => {
    for (const status of [404, 409]) {
      const stage = stageOf(() => Promise.reject(new ApiFailure('gone', { status })));
      const { refused } = await stage.enforcer.enforce(deadlines({ evict: [dueOf(1)] }), always);
      expect([refused.size, stage.events.length]).toEqual([0, 0]);
    }
  });

  it('does and remembers nothing once another leads', async () => {
    const stage = stageOf(undefined, () => false);
    const { refused } = await stage.enforcer.enforce(deadlines({ evict: many, isolate: many }), always);
    expect([refused.size, stage.requests.length, stage.events.length]).toEqual([0, 0, 0]);
  });
});
