// The workloads of products: by which labels and which owner each is recognised, and how it is restarted. Products are
// detected by it, so what is added here gives pods another product. One table that is read as one, so the file is long.
import type { Product } from './product.ts';
import {
  canceledBuild,
  deleteCommand,
  namedCommand,
  patchCommand,
  type RestartProcedure,
  redeploy,
  restartCronJob,
  rolloutRestart,
  SUSPENDED,
  stopAndStart,
  suspendedRun,
} from './restart-procedure.ts';
import { shellWord } from './shell-word.ts';

export interface ProductMark {
  readonly label: string;
  /** Left out: whatever the label says. */
  readonly value?: string;
}

export interface WorkloadKind {
  /** For people: "KServe InferenceService". */
  readonly name: string;
  /** That admission gives its pods; undefined where that follows from their label alone. */
  readonly product: Product | undefined;
  /** Labels of pods: one is enough. */
  readonly marks: readonly ProductMark[];
  /** The outermost owner of its pods; undefined where a pod is the workload itself. */
  readonly owner: { readonly group: string; readonly kind: string } | undefined;
  /** Of a pod: the name of the workload, where owners cannot be read. */
  readonly nameLabel: string | undefined;
  readonly restart: RestartProcedure;
}

const KSERVE: WorkloadKind = {
  name: 'KServe InferenceService',
  product: 'ML_SERVING',
  marks: [{ label: 'serving.kserve.io/inferenceservice' }],
  owner: { group: 'serving.kserve.io', kind: 'InferenceService' },
  nameLabel: 'serving.kserve.io/inferenceservice',
  // `kubectl rollout restart` of its Deployment is undone by KServe.
  restart: redeploy(
    {
      sentence:
        'Redeploy the endpoint: a changed annotation of the predictor makes new pods, and the old ones serve until those are ready. A transformer or an explainer needs the same in its own annotations',
      rule: 'R41',
    },
    'inferenceservices.serving.kserve.io',
    [
      ['spec', 'predictor', 'annotations'],
      ['spec', 'transformer', 'annotations'],
      ['spec', 'explainer', 'annotations'],
    ],
  ),
};

const KNATIVE: WorkloadKind = {
  name: 'Knative Service',
  product: 'ML_SERVING',
  marks: [
    { label: 'serving.knative.dev/service' },
    { label: 'serving.knative.dev/configuration' },
    { label: 'serving.knative.dev/revision' },
  ],
  owner: { group: 'serving.knative.dev', kind: 'Service' },
  nameLabel: 'serving.knative.dev/service',
  restart: redeploy(
    {
      sentence:
        'Redeploy the endpoint: a changed annotation makes a new Revision, and the old one serves until it is ready',
      rule: 'R41',
    },
    'services.serving.knative.dev',
    [['spec', 'template', 'metadata', 'annotations']],
  ),
};

const RAY_SERVICE: WorkloadKind = {
  name: 'Ray RayService',
  product: 'ML_SERVING',
  marks: [{ label: 'ray.io/originated-from-crd', value: 'RayService' }],
  owner: { group: 'ray.io', kind: 'RayService' },
  nameLabel: 'ray.io/originated-from-cr-name',
  restart: redeploy(
    {
      sentence:
        'Redeploy the endpoint: a changed annotation makes a new RayCluster, and the old one serves until it is ready. Not with upgradeStrategy "None"',
      rule: 'R41',
    },
    'rayservices.ray.io',
    [['spec', 'rayClusterConfig', 'headGroupSpec', 'template', 'metadata', 'annotations']],
  ),
};

const TASK_RUN: WorkloadKind = {
  name: 'Tekton TaskRun',
  product: 'ML_BUILD',
  marks: [{ label: 'tekton.dev/taskRun' }],
  owner: { group: 'tekton.dev', kind: 'TaskRun' },
  nameLabel: 'tekton.dev/taskRun',
  restart: canceledBuild('taskruns.tekton.dev', { spec: { status: 'TaskRunCancelled' } }),
};

const PIPELINE_RUN: WorkloadKind = {
  name: 'Tekton PipelineRun',
  product: 'ML_BUILD',
  marks: [{ label: 'tekton.dev/pipelineRun' }, { label: 'tekton.dev/pipelineTask' }],
  owner: { group: 'tekton.dev', kind: 'PipelineRun' },
  nameLabel: 'tekton.dev/pipelineRun',
  restart: canceledBuild('pipelineruns.tekton.dev', { spec: { status: 'Cancelled' } }),
};

// Image builders without an operator carry no label of their own.
const SHIPWRIGHT: WorkloadKind = {
  name: 'Shipwright BuildRun',
  product: 'ML_BUILD',
  marks: [{ label: 'build.shipwright.io/name' }, { label: 'buildrun.shipwright.io/name' }],
  owner: { group: 'shipwright.io', kind: 'BuildRun' },
  nameLabel: 'buildrun.shipwright.io/name',
  restart: canceledBuild('buildruns.shipwright.io', { spec: { state: 'BuildRunCanceled' } }),
};

const JUPYTERHUB: WorkloadKind = {
  name: 'JupyterHub server',
  product: 'NOTEBOOKS',
  marks: [
    { label: 'app.kubernetes.io/component', value: 'singleuser-server' },
    { label: 'component', value: 'singleuser-server' },
    { label: 'hub.jupyter.org/username' },
    { label: 'hub.jupyter.org/servername' },
  ],
  owner: undefined,
  nameLabel: undefined,
  restart: {
    sentence:
      'Stop the server and start it again, in the control panel of the Hub; or delete its pod, and its user starts it. Its kernels end',
    rule: 'R45',
    commands: (workload) => [deleteCommand('pod', workload)],
    action: { kind: 'deletePods' },
  },
};

const NOTEBOOK: WorkloadKind = {
  name: 'Kubeflow Notebook',
  product: 'NOTEBOOKS',
  marks: [{ label: 'notebook-name' }],
  owner: { group: 'kubeflow.org', kind: 'Notebook' },
  nameLabel: 'notebook-name',
  restart: stopAndStart(
    { sentence: 'Stop the notebook and start it again. Its kernels end; its volumes stay', rule: 'R45' },
    {
      resource: 'notebooks.kubeflow.org',
      // The controller looks whether it is there, not at what it says.
      stop: { metadata: { annotations: { 'kubeflow-resource-stopped': 'true' } } },
      start: { metadata: { annotations: { 'kubeflow-resource-stopped': null } } },
      podLabel: 'notebook-name',
    },
  ),
};

const NOTEBOOK_WORKSPACE: WorkloadKind = {
  name: 'Kubeflow Workspace (Notebooks 2)',
  product: 'NOTEBOOKS',
  marks: [{ label: 'notebooks.kubeflow.org/workspace-name' }],
  owner: { group: 'kubeflow.org', kind: 'Workspace' },
  nameLabel: 'notebooks.kubeflow.org/workspace-name',
  restart: stopAndStart(
    { sentence: 'Pause the workspace and resume it. Its kernels end; its volumes stay', rule: 'R45' },
    {
      resource: 'workspaces.kubeflow.org',
      stop: { spec: { paused: true } },
      start: { spec: { paused: false } },
      podLabel: 'notebooks.kubeflow.org/workspace-name',
    },
  ),
};

const SANDBOX_MODES = {
  stop: { spec: { operatingMode: 'Suspended' } },
  start: { spec: { operatingMode: 'Running' } },
};

/** The label of its pods has a hash of its name. */
const SANDBOX: WorkloadKind = {
  name: 'Agent Sandbox',
  product: 'NOTEBOOKS',
  marks: [{ label: 'agents.x-k8s.io/sandbox-name-hash' }],
  owner: { group: 'agents.x-k8s.io', kind: 'Sandbox' },
  nameLabel: undefined,
  restart: {
    sentence:
      'Suspend the sandbox and resume it. Its processes end; its volumes stay. Before version 0.5 of its controller set spec.replicas to 0 and to 1 instead',
    rule: 'R45',
    commands: (workload) => [
      patchCommand('sandboxes.agents.x-k8s.io', workload, SANDBOX_MODES.stop),
      `kubectl wait ${shellWord(`sandboxes.agents.x-k8s.io/${workload.name}`)} -n ${shellWord(workload.namespace)} --for=condition=Suspended --timeout=10m`,
      patchCommand('sandboxes.agents.x-k8s.io', workload, SANDBOX_MODES.start),
    ],
    action: { kind: 'stopAndStart', ...SANDBOX_MODES },
  },
};

const SPARK_SUBMIT: WorkloadKind = {
  name: 'Spark application (spark-submit)',
  product: 'PIPELINES',
  marks: [{ label: 'spark-role' }, { label: 'spark-app-selector' }],
  owner: undefined,
  nameLabel: undefined,
  restart: {
    sentence:
      'Stop it by deleting the pod of its driver, which its executors follow, and submit it again in the way it was submitted',
    rule: 'R42',
    commands: (workload) => [deleteCommand('pod', workload)],
    action: { kind: 'none', why: 'only who submitted it can submit it again' },
  },
};

const SPARK_APPLICATION: WorkloadKind = {
  name: 'SparkApplication',
  product: 'PIPELINES',
  marks: [{ label: 'sparkoperator.k8s.io/app-name' }, { label: 'sparkoperator.k8s.io/submission-id' }],
  owner: { group: 'sparkoperator.k8s.io', kind: 'SparkApplication' },
  nameLabel: 'sparkoperator.k8s.io/app-name',
  restart: stopAndStart(
    {
      sentence:
        'Stop the pipeline and start it again: it runs from its beginning. Before version 2.4 of the operator delete the object and apply it',
      rule: 'R42',
    },
    {
      resource: 'sparkapplications.sparkoperator.k8s.io',
      ...SUSPENDED,
      podLabel: 'sparkoperator.k8s.io/app-name',
    },
  ),
};

const SCHEDULED_SPARK: WorkloadKind = {
  name: 'ScheduledSparkApplication',
  product: 'PIPELINES',
  marks: [{ label: 'sparkoperator.k8s.io/scheduled-app-name' }],
  owner: { group: 'sparkoperator.k8s.io', kind: 'ScheduledSparkApplication' },
  nameLabel: 'sparkoperator.k8s.io/scheduled-app-name',
  restart: {
    sentence: 'The next run has it by itself. To end the present one, delete its SparkApplication',
    rule: 'R42',
    commands: ({ namespace, name }) => [
      `kubectl delete sparkapplications.sparkoperator.k8s.io -n ${shellWord(namespace)} -l ${shellWord(`sparkoperator.k8s.io/scheduled-app-name=${name}`)}`,
    ],
    action: { kind: 'none', why: 'the next run has it by itself, and a run that is deleted is lost' },
  },
};

const SPARK_CONNECT: WorkloadKind = {
  name: 'SparkConnect server',
  product: 'PIPELINES',
  marks: [{ label: 'sparkoperator.k8s.io/connect-name' }],
  owner: { group: 'sparkoperator.k8s.io', kind: 'SparkConnect' },
  nameLabel: 'sparkoperator.k8s.io/connect-name',
  restart: {
    sentence:
      'Databricks restarts the Spark compute of notebooks by itself: after most changes within ten minutes, after one of access mode, dry-run or enforcement within 24 hours, or as soon as all notebooks and jobs on it are stopped. Here, stop those and delete its pods: the operator makes new ones',
    rule: 'R46-R48',
    commands: ({ namespace, name }) => [
      `kubectl delete pods -n ${shellWord(namespace)} -l ${shellWord(`sparkoperator.k8s.io/connect-name=${name}`)}`,
    ],
    action: { kind: 'deletePods' },
  },
};

// Spark Thrift and Kyuubi have no label of their own.
const TRINO: WorkloadKind = {
  name: 'Trino',
  product: 'DBSQL',
  marks: [{ label: 'app.kubernetes.io/name', value: 'trino' }],
  owner: { group: 'apps', kind: 'Deployment' },
  nameLabel: undefined,
  restart: rolloutRestart(
    {
      sentence:
        'Stop the warehouse and start it again: the coordinator and the workers, each a Deployment. Queries that run on a pod end with it',
      rule: 'R43',
    },
    'deployment',
  ),
};

const ARGO: WorkloadKind = {
  name: 'Argo Workflow',
  product: 'JOBS',
  marks: [{ label: 'workflows.argoproj.io/workflow' }],
  owner: { group: 'argoproj.io', kind: 'Workflow' },
  nameLabel: 'workflows.argoproj.io/workflow',
  restart: {
    sentence: 'The next run has it by itself. To have it now, stop this one and submit it again',
    rule: 'R44',
    commands: (workload) => [namedCommand('argo stop', workload), namedCommand('argo resubmit', workload)],
    action: { kind: 'none', why: 'a run that is submitted again is another Workflow, which `argo` makes' },
  },
};

const JOB_SET: WorkloadKind = {
  name: 'JobSet',
  product: 'JOBS',
  marks: [{ label: 'jobset.sigs.k8s.io/jobset-name' }],
  owner: { group: 'jobset.x-k8s.io', kind: 'JobSet' },
  nameLabel: 'jobset.sigs.k8s.io/jobset-name',
  restart: suspendedRun('jobsets.jobset.x-k8s.io', 'jobset.sigs.k8s.io/jobset-name'),
};

const RAY_JOB: WorkloadKind = {
  name: 'Ray RayJob',
  product: 'JOBS',
  marks: [{ label: 'ray.io/originated-from-crd', value: 'RayJob' }],
  owner: { group: 'ray.io', kind: 'RayJob' },
  nameLabel: 'ray.io/originated-from-cr-name',
  restart: suspendedRun('rayjobs.ray.io', 'ray.io/originated-from-cr-name'),
};

const CRON_JOB: WorkloadKind = {
  name: 'CronJob',
  product: 'JOBS',
  marks: [],
  owner: { group: 'batch', kind: 'CronJob' },
  nameLabel: undefined,
  restart: {
    sentence:
      'The next run has it by itself. To have it now, delete the Jobs of it that have not succeeded, and create one',
    rule: 'R44',
    commands: restartCronJob,
    action: { kind: 'none', why: 'the next run has it by itself, and a run that is deleted is lost' },
  },
};

const JOB: WorkloadKind = {
  name: 'Job',
  product: 'JOBS',
  marks: [{ label: 'batch.kubernetes.io/job-name' }, { label: 'batch.kubernetes.io/controller-uid' }],
  owner: { group: 'batch', kind: 'Job' },
  nameLabel: 'batch.kubernetes.io/job-name',
  restart: suspendedRun('job', 'batch.kubernetes.io/job-name'),
};

/** In order: the first product of which one mark fits. Jobs come last, since the others run as Jobs too. */
export const PRODUCT_WORKLOADS: readonly WorkloadKind[] = [
  KSERVE,
  KNATIVE,
  RAY_SERVICE,
  TASK_RUN,
  PIPELINE_RUN,
  SHIPWRIGHT,
  JUPYTERHUB,
  NOTEBOOK,
  NOTEBOOK_WORKSPACE,
  SANDBOX,
  SPARK_SUBMIT,
  SPARK_APPLICATION,
  SCHEDULED_SPARK,
  SPARK_CONNECT,
  TRINO,
  ARGO,
  JOB_SET,
  RAY_JOB,
  CRON_JOB,
  JOB,
];

/** Whose pods carry the labels of another one too: these are looked for first. */
export const BUILT_ON_OTHERS: readonly WorkloadKind[] = [
  SHIPWRIGHT,
  PIPELINE_RUN,
  SPARK_CONNECT,
  SCHEDULED_SPARK,
  SPARK_APPLICATION,
];
