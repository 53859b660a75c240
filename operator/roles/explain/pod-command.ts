// `kubectl sallyport explain pod/NAME HOST -n WORKSPACE`: what happens to a connection of a pod that runs, now and after a
// restart, by what the gateways have and with the rights of the person.
// Exit status: 0 where the connection passes now, 1 where it is denied, 2 where the question cannot be answered.
import {
  type Explanation,
  explainPod,
  formatExplanation,
  parseDestination,
  type RunningPod,
} from '../../compile/explain.ts';
import type { KubernetesObject } from '../../lib/kubernetes/api-object.ts';
import { EGRESS_TABLES, PODS, WORKSPACE_PLANS } from '../../model/cluster-resources.ts';
import { moveOf } from '../../model/moved-pod.ts';
import { parseEgressTable, parseWorkspacePlan } from '../../model/parse-compiled.ts';
import { productOfLabels } from '../../model/product-detection.ts';
import { EXEMPTED_PRODUCT, ISOLATED_BY_ANNOTATION, LANE_LABEL } from '../../model/stamp.ts';
import { type PersonConfig, type PersonOptions, readPersonConfig } from '../../person-config.ts';
import { readCompiled } from '../shared/compiled-objects.ts';
import { connectPerson, contextNamespace, type PersonApi, readOne } from '../shared/person-access.ts';
import { printableField } from '../shared/person-terminal.ts';

export interface PodExplainOptions extends PersonOptions {
  /** Of the pod; that of the context where left out. */
  readonly namespace?: string;
}

const ALLOWED = 0;
const DENIED = 1;
const UNANSWERED = 2;

const POD_NAME = /^(?:pods?\/)?([a-z0-9]([a-z0-9.-]*[a-z0-9])?)$/;

/** What to print, and the exit status. */
export interface PodAnswer {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

export async function explainPodCommand(
  [pod, destination]: readonly [string, string],
  options: PodExplainOptions,
  environment: NodeJS.ProcessEnv,
): Promise<PodAnswer> {
  try {
    const config = readPersonConfig(options, environment);
    const namespace = options.namespace ?? (await contextNamespace(config));
    const explanation = await explainOf({ pod, destination, namespace, config });
    const text = formatExplanation(explanation);
    if ('error' in explanation) return { status: UNANSWERED, out: '', err: text };
    return { status: explanation.allowed ? ALLOWED : DENIED, out: text, err: '' };
  } catch (error) {
    return { status: UNANSWERED, out: '', err: `${printableField((error as Error).message)}\n` };
  }
}

interface Question {
  readonly pod: string;
  readonly destination: string;
  readonly namespace: string;
  readonly config: PersonConfig;
}

async function explainOf({ pod, destination: text, namespace, config }: Question): Promise<Explanation> {
  const name = POD_NAME.exec(pod)?.[1];
  if (name === undefined)
    throw new Error(`Cannot read "${pod}": name a pod, for example "pod/etl-0", and its Namespace with -n`);
  const destination = parseDestination(text);
  if (destination === undefined)
    throw new Error(
      `Cannot read destination "${text}": write a host such as "example.com", "example.com:8443" or "http://example.com"`,
    );
  const api = await connectPerson(config);
  try {
    const running = await readPod(api, { namespace, name });
    const compiled = await readPlanned(api, config.systemNamespace, namespace);
    return explainPod(compiled, running, { destination, atMs: Date.now() });
  } finally {
    await api.close();
  }
}

async function readPod(
  api: PersonApi,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): Promise<RunningPod> {
  const found = (await readOne(api, PODS, { namespace, name })) as KubernetesObject | undefined;
  if (found === undefined)
    throw new Error(
      `Cannot find pod "${name}" in Namespace "${namespace}": see "kubectl get pods -n ${namespace}"`,
    );
  const { labels = {}, annotations = {} } = found.metadata;
  const lane = labels[LANE_LABEL] ?? '';
  const product = productOfLabels(labels) ?? EXEMPTED_PRODUCT;
  return { name, lane, product, changed: changeOf(annotations) };
}

function changeOf(annotations: Readonly<Record<string, string>>): RunningPod['changed'] {
  if (annotations[ISOLATED_BY_ANNOTATION] !== undefined) return 'isolated at a deadline';
  return moveOf(annotations) === undefined ? undefined : 'moved before it started';
}

async function readPlanned(api: PersonApi, namespace: string, workspace: string) {
  const plans = { resource: WORKSPACE_PLANS, namespace, parse: parseWorkspacePlan };
  const plan = await readCompiled(api, plans, workspace);
  if (plan === undefined)
    throw new Error(
      `Cannot explain pods of Namespace "${workspace}": it is no workspace of Sallyport in Namespace "${namespace}", so nothing there is restricted by it; see "kubectl sallyport status"`,
    );
  const name = plan.spec.table;
  const table = await readCompiled(
    api,
    { resource: EGRESS_TABLES, namespace, parse: parseEgressTable },
    name,
  );
  if (table === undefined)
    throw new Error(
      `Cannot find EgressTable "${name}" in Namespace "${namespace}": the operator is about to write it; try again`,
    );
  return { plan, table };
}
