// The workloads of products: by which labels and which owner each is recognised, and how it is restarted. Products are
// detected by it, so what is added here gives pods another product. One table that is read as one, so the file is long.
import { owned, type WorkloadKind } from './owned-workload.ts';
import {
  canceledBuild,
  deleteByLabel,
  deleteCommand,
  namedCommand,
  redeploy,
  restartCronJob,
  rolloutRestart,
  SUSPENDED,
  stopAndStart,
  suspendedRun,
} from './restart-procedure.ts';

const KSERVE = owned({
  name: 'KServe InferenceService',
  product: 'ML_SERVING',
  marks: [{ label: 'serving.kserve.io/inferenceservice' }],
  owner: { group: 'serving.kserve.io', kind: 'InferenceService', plural: 'inferenceservices' },
  nameLabel: 'serving.kserve.io/inferenceservice',
  // `kubectl rollout restart` of its Deployment is undone by KServe.
  restart: (resource) =>
    redeploy(
      {
        sentence:
          'Redeploy the endpoint: a changed annotation of the predictor makes new pods, and the old ones serve until those are ready. A transformer or an explainer needs the same in its own annotations',
        rule: 'R41',
      },
      resource,
      [
        ['spec', 'predictor', 'annotations'],
        ['spec', 'transformer', 'annotations'],
        ['spec', 'explainer', 'annotations'],
      ],
    ),
});

const KNATIVE = owned({
  name: 'Knative Service',
  product: 'ML_SERVING',
  marks: [
    { label: 'serving.knative.dev/service' },
    { label: 'serving.knative.dev/configuration' },
    { label: 'serving.knative.dev/revision' },
  ],
  owner: {
    ...{ group: 'serving.knative.dev', kind: 'Service', plural: 'services' },
    through: ['configurations', 'revisions'],
  },
  nameLabel: 'serving.knative.dev/service',
  restart: (resource) =>
    redeploy(
      {
        sentence:
          'Redeploy the endpoint: a changed annotation makes a new Revision, and the old one serves until it is ready',
        rule: 'R41',
      },
      resource,
      [['spec', 'template', 'metadata', 'annotations']],
    ),
});

const RAY_SERVICE = owned({
  name: 'Ray RayService',
  product: 'ML_SERVING',
  marks: [{ label: 'ray.io/originated-from-crd', value: 'RayService' }],
  owner: { group: 'ray.io', kind: 'RayService', plural: 'rayservices' },
  nameLabel: 'ray.io/originated-from-cr-name',
  restart: (resource) =>
    redeploy(
      {
        sentence:
          'Redeploy the endpoint: a changed annotation makes a new RayCluster, and the old one serves until it is ready. Not with upgradeStrategy "None"',
        rule: 'R41',
      },
      resource,
      [['spec', 'rayClusterConfig', 'headGroupSpec', 'template', 'metadata', 'annotations']],
    ),
});

const TASK_RUN = owned({
  name: 'Tekton TaskRun',
  product: 'ML_BUILD',
  marks: [{ label: 'tekton.dev/taskRun' }],
  owner: { group: 'tekton.dev', kind: 'TaskRun', plural: 'taskruns' },
  nameLabel: 'tekton.dev/taskRun',
  restart: (resource) => canceledBuild(resource, { spec: { status: 'TaskRunCancelled' } }),
});

const PIPELINE_RUN = owned({
  name: 'Tekton PipelineRun',
  product: 'ML_BUILD',
  marks: [{ label: 'tekton.dev/pipelineRun' }, { label: 'tekton.dev/pipelineTask' }],
  owner: { group: 'tekton.dev', kind: 'PipelineRun', plural: 'pipelineruns' },
  nameLabel: 'tekton.dev/pipelineRun',
  restart: (resource) => canceledBuild(resource, { spec: { status: 'Cancelled' } }),
});

// Image builders without an operator carry no label of their own.
const SHIPWRIGHT = owned({
  name: 'Shipwright BuildRun',
  product: 'ML_BUILD',
  marks: [{ label: 'build.shipwright.io/name' }, { label: 'buildrun.shipwright.io/name' }],
  owner: { group: 'shipwright.io', kind: 'BuildRun', plural: 'buildruns' },
  nameLabel: 'buildrun.shipwright.io/name',
  restart: (resource) => canceledBuild(resource, { spec: { state: 'BuildRunCanceled' } }),
});

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
    action: { kind: 'none', why: 'nothing makes a new pod until its user starts the server' },
  },
};

const NOTEBOOK = owned({
  name: 'Kubeflow Notebook',
  product: 'NOTEBOOKS',
  marks: [{ label: 'notebook-name' }],
  owner: { group: 'kubeflow.org', kind: 'Notebook', plural: 'notebooks' },
  nameLabel: 'notebook-name',
  restart: (resource) =>
    stopAndStart(
      { sentence: 'Stop the notebook and start it again. Its kernels end; its volumes stay', rule: 'R45' },
      {
        resource,
        // The controller looks whether it is there, not at what it says.
        stop: { metadata: { annotations: { 'kubeflow-resource-stopped': 'true' } } },
        start: { metadata: { annotations: { 'kubeflow-resource-stopped': null } } },
        podLabel: 'notebook-name',
      },
    ),
});

const NOTEBOOK_WORKSPACE = owned({
  name: 'Kubeflow Workspace (Notebooks 2)',
  product: 'NOTEBOOKS',
  marks: [{ label: 'notebooks.kubeflow.org/workspace-name' }],
  owner: { group: 'kubeflow.org', kind: 'Workspace', plural: 'workspaces' },
  nameLabel: 'notebooks.kubeflow.org/workspace-name',
  restart: (resource) =>
    stopAndStart(
      { sentence: 'Pause the workspace and resume it. Its kernels end; its volumes stay', rule: 'R45' },
      {
        resource,
        stop: { spec: { paused: true } },
        start: { spec: { paused: false } },
        podLabel: 'notebooks.kubeflow.org/workspace-name',
      },
    ),
});

/** The label of its pods has a hash of its name. */
const SANDBOX = owned({
  name: 'Agent Sandbox',
  product: 'NOTEBOOKS',
  marks: [{ label: 'agents.x-k8s.io/sandbox-name-hash' }],
  owner: { group: 'agents.x-k8s.io', kind: 'Sandbox', plural: 'sandboxes' },
  nameLabel: undefined,
  restart: (resource) =>
    stopAndStart(
      {
        sentence:
          'Suspend the sandbox and resume it. Its processes end; its volumes stay. Before version 0.5 of its controller set spec.replicas to 0 and to 1 instead',
        rule: 'R45',
      },
      {
        resource,
        stop: { spec: { operatingMode: 'Suspended' } },
        start: { spec: { operatingMode: 'Running' } },
        condition: 'Suspended',
      },
    ),
});

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

const SPARK_APPLICATION = owned({
  name: 'SparkApplication',
  product: 'PIPELINES',
  marks: [{ label: 'sparkoperator.k8s.io/app-name' }, { label: 'sparkoperator.k8s.io/submission-id' }],
  owner: { group: 'sparkoperator.k8s.io', kind: 'SparkApplication', plural: 'sparkapplications' },
  nameLabel: 'sparkoperator.k8s.io/app-name',
  restart: (resource) =>
    stopAndStart(
      {
        sentence:
          'Stop the pipeline and start it again: it runs from its beginning. Before version 2.4 of the operator delete the object and apply it',
        rule: 'R42',
      },
      {
        resource,
        ...SUSPENDED,
        podLabel: 'sparkoperator.k8s.io/app-name',
      },
    ),
});

const SCHEDULED_SPARK: WorkloadKind = {
  name: 'ScheduledSparkApplication',
  product: 'PIPELINES',
  marks: [{ label: 'sparkoperator.k8s.io/scheduled-app-name' }],
  owner: {
    group: 'sparkoperator.k8s.io',
    kind: 'ScheduledSparkApplication',
    plural: 'scheduledsparkapplications',
  },
  nameLabel: 'sparkoperator.k8s.io/scheduled-app-name',
  restart: {
    sentence: 'The next run has it by itself. To end the present one, delete its SparkApplication',
    rule: 'R42',
    commands: deleteByLabel(
      'sparkapplications.sparkoperator.k8s.io',
      'sparkoperator.k8s.io/scheduled-app-name',
    ),
    action: { kind: 'none', why: 'the next run has it by itself, and a run that is deleted is lost' },
  },
};

const SPARK_CONNECT: WorkloadKind = {
  name: 'SparkConnect server',
  product: 'PIPELINES',
  marks: [{ label: 'sparkoperator.k8s.io/connect-name' }],
  owner: { group: 'sparkoperator.k8s.io', kind: 'SparkConnect', plural: 'sparkconnects' },
  nameLabel: 'sparkoperator.k8s.io/connect-name',
  restart: {
    sentence:
      'Databricks restarts the Spark compute of notebooks by itself: after most changes within ten minutes, after one of access mode, dry-run or enforcement within 24 hours, or as soon as all notebooks and jobs on it are stopped. Here, stop those and delete its pods: the operator makes new ones',
    rule: 'R46-R48',
    commands: deleteByLabel('pods', 'sparkoperator.k8s.io/connect-name'),
    action: { kind: 'deletePods' },
  },
};

// Spark Thrift and Kyuubi have no label of their own.
const TRINO: WorkloadKind = {
  name: 'Trino',
  product: 'DBSQL',
  marks: [{ label: 'app.kubernetes.io/name', value: 'trino' }],
  owner: { group: 'apps', kind: 'Deployment', plural: 'deployments' },
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
  owner: { group: 'argoproj.io', kind: 'Workflow', plural: 'workflows' },
  nameLabel: 'workflows.argoproj.io/workflow',
  restart: {
    sentence: 'The next run has it by itself. To have it now, stop this one and submit it again',
    rule: 'R44',
    commands: (workload) => [namedCommand('argo stop', workload), namedCommand('argo resubmit', workload)],
    action: { kind: 'none', why: 'a run that is submitted again is another Workflow, which `argo` makes' },
  },
};

const JOB_SET = owned({
  name: 'JobSet',
  product: 'JOBS',
  marks: [{ label: 'jobset.sigs.k8s.io/jobset-name' }],
  owner: { group: 'jobset.x-k8s.io', kind: 'JobSet', plural: 'jobsets' },
  nameLabel: 'jobset.sigs.k8s.io/jobset-name',
  restart: (resource) => suspendedRun(resource, 'jobset.sigs.k8s.io/jobset-name'),
});

const RAY_JOB = owned({
  name: 'Ray RayJob',
  product: 'JOBS',
  marks: [{ label: 'ray.io/originated-from-crd', value: 'RayJob' }],
  owner: { group: 'ray.io', kind: 'RayJob', plural: 'rayjobs' },
  nameLabel: 'ray.io/originated-from-cr-name',
  restart: (resource) => suspendedRun(resource, 'ray.io/originated-from-cr-name'),
});

const CRON_JOB: WorkloadKind = {
  name: 'CronJob',
  product: 'JOBS',
  marks: [],
  owner: { group: 'batch', kind: 'CronJob', plural: 'cronjobs' },
  nameLabel: undefined,
  restart: {
    sentence:
      'The next run has it by itself. To have it now, delete its Jobs that have not succeeded, those made by hand too, and create one',
    rule: 'R44',
    commands: restartCronJob,
    action: { kind: 'none', why: 'the next run has it by itself, and a run that is deleted is lost' },
  },
};

const JOB: WorkloadKind = {
  name: 'Job',
  product: 'JOBS',
  marks: [{ label: 'batch.kubernetes.io/job-name' }, { label: 'batch.kubernetes.io/controller-uid' }],
  owner: { group: 'batch', kind: 'Job', plural: 'jobs' },
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
