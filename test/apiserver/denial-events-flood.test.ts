// Events about denials while very many pods are denied, and while the API server is in trouble: a real API server and a
// real denial log; what is compared with is what was asked.
import { join } from 'node:path';
import fc from 'fast-check';
import { DenialStore } from '../../operator/denials/store/duckdb/denial-store.ts';
import type { ObjectReference } from '../../operator/lib/kubernetes/api-object.ts';
import { pathOf, type Resource } from '../../operator/lib/kubernetes/api-object.ts';
import {
  ApiFailure,
  type ApiRequest,
  type KubernetesApi,
} from '../../operator/lib/kubernetes/kubernetes-api.ts';
import type { Denial } from '../../operator/model/denial.ts';
import { DENIAL_EVENT_CONTROLLER } from '../../operator/model/system-names.ts';
import { DenialEvents } from '../../operator/roles/shared/denial-events.ts';
import { countsOf, lineBytes, sampleDenial, withFolder } from '../fixtures/denial-fixture.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { IdentityScene } from '../support/cluster/identity-scene.ts';
import { until } from '../support/until.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const EVENTS: Resource = {
  ...{ apiVersion: 'events.k8s.io/v1', kind: 'Event' },
  ...{ plural: 'events', isNamespaced: true },
};
const NAMESPACES = ['flood-1', 'flood-2', 'flood-3', 'flood-4', 'quiet', 'ending'];
const BURST = 300;
const OF_NAMESPACE = 100;

let scene: IdentityScene;
let sequence = 0;

beforeAll(async () => {
  scene = await IdentityScene.start();
  for (const name of NAMESPACES) await scene.kubectl(['create', 'namespace', name]);
}, CONTROL_PLANE_TIMEOUT_MS);
afterAll(() => scene?.stop());

type Api = Pick<KubernetesApi, 'request'>;

interface Totals {
  dropped: number;
  written: number;
  refused: number;
  failed: number;
}

/** The uid of a pod is its Namespace and its name; its owner has what stands before the hyphen. */
function objectsOf(podUid: string): readonly ObjectReference[] {
  const [namespace = '', name = ''] = podUid.split('/');
  const owner = name.split('-')[0] ?? '';
  return [
    { apiVersion: 'v1', kind: 'Pod', name, namespace, uid: podUid },
    { apiVersion: 'apps/v1', kind: 'Deployment', name: owner, namespace, uid: `${namespace}/${owner}` },
  ];
}

function startEvents(
  api: Api,
  find: (uid: string) => Promise<readonly ObjectReference[]> = async (uid) => objectsOf(uid),
) {
  const totals: Totals = { dropped: 0, written: 0, refused: 0, failed: 0 };
  const events = new DenialEvents({
    reporter: { api, controller: DENIAL_EVENT_CONTROLLER, instance: 'collector-0' },
    logger: { warn: () => undefined },
    ...{ objectsOf: find, assignmentOf: async () => [] },
    onDropped: (denials) => void (totals.dropped += denials),
    onWrite: (result) => void (totals[result] += 1),
  });
  return { events, totals };
}

function denialOf(podUid: string, changes: Partial<Denial> = {}): Denial {
  sequence += 1;
  const [workspace = '', pod = ''] = podUid.split('/');
  const row = sampleDenial(sequence, { workspace, pod, podUid, who: 'POD', sequence });
  return { ...row, destination: 'api.example', ...changes };
}

interface StoredEvent {
  readonly metadata: { readonly name: string };
  readonly regarding: { readonly kind: string; readonly name: string };
  readonly note: string;
  readonly series?: { readonly count: number };
}

async function stored(namespace: string): Promise<readonly StoredEvent[]> {
  const path = pathOf(EVENTS, { namespace });
  const { items } = (await scene.root.request({ method: 'GET', path })) as { readonly items: StoredEvent[] };
  return items.filter(({ note }) => note !== undefined);
}

const countOf = ({ series }: StoredEvent): number => series?.count ?? 1;

async function podEvents(namespace: string, pod: string): Promise<readonly StoredEvent[]> {
  return (await stored(namespace)).filter(
    ({ regarding }) => regarding.kind === 'Pod' && regarding.name === pod,
  );
}

/** The same API, with the writes that it saw. */
function counting(api: Api) {
  const writes: { readonly atMs: number; readonly namespace: string }[] = [];
  const request = (request: ApiRequest): Promise<unknown> => {
    writes.push({ atMs: performance.now(), namespace: /namespaces\/([^/]+)/.exec(request.path)?.[1] ?? '' });
    return api.request(request);
  };
  return { api: { request }, writes };
}

test(
  '1,000 pods that are denied at once write within the budget; nobody else waits; the log has all',
  () =>
    withFolder(async (folder) => {
      const store = await DenialStore.open(join(folder, 'denials.duckdb'));
      const { api, writes } = counting(scene.own);
      const { events, totals } = startEvents(api);
      const sink = events.outbound(store);
      const startMs = performance.now();
      const asked: Denial[] = [];
      const send = async (denials: readonly Denial[]): Promise<void> => {
        asked.push(...denials);
        const upTo = (sequence + 1) * lineBytes;
        await sink.append({ gateway: 'gw-1', logFile: 'access.log', upTo, denials });
      };
      for (let at = 0; at < 10; at += 1) {
        const pods = Array.from({ length: 1000 }, (_, pod) => `flood-${1 + (pod % 4)}/p${pod % 10}-${pod}`);
        await send(pods.map((uid) => denialOf(uid, { destination: `host-${at % 5}.example`, repeats: 3 })));
        if (at === 5) await send([denialOf('quiet/etl-0')]);
      }
      const quietMs = performance.now();
      await until(
        'the quiet pod has its Event',
        async () => (await podEvents('quiet', 'etl-0')).length === 1,
      );
      const waitedMs = performance.now() - quietMs;
      await until('the budget is used', () => writes.length > BURST);
      await events.stop();
      const seconds = (performance.now() - startMs) / 1000;
      const perNamespace = [...Map.groupBy(writes, ({ namespace }) => namespace).values()].map(
        ({ length }) => length,
      );
      console.log(
        `10,001 denials of 1,001 pods: ${writes.length} writes in ${seconds.toFixed(1)} s (${(writes.length / seconds).toFixed(1)} a second with the burst of ${BURST}), most in one Namespace ${Math.max(...perNamespace)}; the quiet pod waited ${waitedMs.toFixed(0)} ms; dropped ${totals.dropped}, heap ${(process.memoryUsage().heapUsed / 1e6).toFixed(0)} MB`,
      );
      expect(writes.length).toBeLessThanOrEqual(BURST + seconds + 1);
      expect(Math.max(...perNamespace)).toBeLessThanOrEqual(OF_NAMESPACE + seconds / 6 + 1);
      expect(totals).toEqual({ dropped: 0, written: writes.length, refused: 0, failed: 0 });
      expect((await countsOf(store))?.['total']).toBe(asked.length);
      await store.close();
    }),
  120_000,
);

test('10,000 destinations of one pod are few Events, which count all of them', async () => {
  const { api, writes } = counting(scene.own);
  const { events, totals } = startEvents(api);
  const uid = 'flood-1/scanner-0';
  const names = Array.from({ length: 10_000 }, (_, at) => `${at}"\n: \u0000${'x'.repeat(240)}`);
  events.record(names.map((destination) => denialOf(uid, { destination, repeats: 2 })));
  await until('the pod has Events', async () => (await podEvents('flood-1', 'scanner-0')).length === 10);
  await events.stop();
  const counts = (await podEvents('flood-1', 'scanner-0')).map(countOf);
  expect([writes.length, totals.dropped]).toEqual([20, 0]);
  expect(counts.every((count) => count === 2)).toBe(true);
}, 60_000);

/** What becomes of a request: nobody gets an answer to one that is `unanswered`, and it is done all the same. */
type Fate = 'answered' | 'slow' | 'unanswered' | 0 | 429 | 500 | 503;

function troubled(api: Api, fates: readonly Fate[]): Api {
  let at = 0;
  return {
    request: async (request) => {
      const fate = fates[at++] ?? 'answered';
      if (typeof fate === 'number') throw new ApiFailure('trouble', { status: fate });
      if (fate === 'slow') await new Promise((resolve) => setTimeout(resolve, 1000));
      const answer = await api.request(request);
      if (fate === 'unanswered') throw new ApiFailure('no answer', { status: 0 });
      return answer;
    },
  };
}

const fates = fc.array(
  fc.constantFrom<Fate>('slow', 'unanswered', 'unanswered', 0, 429, 500, 503, 'answered'),
  {
    maxLength: 4,
  },
);

test(`count every denial once whatever the API server answers, and go on when it is back (seed ${SEED})`, async () => {
  let run = 0;
  const property = fc.asyncProperty(fates, fc.integer({ min: 1, max: 50 }), async (all, count) => {
    run += 1;
    const { events, totals } = startEvents(troubled(scene.own, all), async (uid) =>
      objectsOf(uid).slice(0, 1),
    );
    const pod = `t${run}-${SEED}`;
    events.record(Array.from({ length: count }, () => denialOf(`quiet/${pod}`)));
    await until('it is written', () => totals.written > 0);
    await events.stop();
    expect((await podEvents('quiet', pod)).map(countOf)).toEqual([count]);
    expect(totals.dropped).toBe(0);
  });
  await fc.assert(property, { seed: SEED, numRuns: 6, endOnFailure: true });
}, 180_000);

test('are the same ones after a restart, and of two collectors at once', async () => {
  const two = [startEvents(scene.own), startEvents(scene.own)] as const;
  const uid = 'quiet/shared-0';
  for (const { events } of two) events.record(Array.from({ length: 5 }, () => denialOf(uid)));
  await until('both have written', () => two.every(({ totals }) => totals.written === 2));
  for (const { events } of two) await events.stop();
  expect((await podEvents('quiet', 'shared-0')).map(countOf)).toEqual([10]);
  const { events, totals } = startEvents(scene.own);
  events.record([denialOf(uid)]);
  await until('the next one has written', () => totals.written === 2);
  await events.stop();
  expect((await podEvents('quiet', 'shared-0')).map(countOf)).toEqual([11]);
});

test('are given up at once where the Namespace ends or is gone, and counted; names may be of any length', async () => {
  const patch = JSON.stringify({ metadata: { finalizers: ['example.com/kept'] } });
  await scene.kubectl(['patch', 'namespace', 'ending', '--type=merge', '-p', patch]);
  await scene.kubectl(['delete', 'namespace', 'ending', '--wait=false']);
  const { api, writes } = counting(scene.own);
  const { events, totals } = startEvents(api, async (uid) => objectsOf(uid).slice(0, 1));
  const long = `${'x'.repeat(252)}0`;
  for (let second = 0; second < 3; second += 1) {
    events.record(['ending/etl-0', 'gone/etl-0', `quiet/${long}`].map((uid) => denialOf(uid)));
    await until('a pass is over', () => totals.written + totals.refused === 3);
  }
  await events.stop();
  expect(totals).toEqual({ dropped: 2, written: 1, refused: 2, failed: 0 });
  expect(writes).toHaveLength(3);
  expect(await podEvents('quiet', long)).toHaveLength(1);
});
