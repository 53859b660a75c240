// Pods that ask by themselves, as workloads do: what they try is in their command, and its outcomes are their output.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../until.ts';
import { kubectl, ROOT } from './commands.ts';
import type { Pod } from './pods.ts';
import type { Attempt } from './reach.ts';
import { WORKLOAD_IMAGE } from './workspaces.ts';

export interface Workload {
  readonly kind: 'Pod' | 'Deployment' | 'StatefulSet' | 'Job' | 'CronJob';
  readonly name: string;
  readonly namespace: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly attempts: readonly Attempt[];
  /** The controller of a bare pod. */
  readonly ownedBy?: { readonly kind: string; readonly name: string; readonly uid: string };
  readonly spec?: object;
  /** A Job that goes on running; others do by themselves. */
  readonly stays?: boolean;
}

const API_VERSIONS = {
  Pod: 'v1',
  Deployment: 'apps/v1',
  StatefulSet: 'apps/v1',
  Job: 'batch/v1',
  CronJob: 'batch/v1',
} as const;

/** An object for `kubectl apply`, as JSON. Pods of it have the label "app" with its name. */
export async function workloadYaml(workload: Workload): Promise<string> {
  const { kind, name, namespace, labels, ownedBy } = workload;
  const endsByItself = kind === 'Job' || kind === 'CronJob';
  const marks = { app: name, ...labels };
  const template = { metadata: { labels: marks }, spec: await podSpec(workload, endsByItself) };
  const selecting = { selector: { matchLabels: { app: name } }, template };
  const jobTemplate = { spec: { backoffLimit: 0, template } };
  const specs = {
    Pod: template.spec,
    Deployment: selecting,
    StatefulSet: { ...selecting, serviceName: name },
    Job: jobTemplate.spec,
    // Only whoever creates a Job from it starts it.
    CronJob: { schedule: '0 0 1 1 *', suspend: true, jobTemplate },
  };
  const owners =
    ownedBy === undefined ? [] : [{ apiVersion: API_VERSIONS.Pod, controller: true, ...ownedBy }];
  const metadata = {
    ...{ name, namespace, ownerReferences: owners },
    ...(kind === 'Pod' && { labels: marks }),
  };
  return `${JSON.stringify({ apiVersion: API_VERSIONS[kind], kind, metadata, spec: specs[kind] })}\n---\n`;
}

async function podSpec(
  { kind, attempts, spec, stays = false }: Workload,
  endsByItself: boolean,
): Promise<object> {
  const program = await readFile(join(ROOT, 'test/nodes/pod/reach.mjs'), 'utf8');
  const args = [JSON.stringify(attempts), ...((endsByItself && !stays) || kind === 'Pod' ? [] : ['stay'])];
  const command = ['node', '--input-type=module', '--eval', program, ...args];
  return {
    restartPolicy: kind === 'Deployment' || kind === 'StatefulSet' ? 'Always' : 'Never',
    terminationGracePeriodSeconds: 1,
    ...spec,
    containers: [{ name: 'probe', image: WORKLOAD_IMAGE, command }],
  };
}

/** What a pod wrote about its attempts, in their order: the client's own list. */
export async function outcomesOf({ metadata: { name, namespace } }: Pod): Promise<readonly string[]> {
  let text = '';
  await until(`pod "${name}" has tried everything`, async () => {
    text = await kubectl(['-n', namespace, 'logs', name]).catch(() => '');
    return text !== '';
  });
  return JSON.parse(text) as readonly string[];
}
