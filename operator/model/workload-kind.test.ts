import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { memoizeLast } from '../lib/memo.ts';
import { PRODUCTS } from './product.ts';
import { NOT_RECOGNISED, WORKLOAD_KINDS, WORKLOAD_LABELS, workloadKindOf } from './workload-kind.ts';

const SEED = 17;
const RUNS = 40;
const NAME = 'some-workload';
const NAMESPACE = 'analytics';

type Labels = Readonly<Record<string, string>>;

function kindOf(labels: Labels, owner?: string): string {
  const [, apiVersion = '', kind = ''] = /^(\S+) (\S+)$/.exec(owner ?? '') ?? [];
  return workloadKindOf({ labels, owner: owner === undefined ? undefined : { apiVersion, kind } }).name;
}

describe('workloadKindOf()', () => {
  const KSERVE = { 'serving.kserve.io/inferenceservice': 'x', 'serving.knative.dev/service': 'x-predictor' };
  const JOB = { 'batch.kubernetes.io/job-name': 'x' };
  const SPARK = { 'spark-role': 'executor', 'sparkoperator.k8s.io/app-name': 'x' };

  it.each<[string, Labels, string | undefined, string]>([
    ['the owner', {}, 'kubeflow.org/v1 Notebook', 'Kubeflow Notebook'],
    ['the owner, of whatever version', {}, 'kubeflow.org/v1beta1 Notebook', 'Kubeflow Notebook'],
    ['not the kind alone', {}, 'example.com/v1 Notebook', 'Pods of another controller'],
    ['a label, while the owner made it', KSERVE, 'apps/v1 Deployment', 'KServe InferenceService'],
    ['the owner, while the label says an inner one', JOB, 'batch/v1 CronJob', 'CronJob'],
    ['label and owner', JOB, 'batch/v1 Job', 'Job'],
    [
      'the outer one of two labels',
      { ...JOB, 'jobset.sigs.k8s.io/jobset-name': 'x' },
      'batch/v1 Job',
      'JobSet',
    ],
    [
      'the outer one of two of an operator',
      { 'tekton.dev/taskRun': 'x', 'tekton.dev/pipelineRun': 'y' },
      'tekton.dev/v1 TaskRun',
      'Tekton PipelineRun',
    ],
    [
      'one that is built on another operator',
      { 'tekton.dev/taskRun': 'x', 'buildrun.shipwright.io/name': 'y' },
      'tekton.dev/v1 TaskRun',
      'Shipwright BuildRun',
    ],
    ['a label of an executor', SPARK, 'v1 Pod', 'SparkApplication'],
    ['one without an operator', { 'spark-role': 'executor' }, 'v1 Pod', 'Spark application (spark-submit)'],
    ['no label that gives no name', { 'spark-role': 'driver' }, 'apps/v1 StatefulSet', 'StatefulSet'],
    ['the value of a label', { 'app.kubernetes.io/name': 'trino' }, 'apps/v1 Deployment', 'Trino'],
    ['another value', { 'app.kubernetes.io/name': 'postgres' }, 'apps/v1 Deployment', 'Deployment'],
    ['its own kind', { 'ray.io/cluster': 'x' }, 'ray.io/v1 RayCluster', 'Ray RayCluster'],
    [
      'what made the cluster',
      {
        'ray.io/cluster': 'x',
        'ray.io/originated-from-crd': 'RayJob',
        'ray.io/originated-from-cr-name': 'y',
      },
      'ray.io/v1 RayCluster',
      'Ray RayJob',
    ],
    [
      'a sandbox',
      { 'agents.x-k8s.io/sandbox-name-hash': '0a' },
      'agents.x-k8s.io/v1beta1 Sandbox',
      'Agent Sandbox',
    ],
    ['a pod of a Hub', { 'hub.jupyter.org/username': 'ada' }, undefined, 'JupyterHub server'],
    ['nothing', {}, undefined, 'Pod without a controller'],
    ['an owner that nobody knows', {}, 'example.com/v1 Rocket', 'Pods of another controller'],
    ['no label of that', { 'notebook-name': 'ada' }, 'v1 ConfigMap', 'Pods of another controller'],
    ['no label without an owner', { 'notebook-name': 'ada' }, undefined, 'Pod without a controller'],
    [
      'what makes pods',
      {},
      'v1 ReplicationController',
      'Pods that a ReplicaSet or ReplicationController makes',
    ],
  ])('recognises %s: %j of %s is %s', (_, labels, owner, expected) => {
    expect(kindOf(labels, owner)).toBe(expected);
  });

  it('needs no other labels than those that are kept', () => {
    const used = WORKLOAD_KINDS.flatMap(({ marks, nameLabel }) => [
      ...marks.map(({ label }) => label),
      nameLabel ?? 'pod-template-hash',
    ]);
    expect(new Set(WORKLOAD_LABELS)).toEqual(new Set(used));
  });
});

describe('every product', () => {
  it.each(PRODUCTS)('%s has a kind of workload, or a sentence that says why not', (product) => {
    const kinds = WORKLOAD_KINDS.filter((kind) => kind.product === product);
    const why = NOT_RECOGNISED.get(product);
    expect(kinds.length > 0).toBe(why === undefined);
  });
});

describe('every kind', () => {
  it.each(WORKLOAD_KINDS.map((kind) => [kind.name, kind] as const))(
    '%s cites a rule, and has commands unless nothing but its pods can be named',
    (_, { restart }) => {
      expect(restart.rule).toMatch(/^R(?:39|4[1-8])(?:-R48)?$/);
      const commands = restart.commands({ namespace: NAMESPACE, name: NAME, podNames: ['a', 'b'] });
      expect(commands.length).toBeGreaterThan(0);
      expect(commands.join('\n')).toContain(`-n ${NAMESPACE}`);
    },
  );

  it('has a name of its own', () => {
    expect(new Set(WORKLOAD_KINDS.map(({ name }) => name)).size).toBe(WORKLOAD_KINDS.length);
  });
});

/** kubectl and argo say their words, each with a NUL after it; a command in a command too. */
const SHELL = `exec 3>&1
say() { printf '%s\\0' "$@" >&3; }
kubectl() { say kubectl "$@"; }
argo() { say argo "$@"; }
date() { echo now; }
`;

function wordsOf(shell: string, commands: readonly string[]): readonly string[] {
  const { stdout, stderr } = spawnSync(shell, ['-c', SHELL + commands.join('\n')], { encoding: 'utf8' });
  expect(stderr).toBe('');
  return stdout.split('\0').filter((word) => word !== '--');
}

/** Of all kinds: one shell reads them all. */
function commandsOf(name: string): readonly string[] {
  return WORKLOAD_KINDS.flatMap(({ restart }) =>
    restart.commands({ namespace: NAMESPACE, name, podNames: [name] }),
  );
}

const wordsOfName = memoizeLast((shell: string) => wordsOf(shell, commandsOf(NAME)));

describe('commands', () => {
  /** Within JSONPath a name is a text in quotation marks of its own. */
  const expectWordsOf = (shell: string, name: string): void => {
    const expected = wordsOfName(shell).map((word) =>
      word.replace(`"${NAME}"`, () => JSON.stringify(name)).replace(NAME, () => name),
    );
    expect(wordsOf(shell, commandsOf(name))).toEqual(expected);
  };

  // Names of objects; of RBAC's objects, whose names are those of a path; and any text, which owner references may have.
  const names = fc.stringMatching(/^[a-z0-9]([-a-z0-9.]{0,60}[a-z0-9])?$/);
  const ascii = fc.string({ minLength: 1, unit: 'grapheme-ascii' });
  const anything = fc.string({ minLength: 1, unit: 'binary' }).map((text) => text.replaceAll('\0', 'x'));

  it.each([
    ['bash', 'names of objects', names],
    ['bash', 'printable ASCII', ascii],
    ['bash', 'any text', anything],
    ['sh', 'names of objects', names],
    ['sh', 'printable ASCII', ascii],
  ] as const)('say the same words to %s with %s', (shell, _, texts) => {
    fc.assert(
      fc.property(texts, (name) => expectWordsOf(shell, name)),
      { numRuns: RUNS, seed: SEED },
    );
  });

  it.each([
    "'",
    '"',
    '$(x)',
    '`x`',
    '\\',
    ' ',
    '\n',
    '-n',
    '--all',
    '*',
    '~',
    '#',
    ';',
    '!',
    '\u001b[2J',
    'é',
  ])('say the same words to bash with %j', (name) => expectWordsOf('bash', name));

  it('show no control characters to a terminal', () => {
    expect(commandsOf('a\u001b[2Jb\nc\u202e').join('')).toMatch(/^[ -~]*$/);
  });
});
