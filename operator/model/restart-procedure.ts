// How a workload is restarted: in words, as commands for people, and as what a program can do by itself. The commands of a
// procedure are made of its action, so that both do the same.
import { shellOperand, shellWord } from './shell-word.ts';

export interface RestartTarget {
  readonly namespace: string;
  readonly name: string;
  /** Those that have to go, where only its pods can be named. */
  readonly podNames?: readonly string[];
}

export interface RestartProcedure {
  /** For people: what is done, and what it means for those who use the workload. */
  readonly sentence: string;
  /** Of docs/rules.md. */
  readonly rule: string;
  /** To be run one after the other. */
  readonly commands: (workload: RestartTarget) => readonly string[];
  readonly action: RestartAction;
}

export type MergePatch = Readonly<Record<string, unknown>>;

export type RestartAction =
  /** A new time as RESTARTED_AT_ANNOTATION in each of these objects that is there: the controller makes new pods. */
  | { readonly kind: 'annotateTemplate'; readonly annotations: readonly (readonly string[])[] }
  /** Merge patches of the workload: the second one once none of its former pods is left. */
  | { readonly kind: 'stopAndStart'; readonly stop: MergePatch; readonly start: MergePatch }
  /** Something else makes new ones. */
  | { readonly kind: 'deletePods' }
  /** A sentence for people. */
  | { readonly kind: 'none'; readonly why: string };

/** That of `kubectl rollout restart`. */
export const RESTARTED_AT_ANNOTATION = 'kubectl.kubernetes.io/restartedAt';

type Words = Pick<RestartProcedure, 'sentence' | 'rule'>;

/** Long enough for the grace period of most pods. */
const TIMEOUT = '10m';
const NOW = `'"$(date -u +%Y-%m-%dT%H:%M:%SZ)"'`;
const NOW_PLACE = '@now@';

/** `resource` as kubectl takes it: "deployment", or "services.serving.knative.dev". */
export function rolloutRestart(words: Words, resource: string): RestartProcedure {
  return {
    ...words,
    commands: ({ namespace, name }) => [
      `kubectl rollout restart ${shellWord(`${resource}/${name}`)} -n ${shellWord(namespace)}`,
    ],
    action: { kind: 'annotateTemplate', annotations: [['spec', 'template', 'metadata', 'annotations']] },
  };
}

/** The command changes the first of the objects, which every workload of the kind has. */
export function redeploy(
  words: Words,
  resource: string,
  annotations: readonly [readonly string[], ...(readonly string[])[]],
): RestartProcedure {
  const patch = [...annotations[0]].reduceRight<unknown>((inner, field) => ({ [field]: inner }), {
    [RESTARTED_AT_ANNOTATION]: NOW_PLACE,
  });
  return {
    ...words,
    commands: (workload) => [patchCommand(resource, workload, patch).replace(NOW_PLACE, NOW)],
    action: { kind: 'annotateTemplate', annotations },
  };
}

interface Switch {
  readonly resource: string;
  readonly stop: MergePatch;
  readonly start: MergePatch;
}

/** By a label of its pods with its name, or by a condition of its own: when it has stopped. */
type Stopped = { readonly podLabel: string } | { readonly condition: string };

export function stopAndStart(words: Words, how: Switch & Stopped): RestartProcedure {
  const { resource, stop, start } = how;
  return {
    ...words,
    commands: (workload) => [
      patchCommand(resource, workload, stop),
      waitCommand(how, workload),
      patchCommand(resource, workload, start),
    ],
    action: { kind: 'stopAndStart', stop, start },
  };
}

function waitCommand(how: Switch & Stopped, { namespace, name }: RestartTarget): string {
  const [what, until] =
    'podLabel' in how
      ? [`pods -l ${shellWord(`${how.podLabel}=${name}`)}`, 'delete']
      : [shellWord(`${how.resource}/${name}`), `condition=${how.condition}`];
  return `kubectl wait ${what} -n ${shellWord(namespace)} --for=${until} --timeout=${TIMEOUT}`;
}

function patchCommand(resource: string, { namespace, name }: RestartTarget, patch: unknown): string {
  const object = shellWord(`${resource}/${name}`);
  return `kubectl patch ${object} -n ${shellWord(namespace)} --type merge -p ${shellWord(JSON.stringify(patch))}`;
}

/** `command` with its flags before the name: "argo stop". */
export function namedCommand(command: string, { namespace, name }: RestartTarget): string {
  return `${command} -n ${shellWord(namespace)} ${shellOperand(name)}`;
}

export function deleteCommand(resource: string, { namespace, name }: RestartTarget): string {
  return `kubectl delete ${shellWord(`${resource}/${name}`)} -n ${shellWord(namespace)}`;
}

export function deleteByLabel(resource: string, label: string): RestartProcedure['commands'] {
  return ({ namespace, name }) => [
    `kubectl delete ${resource} -l ${shellWord(`${label}=${name}`)} -n ${shellWord(namespace)}`,
  ];
}

export function deletePodsCommand({ namespace, podNames = [] }: RestartTarget): readonly string[] {
  if (podNames.length === 0) return [];
  const pods = podNames.map((name) => shellWord(`pod/${name}`)).join(' ');
  return [`kubectl delete -n ${shellWord(namespace)} ${pods}`];
}

/** For stopAndStart(), of the many kinds that have it. */
export const SUSPENDED = { stop: { spec: { suspend: true } }, start: { spec: { suspend: false } } } as const;

export function suspendedRun(resource: string, podLabel: string): RestartProcedure {
  const sentence =
    'The next run has it by itself. To have it now, suspend this one and resume it: what had not finished begins anew';
  return stopAndStart({ sentence, rule: 'R44' }, { resource, ...SUSPENDED, podLabel });
}

/** A build runs once. */
export function canceledBuild(resource: string, patch: MergePatch): RestartProcedure {
  return {
    sentence:
      'The next build has it by itself. To have it now, cancel this one and start it again in the way it was started',
    rule: 'R39',
    commands: (workload) => [patchCommand(resource, workload, patch)],
    action: { kind: 'none', why: 'a build is started again by what started it' },
  };
}

/** Jobs have no label with the name of their CronJob. */
export function restartCronJob({ namespace, name }: RestartTarget): readonly string[] {
  const inNamespace = `-n ${shellWord(namespace)}`;
  const itsJobs = `{range .items[?(@.metadata.ownerReferences[0].name==${JSON.stringify(name)})]}job/{.metadata.name} {end}`;
  return [
    `kubectl delete ${inNamespace} $(kubectl get jobs ${inNamespace} --field-selector status.successful=0 -o jsonpath=${shellWord(itsJobs)})`,
    `kubectl create job ${inNamespace} ${shellWord(`--from=cronjob/${name}`)} ${shellOperand(name)}-"$(date +%s)"`,
  ];
}
