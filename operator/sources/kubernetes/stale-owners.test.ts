import { StillClock, turn } from '../../../test/fixtures/still-clock.ts';
import type { OwnerReference } from '../../lib/kubernetes/api-object.ts';
import { ApiFailure, type KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import type { ControlledPod } from '../../model/pod-owner.ts';
import { StaleOwners } from './stale-owners.ts';

const PLURALS: Readonly<Record<string, string>> = {
  ReplicaSet: 'apps/v1/replicasets',
  Deployment: 'apps/v1/deployments',
  InferenceService: 'serving.kserve.io/v1beta1/inferenceservices',
  Claim: 'example.com/v1/claims',
};
const MINUTE_MS = 60_000;

/** Objects of an API server, by path; what each answers can be said. */
class Objects implements Pick<KubernetesApi, 'request'> {
  readonly answers = new Map<string, object | number>();
  readonly asked: string[] = [];
  atOnce = 0;
  mostAtOnce = 0;

  /** Of that owner; "ReplicaSet", "a" is named "a". */
  put(kind: string, name: string, owner?: OwnerReference): OwnerReference {
    const reference = referenceTo(kind, name);
    const ownerReferences = owner === undefined ? [] : [{ ...owner, controller: true }];
    this.answers.set(pathTo(kind, name), { metadata: { name, uid: reference.uid, ownerReferences } });
    return reference;
  }

  async request({ path }: { readonly path: string }): Promise<unknown> {
    this.asked.push(path);
    this.atOnce += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.atOnce);
    await Promise.resolve();
    this.atOnce -= 1;
    const answer = kindsOf(path) ?? this.answers.get(path) ?? 404;
    if (typeof answer === 'number') throw new ApiFailure('not answered', { status: answer });
    return answer;
  }
}

function referenceTo(kind: string, name: string): OwnerReference {
  const apiVersion = (PLURALS[kind] ?? '').replace(/\/[^/]*$/, '');
  return { apiVersion, kind, name, uid: `${kind}/${name}` };
}

function pathTo(kind: string, name: string): string {
  const plural = (PLURALS[kind] ?? '').split('/').at(-1);
  return `/apis/${referenceTo(kind, name).apiVersion}/namespaces/team/${plural}/${name}`;
}

function kindsOf(path: string): object | undefined {
  const resources = Object.entries(PLURALS)
    .filter(([, plural]) => path === `/apis/${plural.replace(/\/[^/]*$/, '')}`)
    .map(([kind, plural]) => ({ kind, name: plural.split('/').at(-1), namespaced: true }));
  return resources.length === 0 ? undefined : { resources };
}

function podOf(controller: OwnerReference): ControlledPod {
  return { namespace: 'team', controller };
}

let objects: Objects;
let clock: StillClock;
let told: number;
let failures: readonly number[];
let owners: StaleOwners;

beforeEach(() => {
  objects = new Objects();
  clock = new StillClock();
  told = 0;
  failures = [];
  owners = new StaleOwners({
    ...{ api: objects, clock },
    onChange: () => {
      told += 1;
    },
    onFailure: (failure) => {
      failures = [...failures, failure.owners];
    },
  });
});

afterEach(() => owners.stop());

async function wanted(...pods: readonly ControlledPod[]): Promise<void> {
  owners.want(pods);
  await clock.advance(1000);
}

const names = (): readonly string[] =>
  [...owners.known()].map(([uid, { kind, name, isWhole }]) => `${uid}: ${kind} ${name} ${isWhole === true}`);

describe('StaleOwners', () => {
  it('asks four at once and fifty in a second for 5,000 controllers, and tells every ten seconds', async () => {
    const controllers = Array.from({ length: 5000 }, (_, at) =>
      objects.put('ReplicaSet', `etl-${at}`, objects.put('Deployment', `etl-${at}`)),
    );
    owners.want(controllers.map(podOf));
    const perSecond: number[] = [];
    for (let asked = -1; objects.asked.length > asked; ) {
      asked = Math.max(0, objects.asked.length);
      await clock.advance(1000);
      perSecond.push(objects.asked.length - asked);
    }
    expect(owners.known().size).toBe(5000);
    expect(objects.mostAtOnce).toBe(4);
    expect(Math.max(...perSecond)).toBeLessThan(58);
    // 10,000 owners, and the kinds of their group.
    expect(objects.asked.length).toBe(10_001);
    expect(perSecond.length).toBeLessThan(205);
    expect(told).toBeGreaterThan(10);
    expect(told).toBeLessThanOrEqual(22);
  });

  it('tells once that a few owners are known, and not at all where somebody waits for it', async () => {
    const controllers = ['a', 'b', 'c'].map((name) =>
      objects.put('ReplicaSet', name, objects.put('Deployment', name)),
    );
    await wanted(...controllers.map(podOf));
    expect(told).toBe(1);
    expect(names()).toHaveLength(3);
    owners.want([...controllers, objects.put('ReplicaSet', 'd', objects.put('Deployment', 'd'))].map(podOf));
    const known = owners.knownWithin(MINUTE_MS);
    await clock.advance(1000);
    expect([...(await known).keys()]).toContain('ReplicaSet/d');
    expect(told).toBe(1);
    await clock.advance(MINUTE_MS);
    expect(told).toBe(1);
  });

  it('lets nobody wait who has waited long enough', async () => {
    owners.want([podOf(objects.put('ReplicaSet', 'a'))]);
    expect((await owners.knownWithin(1)).size).toBe(0);
  });

  it('names the outermost that is a workload, and says whether all above was seen', async () => {
    const serving = objects.put('InferenceService', 'echo', objects.put('Claim', 'echo'));
    const hidden = objects.put('InferenceService', 'dark', objects.put('Claim', 'dark'));
    objects.answers.set(pathTo('Claim', 'dark'), 404);
    const pods = [serving, hidden].map((owner) =>
      podOf(objects.put('ReplicaSet', owner.name, objects.put('Deployment', owner.name, owner))),
    );
    await wanted(...pods, podOf(objects.put('ReplicaSet', 'orphan')));
    expect(names()).toEqual([
      'ReplicaSet/echo: InferenceService echo true',
      'ReplicaSet/dark: InferenceService dark false',
      'ReplicaSet/orphan: ReplicaSet orphan true',
    ]);
  });

  it('says nothing of a controller whose owner cannot be seen: the pod says as much itself', async () => {
    objects.put('ReplicaSet', 'a', objects.put('Deployment', 'a'));
    objects.answers.set(pathTo('Deployment', 'a'), 403);
    await wanted(podOf(referenceTo('ReplicaSet', 'a')), podOf(referenceTo('ReplicaSet', 'gone')));
    expect(names()).toEqual([]);
    expect(told).toBe(0);
  });

  it('asks once for each kind that it may not read, and again ten minutes later', async () => {
    const controllers = Array.from({ length: 100 }, (_, at) =>
      objects.put('ReplicaSet', `a-${at}`, objects.put('Deployment', `a-${at}`)),
    );
    const answers = new Map(objects.answers);
    for (const path of answers.keys()) objects.answers.set(path, 403);
    await wanted(...controllers.map(podOf));
    for (let second = 0; second < 10; second += 1) await wanted(...controllers.map(podOf));
    // The kinds, and the first four.
    expect(objects.asked).toHaveLength(5);
    for (const [path, answer] of answers) objects.answers.set(path, answer);
    expect(told).toBe(0);
    for (let second = 0; second < 10 * 60 + 5; second += 1) await clock.advance(1000);
    expect(names()).toHaveLength(100);
    expect(told).toBeGreaterThan(0);
  });

  it('retains what it knew where the API server fails, says so once a round, and asks again', async () => {
    const pods = ['a', 'b'].map((name) =>
      podOf(objects.put('ReplicaSet', name, objects.put('Deployment', name))),
    );
    objects.answers.set(pathTo('ReplicaSet', 'a'), 500);
    objects.answers.set(pathTo('ReplicaSet', 'b'), 503);
    await wanted(...pods);
    expect([names(), failures]).toEqual([[], [2]]);
    objects.put('ReplicaSet', 'a', objects.put('Deployment', 'a'));
    await clock.advance(MINUTE_MS);
    expect([names(), failures]).toEqual([['ReplicaSet/a: Deployment a true'], [2, 1]]);
    expect(told).toBe(1);
  });

  it('forgets whom nobody wants to know', async () => {
    const pods = ['a', 'b'].map((name) => podOf(objects.put('ReplicaSet', name)));
    await wanted(...pods);
    expect(names()).toHaveLength(2);
    await wanted(...pods.slice(1));
    expect(names()).toEqual(['ReplicaSet/b: ReplicaSet b true']);
    owners.want([]);
    await turn();
    expect(names()).toEqual([]);
    const { length } = objects.asked;
    await clock.advance(60 * MINUTE_MS);
    expect(objects.asked).toHaveLength(length);
  });

  it('believes who names an object only in its own Namespace', async () => {
    const controller = objects.put('ReplicaSet', 'a', objects.put('Deployment', 'a'));
    await wanted({ namespace: 'others', controller }, podOf(controller));
    expect([...owners.known().values()].map(({ namespace }) => namespace)).toEqual(['team']);
  });
});
