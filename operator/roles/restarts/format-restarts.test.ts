import { restartPlan } from '../../compile/restart-plan.ts';
import type { StampedPod } from '../../model/cluster-state.ts';
import { documentOf, formatRestarts } from './format-restarts.ts';
import type { RestartRow } from './read-restarts.ts';

const START_MS = Date.parse('2027-01-31T09:15:30Z');
const LANES = { stamp: undefined, sinceMs: undefined, lanes: new Map([['GENERAL', 'enforced' as const]]) };

const pod = (name: string, changes: Partial<StampedPod>): StampedPod => ({
  ...{ namespace: 'team-a', name, uid: name, product: 'GENERAL', lane: 'full', stamp: '', hasStarted: true },
  ...{ nodeName: 'node-1', openings: [], createdAtMs: START_MS, controller: undefined, workloadLabels: {} },
  ...changes,
});

const owned = (kind: string, name: string): Partial<StampedPod> => ({
  controller: { apiVersion: 'apps/v1', kind, name, uid: name },
});

function rowsOf(pods: readonly StampedPod[], more: Partial<RestartRow> = {}): readonly RestartRow[] {
  const plan = restartPlan({ pods, lanesOf: () => LANES, owners: new Map(), atMs: START_MS });
  const workloads = [...plan.values()].flatMap((one) => one.workloads);
  return workloads.map((workload) => ({
    ...{ workload, openings: [], deadline: undefined, deadlineAction: undefined },
    ...more,
  }));
}

const PODS = [
  pod('etl-1', owned('StatefulSet', 'etl')),
  pod('etl-2', owned('StatefulSet', 'etl')),
  pod('a', { ...owned('DaemonSet', 'a-name-that-is-longer-than-any-terminal-has-room-for'), lane: 'sealed' }),
];

const format = (rows: readonly RestartRow[], workspace: string | undefined, width?: number): string =>
  formatRestarts({ rows }, { workspace, width, atMs: START_MS });

test('formatRestarts() lists workloads with the change of each, and the commands below them', () => {
  const lines = format(rowsOf(PODS), 'team-a').split('\n');
  expect(lines.slice(0, 2).map((line) => line.split(/ {3,}/))).toEqual([
    ['WORKLOAD', 'PRODUCT', 'PODS', 'RUNNING SINCE', 'CHANGE'],
    ['statefulset/etl', 'GENERAL', '2', '2027-01-31T09:15Z', 'full -> restricted (more open)'],
  ]);
  expect(lines[2]).toMatch(/ sealed -> enforced$/);
  expect(lines).toContain(
    'To restart all that can be restarted so: kubectl sallyport restart --all -n team-a',
  );
  expect(lines).toContain('kubectl rollout restart statefulset/etl -n team-a');
});

test('formatRestarts() of 80 columns breaks sentences and shortens names, and leaves commands whole', () => {
  const isCommand = (line: string): boolean => line.startsWith('kubectl ') || line.startsWith('To restart ');
  const rows = rowsOf(PODS, { deadline: '2027-02-01T09:15:30Z', deadlineAction: 'Isolate' });
  for (const some of [rows, rowsOf(PODS)])
    for (const workspace of ['team-a', undefined]) {
      const lines = format(some, workspace, 80).split('\n');
      expect(lines.filter((line) => line.length > 80 && !isCommand(line))).toEqual([]);
      expect(lines.filter(isCommand)).toHaveLength(3);
      // In a shell whatever stands below the table is a command or a comment.
      expect(lines.slice(lines.indexOf('By hand, each by itself:') + 1).join('\n')).not.toMatch(
        /^(?!kubectl |#|$)/m,
      );
    }
});

test('formatRestarts() has a column of workspaces where several are shown, and of deadlines where there is one', () => {
  const [first] = rowsOf(PODS, { deadline: '2027-02-01T09:15:30Z', deadlineAction: 'Evict' });
  const rows = [first, ...rowsOf(PODS).slice(1)].filter((row) => row !== undefined);
  const lines = format(rows, undefined).split('\n');
  expect(lines[0]).toMatch(/^WORKSPACE {3}WORKLOAD .* CHANGE +DEADLINE +AT$/);
  expect(lines[1]).toMatch(/^team-a {6}statefulset\/etl .* Evict in 24h   2027-02-01T09:15Z$/);
  expect(lines[2]).toMatch(/ - +-$/);
});

test('formatRestarts() joins the commands of one workload, so that what fails first ends them', () => {
  const job = pod('load-1', {
    controller: { apiVersion: 'batch/v1', kind: 'Job', name: 'load', uid: 'load' },
  });
  const lines = format(rowsOf([job]), 'team-a').split('\n');
  expect(lines.filter((line) => line.startsWith('kubectl ')).map((line) => line.endsWith(' &&'))).toEqual([
    ...[true, true, false],
  ]);
});

test('formatRestarts() says what goes past its lane instead of a command', () => {
  const text = format(
    rowsOf([pod('host', { openings: ['hostNetwork'] })], { openings: ['hostNetwork'] }),
    'team-a',
  );
  expect(text).toContain('# pod/host: Its pods go past their lane through their node, by hostNetwork: ');
  expect(text).not.toContain('kubectl delete');
});

test.each([
  ['team-a', 'in Namespace "team-a": '],
  [undefined, 'in any workspace: '],
])('formatRestarts() of nothing in %s is a sentence', (workspace, place) => {
  expect(format([], workspace)).toMatch(new RegExp(`^Nothing has to restart ${place}.*\n$`));
});

test('documentOf() has moments, and everything that the table leaves out', () => {
  const rows = rowsOf(PODS, { deadline: '2027-02-01T09:15:30Z' });
  expect(documentOf({ rows, notes: ['a note'] })).toMatchObject({
    notes: ['a note'],
    workloads: [
      {
        ...{ workspace: 'team-a', kind: 'StatefulSet', name: 'etl', podNames: ['etl-1', 'etl-2'] },
        ...{ runningSince: '2027-01-31T09:15:30.000Z', deadline: '2027-02-01T09:15:30Z', rule: 'R39' },
        commands: ['kubectl rollout restart statefulset/etl -n team-a'],
      },
      { kind: 'DaemonSet', isMoreOpen: false, lanes: ['sealed'] },
    ],
  });
});

test.each([
  ['pods that nothing makes anew', pod('tool', {}), {}],
  ['what goes past its lane', pod('host', { openings: ['hostNetwork'] }), { openings: ['hostNetwork'] }],
])('formatRestarts() offers no command of the plugin for %s', (_, one, more) => {
  expect(format(rowsOf([one], more), 'team-a')).not.toContain('To restart ');
  expect(format(rowsOf([one, ...PODS]), 'team-a')).toContain('To restart all that can be restarted so: ');
});

test('formatRestarts() of 80 columns shows what happens at a deadline, and when', () => {
  const rows = rowsOf(PODS, { deadline: '2027-02-01T09:15:30Z', deadlineAction: 'Isolate' });
  const [headings, first] = format(rows, 'team-a', 80).split('\n');
  expect(headings).toMatch(/^WORKLOAD .* CHANGE +DEADLINE$/);
  expect(first).toMatch(/full -> restricted \(more open\) +Isolate in 24h$/);
});

test('formatRestarts() says of a workload that it was isolated at a deadline', () => {
  const rows = rowsOf([pod('etl-1', { ...owned('StatefulSet', 'etl'), lane: 'enforced', isIsolated: true })]);
  expect(format(rows, 'team-a')).toMatch(/^statefulset\/etl .* enforced, isolated$/m);
});

test.each([
  ['2027-01-31T09:15:30Z', 'Evict now'],
  ['2027-01-30T00:00:00Z', 'Evict now'],
  ['2027-01-31T09:16:00Z', 'Evict in 1m'],
  ['2027-01-31T11:15:29Z', 'Evict in 119m'],
  ['2027-02-02T09:15:29Z', 'Evict in 47h'],
  ['2028-01-31T09:15:30Z', 'Evict in 365d'],
  ['made up', '-'],
])('formatRestarts() of deadline %s says "%s"', (deadline, due) => {
  const [, first = ''] = format(rowsOf(PODS, { deadline, deadlineAction: 'Evict' }), 'team-a', 80).split(
    '\n',
  );
  expect(first.split(/ {3,}/).at(-1)).toBe(due);
});
