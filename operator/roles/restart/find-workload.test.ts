import { restartPlan } from '../../compile/restart-plan.ts';
import type { StampedPod } from '../../model/cluster-state.ts';
import type { RestartRow } from '../restarts/read-restarts.ts';
import { findWorkloads, kindsCalled, parseWorkload, workloadsOf } from './find-workload.ts';
import type { ServedKind } from './served-kinds.ts';

const LANES = { stamp: undefined, sinceMs: undefined, lanes: new Map([['GENERAL', 'enforced' as const]]) };

function rows(...owners: readonly (readonly [string, string, string, string?])[]): readonly RestartRow[] {
  const pods = owners.map(([apiVersion, kind, name, product = 'GENERAL'], at): StampedPod => {
    const uid = `uid-${at}`;
    return {
      ...{ namespace: 'team', name: uid, uid, product, lane: 'full', stamp: '', hasStarted: true },
      ...{ nodeName: '', openings: [], createdAtMs: 0, workloadLabels: {} },
      controller: { apiVersion, kind, name, uid },
    };
  });
  const plan = restartPlan({ pods, lanesOf: () => LANES, owners: new Map(), atMs: 0 });
  const workloads = [...plan.values()].flatMap((one) => one.workloads);
  return workloads.map((workload) => ({
    ...{ workload, openings: [], deadline: undefined, deadlineAction: undefined },
  }));
}

const served = (group: string, kind: string, ...names: readonly string[]): ServedKind => ({
  ...{ group, kind, apiVersion: group === '' ? 'v1' : `${group}/v1`, plural: names[0] ?? '' },
  ...{ isNamespaced: true, names: [kind.toLowerCase(), ...names] },
});

const SERVED = [
  served('', 'Service', 'services', 'svc'),
  served('apps', 'Deployment', 'deployments', 'deploy'),
  served('apps', 'StatefulSet', 'statefulsets', 'sts'),
  served('serving.knative.dev', 'Service', 'services', 'ksvc'),
];

const ALL = workloadsOf(
  rows(
    ['apps/v1', 'Deployment', 'etl', 'JOBS'],
    ['apps/v1', 'Deployment', 'etl', 'DBSQL'],
    ['apps/v1', 'StatefulSet', 'etl'],
    ['apps/v1', 'Deployment', 'web'],
    ['serving.knative.dev/v1', 'Service', 'echo'],
    ['example.com/v1', 'Foo', 'bar'],
  ),
);

test('workloadsOf() has each object once, with all products of its pods', () => {
  const etl = ALL.filter(({ kind, name }) => kind === 'Deployment' && name === 'etl');
  expect(etl.map((one) => one.rows.map(({ workload }) => workload.product).toSorted())).toEqual([
    ['DBSQL', 'JOBS'],
  ]);
});

test.each([
  ['deployment/etl', ['Deployment etl']],
  ['deploy/etl', ['Deployment etl']],
  ['Deployments.apps/etl', ['Deployment etl']],
  ['deployments.v1.apps/etl', ['Deployment etl']],
  ['sts/etl', ['StatefulSet etl']],
  ['etl', ['Deployment etl', 'StatefulSet etl']],
  ['web', ['Deployment web']],
  ['service/echo', ['Service echo']],
  ['ksvc/echo', ['Service echo']],
  ['service.serving.knative.dev/echo', ['Service echo']],
  ['svc/echo', []],
  ['foo/bar', ['Foo bar']],
  ['deployment/bar', []],
  ['deployment.batch/etl', []],
  ['none', []],
])('findWorkloads() of %s is %j', (text, expected) => {
  const asked = parseWorkload(text);
  const found = asked === undefined ? [] : findWorkloads(asked, ALL, SERVED);
  expect(found.map(({ kind, name }) => `${kind} ${name}`).toSorted()).toEqual(expected);
});

test.each(['', '/', 'deployment/', '/etl', 'a/b/c', 'deployment/UPPER', 'deploy/--all', 'x y'])(
  'parseWorkload() of %j is no workload',
  (text) => {
    expect(parseWorkload(text)).toBeUndefined();
  },
);

test('kindsCalled() knows several of one name', () => {
  expect(kindsCalled('services', SERVED).map(({ group }) => group)).toEqual(['', 'serving.knative.dev']);
  expect(kindsCalled('nosuch', SERVED)).toEqual([]);
});
