// A stub stands for an API server that is away for a moment at the worst of times, and for the controller of a notebook,
// which deletes the pod of one that is stopped.
import { ApiFailure, type ApiRequest } from '../../lib/kubernetes/kubernetes-api.ts';
import type { MergePatch } from '../../model/restart-procedure.ts';
import { ownerChain, readRestarts } from '../restarts/read-restarts.ts';
import { carryOut } from './carry-out.ts';
import { type RestartableWorkload, workloadsOf } from './find-workload.ts';

const NOTEBOOKS = {
  ...{ apiVersion: 'kubeflow.org/v1', kind: 'Notebook', plural: 'notebooks', isNamespaced: true },
};
const STOPPED = 'kubeflow-resource-stopped';
const NAMESPACE = {
  metadata: {
    name: 'team',
    labels: { 'sallyport.dev/workspace': '1' },
    annotations: { 'sallyport.dev/lane': 'enforced', 'sallyport.dev/stamp': 'r2' },
  },
};
const STATEFUL_SET = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'ada', uid: 's', controller: true };
const POD = {
  metadata: {
    ownerReferences: [STATEFUL_SET],
    ...{ name: 'ada-0', namespace: 'team', uid: 'u', creationTimestamp: '2027-01-31T00:00:00Z' },
    labels: { 'notebook-name': 'ada', 'sallyport.dev/lane': 'full', 'sallyport.dev/product': 'NOTEBOOKS' },
  },
};

const FRESH_POD = {
  metadata: {
    ...{ ...POD.metadata, uid: 'fresh' },
    labels: { ...POD.metadata.labels, 'sallyport.dev/lane': 'enforced' },
  },
};

class StubApi {
  isStopped = false;
  /** The new pod, where one comes. */
  fresh: readonly object[] = [FRESH_POD];
  #isStarted = false;
  readonly sent: string[] = [];
  /** Of each request, how often it fails by which status before it is answered. */
  readonly #failures: Map<string, number[]>;

  constructor(failures: Readonly<Record<string, readonly number[]>>) {
    this.#failures = new Map(Object.entries(failures).map(([what, statuses]) => [what, [...statuses]]));
  }

  readonly request = async ({ method, path, body }: ApiRequest): Promise<unknown> => {
    if (method === 'PATCH') return this.#patch(body as MergePatch);
    if (path.endsWith('/pods')) {
      if (this.isStopped) this.#fail('list');
      if (this.#isStarted) return { items: this.fresh };
      return { items: this.isStopped ? [] : [POD] };
    }
    if (path.endsWith('/namespaces/team')) return NAMESPACE;
    if (path.endsWith('/notebooks/ada')) return { metadata: { name: 'ada' } };
    throw new ApiFailure('not there', { status: 404 });
  };

  #patch(body: MergePatch): object {
    const what = JSON.stringify(body).includes(`"${STOPPED}":null`) ? 'start' : 'stop';
    this.sent.push(what);
    this.#fail(what);
    if (what === 'stop') this.isStopped = true;
    else this.#isStarted = true;
    return {};
  }

  #fail(what: string): void {
    const status = this.#failures.get(what)?.shift();
    if (status !== undefined) throw new ApiFailure(`${what} failed`, { status });
  }
}

async function restart(failures: Readonly<Record<string, readonly number[]>>, fresh?: readonly object[]) {
  const api = new StubApi(failures);
  api.fresh = fresh ?? api.fresh;
  const place = { api, workspace: 'team', systemNamespace: 'sallyport-system' };
  const { rows, laneTimes } = await readRestarts({ ...place, atMs: Date.now(), withDeadlines: false });
  const [workload] = workloadsOf(rows);
  const said = await carryOut(
    { workload: workload as RestartableWorkload, resource: NOTEBOOKS },
    {
      ...{ api, laneTimes, chain: ownerChain(api, () => undefined), timeoutMs: 20_000 },
      ...{ signal: new AbortController().signal, write: () => undefined },
    },
  ).catch((error: unknown) => (error as Error).message);
  return { said, sent: api.sent };
}

const LEFT_STOPPED =
  /^It was stopped and is not started again: .*\. It is left stopped; to start it:\nkubectl patch /;

test('carryOut() starts what it has stopped although the API server is away for a moment', async () => {
  expect(await restart({ list: [503, 0], start: [0, 500] })).toEqual({
    ...{
      said: 'is restarted: no stale pod is left (pods now: 1)',
      sent: ['stop', 'start', 'start', 'start'],
    },
  });
});

test.each([
  ['may not be started', { start: [403] }, ['stop', 'start']],
  ['may not be looked at any more', { list: [403] }, ['stop']],
])('carryOut() of what %s says that it is left stopped', async (_, failures, sent) => {
  expect(await restart(failures)).toEqual({ said: expect.stringMatching(LEFT_STOPPED), sent });
});

test('carryOut() of what could not be stopped changes nothing, and says so', async () => {
  expect(await restart({ stop: [403] })).toEqual({
    ...{ said: 'stop failed; ask somebody who may patch notebooks.kubeflow.org there', sent: ['stop'] },
  });
});

test('carryOut() of what nothing makes anew says that no new pod is there, and where to look', async () => {
  const { said } = await restart({}, []);
  expect(said).toBe(
    'has no stale pod any more: its pods are gone, and no new one is there yet. Where one should be, see "kubectl describe notebook/ada -n team" and "kubectl get events -n team"',
  );
});
