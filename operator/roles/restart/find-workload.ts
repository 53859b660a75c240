// What a person typed ("deployment/etl", "deploy/etl", "inferenceservice/x", "etl") -> the workload that must restart.
import { groupOf } from '../../model/pod-owner.ts';
import type { WorkloadKind } from '../../model/workload-kind.ts';
import type { RestartRow } from '../restarts/read-restarts.ts';
import type { ServedKind } from './served-kinds.ts';

/** One object, with the rows of all products that its pods have. */
export interface RestartableWorkload {
  readonly namespace: string;
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  readonly workloadKind: WorkloadKind;
  readonly rows: readonly [RestartRow, ...RestartRow[]];
}

export interface AskedWorkload {
  /** In lower case, with its group where one was written: "deploy", "services.serving.knative.dev". */
  readonly kind: string | undefined;
  readonly name: string;
}

export function workloadsOf(rows: readonly RestartRow[]): readonly RestartableWorkload[] {
  const keyOf = ({ workload: { apiVersion, kind, name } }: RestartRow): string =>
    [groupOf(apiVersion), kind, name].join(' ');
  return [...Map.groupBy(rows, keyOf).values()].flatMap(([first, ...rest]) => {
    if (first === undefined) return [];
    const { namespace, apiVersion, kind, name, workloadKind } = first.workload;
    return [{ namespace, group: groupOf(apiVersion), kind, name, workloadKind, rows: [first, ...rest] }];
  });
}

const NAME = /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/;

/** Undefined for what can be no workload. */
export function parseWorkload(text: string): AskedWorkload | undefined {
  const [first = '', name, ...rest] = text.split('/');
  if (rest.length > 0 || !NAME.test(name ?? first)) return undefined;
  if (name === undefined) return { kind: undefined, name: first };
  return NAME.test(first.toLowerCase()) ? { kind: first.toLowerCase(), name } : undefined;
}

/** Several where only the name was written, or a name of kinds that several groups have. */
export function findWorkloads(
  { kind, name }: AskedWorkload,
  workloads: readonly RestartableWorkload[],
  served: readonly ServedKind[],
): readonly RestartableWorkload[] {
  return workloads.filter((one) => one.name === name && (kind === undefined || isCalled(one, kind, served)));
}

/** Kinds that the word means, whether anything of them must restart or not. */
export function kindsCalled(word: string, served: readonly ServedKind[]): readonly ServedKind[] {
  return served.filter((kind) => namesOf(kind).includes(word));
}

function isCalled(
  { group, kind }: RestartableWorkload,
  word: string,
  served: readonly ServedKind[],
): boolean {
  const known = served.filter((one) => one.group === group && one.kind === kind);
  // Of a kind that the server has no more, or does not say.
  const names = known.length === 0 ? [kind.toLowerCase()] : known.flatMap(namesOf);
  return names.includes(word);
}

/** "deployments", "deployments.apps", "deployments.v1.apps". */
function namesOf({ group, apiVersion, names }: ServedKind): readonly string[] {
  const version = apiVersion.replace(/.*\//, '');
  return names.flatMap((name) =>
    group === '' ? [name] : [name, `${name}.${group}`, `${name}.${version}.${group}`],
  );
}
