import fc from 'fast-check';
import { answerOf, canaryPod, waitingFor } from './canary-pod.ts';
import type { CanaryTargets } from './canary-scene.ts';

const SEED = 20270131;
const RUNS = 5000;
const AT_MS = 1_800_000_000_000;

const TARGETS: CanaryTargets = {
  allowed: [{ place: '10.0.0.1:8081', name: 'gateway "gw-a"' }],
  denied: [
    { place: '10.96.0.1:443', name: 'the API server' },
    { place: '10.0.0.9:8081', name: 'the operator' },
  ],
};

const POD = canaryPod({
  ...{ name: 'canary-1', namespace: 'sallyport-canary', image: 'sallyport/sallyport:1' },
  ...{ node: 'node-a', targets: TARGETS },
});

function podWith(status: object) {
  return { ...POD, spec: { ...(POD['spec'] as object), nodeName: 'node-a' }, status };
}

function ended(message: string, exitCode = 0) {
  return podWith({
    phase: 'Succeeded',
    containerStatuses: [{ state: { terminated: { exitCode, message } } }],
  });
}

const PLACES = [...TARGETS.allowed, ...TARGETS.denied].map(({ place }) => place);

/** Whatever a pod, or another image, could say about whichever targets. */
const attempts = fc.uniqueArray(
  fc.record({
    target: fc.constantFrom(...PLACES, '10.0.0.77:1'),
    isOpen: fc.boolean(),
    openForMs: fc.nat({ max: 5000 }),
  }),
  { selector: ({ target }) => target, maxLength: 4 },
);

it('a node enforces only where every target was tried, what is allowed was open, and nothing else', () => {
  const counts: Record<string, number> = {};
  fc.assert(
    fc.property(attempts, attempts, (allowed, denied) => {
      const opened = allowed.map(({ target, isOpen }) => ({ target, isOpen }));
      const answer = answerOf(ended(JSON.stringify({ allowed: opened, denied })), TARGETS, AT_MS);
      const isOpen = (tried: readonly { target: string; isOpen: boolean }[], place: string) =>
        tried.find(({ target }) => target === place)?.isOpen;
      const through = TARGETS.denied.filter(({ place }) => isOpen(denied, place) === true);
      const isEnforced =
        TARGETS.allowed.every(({ place }) => isOpen(opened, place) === true) &&
        TARGETS.denied.every(({ place }) => isOpen(denied, place) === false);
      const kind = through.length > 0 ? 'open' : isEnforced ? 'enforced' : 'undecided';
      counts[kind] = (counts[kind] ?? 0) + 1;
      if (kind === 'undecided') expect(answer).toEqual({ node: 'node-a', failure: expect.any(String) });
      else expect(answer).toMatchObject({ node: 'node-a', finding: { atMs: AT_MS } });
      const reached = answer !== undefined && 'finding' in answer ? answer.finding.reached : undefined;
      expect(reached === undefined).toBe(kind !== 'open');
      if (reached !== undefined)
        expect(through.map(({ name, place }) => `${name} at ${place}`)).toContain(reached);
    }),
    { numRuns: RUNS, seed: SEED },
  );
  expect(Object.keys(counts).toSorted()).toEqual(['enforced', 'open', 'undecided']);
});

it('no other text proves anything', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (message) => {
      expect(answerOf(ended(message), TARGETS, AT_MS)).toMatchObject({ failure: expect.any(String) });
    }),
    { numRuns: RUNS, seed: SEED },
  );
});

it.each([
  ['has not started', {}, undefined],
  ['runs', { phase: 'Running', containerStatuses: [{ state: { running: {} } }] }, undefined],
  [
    'was ended by the kubelet',
    { phase: 'Failed', reason: 'DeadlineExceeded', message: 'Pod was active too long' },
    'The canary pod on node "node-a" failed (DeadlineExceeded: Pod was active too long)',
  ],
  [
    'failed',
    {
      phase: 'Failed',
      containerStatuses: [{ state: { terminated: { exitCode: 2, message: 'no such role' } } }],
    },
    'The canary pod on node "node-a" failed (no such role)',
  ],
])('a pod that %s decides nothing', (_, status, failure) => {
  const answer = answerOf(podWith(status), TARGETS, AT_MS);
  expect(answer).toEqual(failure === undefined ? undefined : { node: 'node-a', failure });
});

it.each([
  [
    { containerStatuses: [{ state: { waiting: { reason: 'ErrImagePull', message: 'not found' } } }] },
    'ErrImagePull: not found',
  ],
  [
    {
      conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/2 nodes' }],
    },
    'Unschedulable: 0/2 nodes',
  ],
  [
    {
      conditions: [
        {
          ...{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' },
          message: `0/2 nodes are available: 1 Too many pods, 1 node(s) didn't satisfy plugin(s) [NodeAffinity].`,
        },
      ],
    },
    `Unschedulable: 0/2 nodes are available: 1 Too many pods, 1 node(s) didn't satisfy plugin(s) [NodeAffinity]; the node runs as many pods as its kubelet allows: move one to another node, or raise maxPods`,
  ],
  [{ phase: 'Pending' }, 'its phase is Pending'],
])('says why a pod does not run: %j', (status, why) => {
  expect(waitingFor(podWith(status))).toBe(why);
});

it('pins a pod to its node whatever taints that has, and leaves the choice to the scheduler otherwise', () => {
  expect(POD['spec']).toMatchObject({ tolerations: [{ operator: 'Exists' }] });
  expect(JSON.stringify(POD['spec'])).toContain(
    '{"key":"metadata.name","operator":"In","values":["node-a"]}',
  );
  const anywhere = canaryPod({
    ...{ name: 'canary-2', namespace: 'n', image: 'i', node: '', targets: TARGETS },
  });
  expect(Object.keys(anywhere['spec'] as object)).not.toEqual(expect.arrayContaining(['affinity']));
});
