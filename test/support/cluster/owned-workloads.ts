// One workload of each kind, with the owners and the labels that its operator, or a controller of Kubernetes, gives its pods.
export const KSERVE = 'serving.kserve.io/inferenceservice';

export interface OwnedWorkload {
  /** From the top to what makes the pod; without one the pod is made by hand. */
  readonly chain: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** How the command begins; kubectl stands before it. */
  readonly command: string;
  /** What is named in place of the top, where owners may not be read. */
  readonly unread?: string;
}

export const MODELS: readonly OwnedWorkload[] = [
  {
    chain: 'InferenceService echo > Deployment echo-predictor',
    labels: { [KSERVE]: 'echo', component: 'predictor' },
    command: 'patch inferenceservices.serving.kserve.io/echo',
  },
  {
    chain:
      'InferenceService llm > Service llm-predictor > Configuration llm-predictor > Revision llm-predictor-1 > Deployment llm-predictor-1-deployment',
    labels: { [KSERVE]: 'llm', 'serving.knative.dev/service': 'llm-predictor' },
    command: 'patch inferenceservices.serving.kserve.io/llm',
  },
  {
    chain: 'Service hello > Configuration hello > Revision hello-1 > Deployment hello-1-deployment',
    labels: { 'serving.knative.dev/service': 'hello' },
    command: 'patch services.serving.knative.dev/hello',
  },
  {
    chain: 'RayService rank > RayCluster rank-x',
    labels: {
      ...{ 'ray.io/originated-from-crd': 'RayService', 'ray.io/originated-from-cr-name': 'rank' },
      'ray.io/cluster': 'rank-x',
    },
    command: 'patch rayservices.ray.io/rank',
  },
  {
    chain: 'PipelineRun image > TaskRun image-build',
    labels: { 'tekton.dev/pipelineRun': 'image', 'tekton.dev/taskRun': 'image-build' },
    command: 'patch pipelineruns.tekton.dev/image',
  },
  {
    chain: 'TaskRun lone',
    labels: { 'tekton.dev/taskRun': 'lone' },
    command: 'patch taskruns.tekton.dev/lone',
  },
  {
    chain: 'BuildRun app > TaskRun app-1',
    labels: { 'buildrun.shipwright.io/name': 'app', 'tekton.dev/taskRun': 'app-1' },
    command: 'patch buildruns.shipwright.io/app',
  },
  {
    chain: 'Pod jupyter-ann',
    labels: { 'hub.jupyter.org/username': 'ann' },
    command: 'delete pod/jupyter-ann',
  },
  {
    chain: 'Notebook nb > StatefulSet nb',
    labels: { 'notebook-name': 'nb' },
    command: 'patch notebooks.kubeflow.org/nb',
  },
  {
    chain: 'Workspace ws > StatefulSet ws-1',
    labels: { 'notebooks.kubeflow.org/workspace-name': 'ws' },
    command: 'patch workspaces.kubeflow.org/ws',
  },
  {
    chain: 'Sandbox box',
    labels: { 'agents.x-k8s.io/sandbox-name-hash': '1a2b' },
    command: 'patch sandboxes.agents.x-k8s.io/box',
  },
  ...['trino-coordinator', 'trino-worker'].map((name) => ({
    chain: `Deployment ${name}`,
    labels: { 'app.kubernetes.io/name': 'trino' },
    command: `rollout restart deployment/${name}`,
  })),
  // Its InferenceService is gone, and its pods are labelled as before.
  {
    chain: 'Deployment left-over',
    labels: { [KSERVE]: 'gone' },
    command: 'rollout restart deployment/left-over',
    unread: 'InferenceService gone',
  },
  // Somebody labels its pod when it runs.
  {
    chain: 'Deployment relabelled',
    command: 'rollout restart deployment/relabelled',
    unread: 'InferenceService other',
  },
];

export const BATCH: readonly OwnedWorkload[] = [
  {
    chain: 'SparkApplication etl',
    labels: { 'spark-role': 'driver', 'sparkoperator.k8s.io/app-name': 'etl' },
    command: 'patch sparkapplications.sparkoperator.k8s.io/etl',
  },
  {
    chain: 'ScheduledSparkApplication daily > SparkApplication daily-1',
    labels: {
      'sparkoperator.k8s.io/app-name': 'daily-1',
      'sparkoperator.k8s.io/scheduled-app-name': 'daily',
    },
    command: 'delete sparkapplications.sparkoperator.k8s.io',
  },
  {
    chain: 'SparkConnect connect',
    labels: { 'sparkoperator.k8s.io/connect-name': 'connect' },
    command: 'delete pods',
  },
  {
    chain: 'Workflow flow',
    labels: { 'workflows.argoproj.io/workflow': 'flow' },
    command: 'argo stop',
  },
  {
    chain: 'CronJob nightly > Job nightly-1',
    command: 'delete -n batch $(kubectl get jobs',
    unread: 'Job nightly-1',
  },
  { chain: 'Job load', command: 'patch job/load' },
  {
    chain: 'JobSet train > Job train-0',
    labels: { 'jobset.sigs.k8s.io/jobset-name': 'train' },
    command: 'patch jobsets.jobset.x-k8s.io/train',
  },
  {
    chain: 'RayJob tune > RayCluster tune-x',
    labels: {
      ...{ 'ray.io/originated-from-crd': 'RayJob', 'ray.io/originated-from-cr-name': 'tune' },
      'ray.io/cluster': 'tune-x',
    },
    command: 'patch rayjobs.ray.io/tune',
  },
  {
    chain: 'RayCluster shared',
    labels: { 'ray.io/cluster': 'shared' },
    command: 'patch rayclusters.ray.io/shared',
  },
  { chain: 'Deployment web', command: 'rollout restart deployment/web' },
  { chain: 'StatefulSet db', command: 'rollout restart statefulset/db' },
  { chain: 'DaemonSet agent', command: 'rollout restart daemonset/agent' },
  { chain: 'Pod alone', command: 'delete pod/alone' },
  // Nobody has installed that kind.
  { chain: 'Unheard thing', command: 'delete -n batch pod/thing-pod' },
];
