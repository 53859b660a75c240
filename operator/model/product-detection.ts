// How the product of a pod is recognised from the labels that operators of other projects put on it, where the pod does
// not name its product itself. Admission policies are generated from this table.
import { PRODUCTS, type Product } from './product.ts';
import { PRODUCT_LABEL } from './stamp.ts';

export interface ProductMark {
  readonly label: string;
  /** Left out: whatever the label says. */
  readonly value?: string;
}

/** In order: the first product of which one mark fits. Jobs come last, since the others run as Jobs too. */
export const PRODUCT_DETECTION: readonly (readonly [Product, readonly ProductMark[]])[] = [
  [
    'ML_SERVING',
    [
      // KServe, Knative, Ray Serve.
      { label: 'serving.kserve.io/inferenceservice' },
      { label: 'serving.knative.dev/service' },
      { label: 'serving.knative.dev/configuration' },
      { label: 'serving.knative.dev/revision' },
      { label: 'ray.io/originated-from-crd', value: 'RayService' },
    ],
  ],
  [
    'ML_BUILD',
    [
      // Tekton, Shipwright. Image builders without an operator carry no label of their own.
      { label: 'tekton.dev/taskRun' },
      { label: 'tekton.dev/pipelineRun' },
      { label: 'tekton.dev/pipelineTask' },
      { label: 'build.shipwright.io/name' },
      { label: 'buildrun.shipwright.io/name' },
    ],
  ],
  [
    'NOTEBOOKS',
    [
      // JupyterHub, Kubeflow Notebooks 1 and 2.
      { label: 'app.kubernetes.io/component', value: 'singleuser-server' },
      { label: 'component', value: 'singleuser-server' },
      { label: 'hub.jupyter.org/username' },
      { label: 'hub.jupyter.org/servername' },
      { label: 'notebook-name' },
      { label: 'notebooks.kubeflow.org/workspace-name' },
    ],
  ],
  [
    'PIPELINES',
    [
      // Spark operator, and Spark by itself.
      { label: 'spark-role' },
      { label: 'spark-app-selector' },
      { label: 'sparkoperator.k8s.io/app-name' },
      { label: 'sparkoperator.k8s.io/submission-id' },
      { label: 'sparkoperator.k8s.io/scheduled-app-name' },
      { label: 'sparkoperator.k8s.io/connect-name' },
    ],
  ],
  // Trino. Spark Thrift and Kyuubi have no label of their own.
  ['DBSQL', [{ label: 'app.kubernetes.io/name', value: 'trino' }]],
  [
    'JOBS',
    [
      // Argo Workflows, JobSet, RayJob, Jobs and CronJobs.
      { label: 'workflows.argoproj.io/workflow' },
      { label: 'jobset.sigs.k8s.io/jobset-name' },
      { label: 'ray.io/originated-from-crd', value: 'RayJob' },
      { label: 'batch.kubernetes.io/job-name' },
      { label: 'batch.kubernetes.io/controller-uid' },
    ],
  ],
];

/** What admission wrote goes before what other operators did; null where nothing names a product. */
export function productOfLabels(labels: Readonly<Record<string, string>>): Product | null {
  const stamped = PRODUCTS.find((product) => product === labels[PRODUCT_LABEL]);
  if (stamped !== undefined) return stamped;
  const fits = ({ label, value }: ProductMark): boolean =>
    labels[label] !== undefined && (value === undefined || labels[label] === value);
  return PRODUCT_DETECTION.find(([, marks]) => marks.some(fits))?.[0] ?? null;
}
