// The commands of docs/restarts.md, run as they stand there by kubectl and a shell against an API server with the real
// controllers of Kubernetes. Kinds of other projects are stand-ins that take any spec, and nothing acts on them.
import { PLAIN_WORKLOADS } from '../../operator/model/plain-workloads.ts';
import { WORKLOAD_KINDS, type WorkloadKind } from '../../operator/model/workload-kind.ts';
import {
  CONTROL_PLANE_TIMEOUT_MS,
  type ControlPlane,
  startControlPlane,
} from '../support/cluster/control-plane.ts';
import { workloadCrds } from '../support/cluster/workload-kinds.ts';

const NAME = 'shop-2';
const NAMESPACE = 'default';
const BUILT_IN = ['apps', 'batch'];
const POD_SPEC = { containers: [{ name: 'main', image: 'example.com/none' }], restartPolicy: 'Never' };

/** Made by an operator that is not here. */
const FOREIGN = WORKLOAD_KINDS.filter(
  ({ owner }) => owner !== undefined && !BUILT_IN.includes(owner.group) && owner.group !== 'argoproj.io',
);

let controlPlane: ControlPlane;

beforeAll(async () => {
  controlPlane = await startControlPlane();
  await run(`kubectl apply --server-side -f - <<'END'\n${workloadCrds(FOREIGN.map(standIn))}\nEND`);
  await run('kubectl wait crd --all --for=condition=Established --timeout=60s');
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(() => controlPlane.stop());

function standIn({ owner }: WorkloadKind) {
  const { group = '', kind = '', plural = '' } = owner ?? {};
  return { apiVersion: `${group}/v1`, kind, plural };
}

function commandsOf({ commands }: WorkloadKind['restart']): readonly string[] {
  return commands({ namespace: NAMESPACE, name: NAME, podNames: [NAME] });
}

/** What it prints. Throws where it fails, or warns. */
async function run(script: string): Promise<string> {
  const { code, stdout, stderr } = await controlPlane.shell(script);
  if (code !== 0 || stderr !== '') throw new Error(`${script}\n${stderr}`);
  return stdout;
}

async function restart({ restart: procedure }: WorkloadKind): Promise<readonly string[]> {
  const printed: string[] = [];
  for (const command of commandsOf(procedure)) printed.push(await run(command));
  return printed;
}

function create(object: object): Promise<string> {
  return run(`kubectl create -f - <<'END'\n${JSON.stringify(object)}\nEND`);
}

async function read(object: string): Promise<Readonly<Record<string, unknown>>> {
  return JSON.parse(await run(`kubectl get ${object} -n ${NAMESPACE} -o json`));
}

function kindNamed(name: string): WorkloadKind {
  const found = WORKLOAD_KINDS.find((kind) => kind.name === name);
  if (found === undefined) throw new Error(`No kind is called "${name}"`);
  return found;
}

function objectOf(apiVersion: string, kind: string, rest: object): object {
  return { apiVersion, kind, metadata: { name: NAME, namespace: NAMESPACE }, ...rest };
}

const TEMPLATE = {
  selector: { matchLabels: { app: 'shop' } },
  template: { metadata: { labels: { app: 'shop' } }, spec: { ...POD_SPEC, restartPolicy: 'Always' } },
};

describe('a kind of another project', () => {
  const patched = FOREIGN.filter(({ restart: { action } }) => action.kind !== 'deletePods').filter(
    ({ owner }) => owner?.kind !== 'ScheduledSparkApplication',
  );

  it.each(patched.map((kind) => [kind.name, kind] as const))(
    '%s is changed by its commands',
    async (_, kind) => {
      const { apiVersion, kind: objectKind, plural } = standIn(kind);
      const status = { conditions: [{ type: 'Suspended', status: 'True' }] };
      await create(objectOf(apiVersion, objectKind, { spec: {}, status }));
      const printed = (await restart(kind)).join('');
      const { action } = kind.restart;
      const object = await read(`${plural}.${kind.owner?.group}/${NAME}`);
      // A patch that changes nothing says so.
      expect(printed.match(/ patched\n/g)).toHaveLength(action.kind === 'stopAndStart' ? 2 : 1);
      expect(JSON.stringify(object)).toMatch(EXPECTED[action.kind]);
    },
  );

  /** What is left in the object. */
  const EXPECTED = {
    annotateTemplate: /"kubectl.kubernetes.io\/restartedAt":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"/,
    stopAndStart: /"spec":\{("(suspend|paused)":false|"operatingMode":"Running")?\}/,
    none: /"spec":\{"(status|state)":"\w*Cancell?ed"\}/,
    deletePods: /never/,
  };

  it('of a schedule loses its runs', async () => {
    const labels = { 'sparkoperator.k8s.io/scheduled-app-name': NAME };
    await create({
      ...objectOf('sparkoperator.k8s.io/v1', 'SparkApplication', {}),
      metadata: { name: 'a-run', namespace: NAMESPACE, labels },
    });
    expect(await restart(kindNamed('ScheduledSparkApplication'))).toEqual([
      expect.stringContaining('"a-run" deleted'),
    ]);
  });
});

describe('pods', () => {
  it.each([
    'JupyterHub server',
    'Spark application (spark-submit)',
    'SparkConnect server',
    'Pods of another controller',
    'Pod without a controller',
  ])('of %s are deleted', async (name) => {
    const labels = { 'sparkoperator.k8s.io/connect-name': NAME };
    const pod = objectOf('v1', 'Pod', { spec: POD_SPEC });
    await create({ ...pod, metadata: { name: NAME, namespace: NAMESPACE, labels } });
    expect((await restart(kindNamed(name))).join('')).toContain(`pod "${NAME}" deleted`);
    expect(await run(`kubectl get pods -n ${NAMESPACE} -o name`)).not.toContain(`pod/${NAME}\n`);
  });
});

describe('a controller of Kubernetes', () => {
  const templated = [...PLAIN_WORKLOADS, kindNamed('Trino')].filter(({ owner }) => owner?.group === 'apps');

  it.each(templated.map((kind) => [kind.name, kind] as const))(
    '%s gets another template',
    async (_, kind) => {
      const objectKind = kind.owner?.kind ?? '';
      const service = objectKind === 'StatefulSet' ? { serviceName: 'shop' } : {};
      await create(objectOf('apps/v1', objectKind, { spec: { ...TEMPLATE, ...service } }));
      await restart(kind);
      const object = JSON.stringify(await read(`${objectKind}/${NAME}`));
      expect(object).toContain('"annotations":{"kubectl.kubernetes.io/restartedAt":');
      await run(`kubectl delete ${objectKind}/${NAME} -n ${NAMESPACE}`);
    },
  );

  const podsOfJob = (job: string): Promise<string> =>
    run(
      `kubectl get pods -n ${NAMESPACE} -l batch.kubernetes.io/job-name=${job} -o jsonpath={.items[*].metadata.uid}`,
    );

  const oncePodOfJob = async (job: string): Promise<string> => {
    for (;;) {
      const uid = await podsOfJob(job);
      if (uid !== '') return uid;
    }
  };

  it('Job has a new pod', async () => {
    await create(objectOf('batch/v1', 'Job', { spec: { template: { spec: POD_SPEC } } }));
    const before = await oncePodOfJob(NAME);
    await restart(kindNamed('Job'));
    const after = await oncePodOfJob(NAME);
    expect(after).not.toContain(before);
    await run(`kubectl delete job/${NAME} -n ${NAMESPACE}`);
  });

  it('CronJob has another Job in place of the one that runs, and others keep theirs', async () => {
    const jobTemplate = { spec: { template: { spec: POD_SPEC } } };
    await create(objectOf('batch/v1', 'CronJob', { spec: { schedule: '0 0 1 1 *', jobTemplate } }));
    await create({
      ...objectOf('batch/v1', 'Job', { spec: jobTemplate.spec }),
      metadata: { name: 'of-nobody', namespace: NAMESPACE },
    });
    await run(`kubectl create job -n ${NAMESPACE} --from=cronjob/${NAME} its-run`);
    await restart(kindNamed('CronJob'));
    const jobs = (await run(`kubectl get jobs -n ${NAMESPACE} -o name`)).trim().split('\n');
    expect(jobs).toEqual(['job.batch/of-nobody', expect.stringMatching(/^job\.batch\/shop-2-\d{10}$/)]);
  });
});
