// The metadata of an object that somebody reads, and no more: tenants write labels and annotations of up to 1.3 MB on each
// of their objects, and every operator would hold them. What a later reader needs is added here.
import type { KubernetesMeta, KubernetesObject } from '../../lib/kubernetes/api-object.ts';
import {
  ACCESS_CHANGE,
  ANNOTATION_PREFIX,
  DECIDED_BY_API,
  WRITTEN_BY_API,
  WRITTEN_BY_PEOPLE,
} from '../../model/access-annotations.ts';
import { IP_ACCESS_LISTS, NAMESPACES, WORKSPACE_CONFS } from '../../model/cluster-resources.ts';
import { ACCOUNT_LABEL } from '../../model/ip-access-list.ts';
import {
  MANAGED_BY_LABEL,
  SERVICE_NAME_LABEL,
  SLICE_MANAGER_LABEL,
  WORKSPACE_NAME_LABEL,
} from '../../model/system-names.ts';
import { TIER_LABEL, WORKSPACE_LABEL } from '../../model/workspace.ts';

/** Of all kinds: those that are read, and those of objects that are written, so that what is stored can be compared. */
const LABELS: ReadonlySet<string> = new Set([
  ...[ACCOUNT_LABEL, WORKSPACE_LABEL, TIER_LABEL],
  ...[MANAGED_BY_LABEL, WORKSPACE_NAME_LABEL, SERVICE_NAME_LABEL, SLICE_MANAGER_LABEL],
]);

/** Of which the value is read. */
const WITH_VALUE: ReadonlySet<string> = new Set([...WRITTEN_BY_PEOPLE, DECIDED_BY_API]);
/** Longer than any that has an effect; the end of a longer one makes it one that is named and confirms nothing. */
const LONGEST_VALUE = 4096;
const TRUNCATED = '…';
/** Each change of a list over REST would be three of its WorkspaceConf, and a pass of the operator for each. */
const NEVER: ReadonlySet<string> = new Set([ACCESS_CHANGE]);
const KNOWN: ReadonlySet<string> = new Set([...WRITTEN_BY_PEOPLE, ...WRITTEN_BY_API]);
/** Names that nobody knows are reported: the next ones when these are gone. */
const MOST_UNKNOWN = 8;

type Texts = Readonly<Record<string, string>>;

export function keptMetadata({ apiVersion, kind, metadata }: KubernetesObject): KubernetesMeta {
  const { name, namespace, uid, resourceVersion, generation, creationTimestamp, deletionTimestamp } =
    metadata;
  const labels = kept(metadata.labels, (label) => LABELS.has(label));
  const annotations = keptAnnotations(`${apiVersion} ${kind}`, metadata.annotations);
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(generation === undefined ? {} : { generation }),
    ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    ...(labels === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

const ANNOTATIONS: Readonly<Record<string, (annotations: Texts) => Texts | undefined>> = {
  // Who may write these is no tenant, and all of ours are compared, or removed.
  [keyOf(NAMESPACES)]: (annotations) => kept(annotations, (name) => name.startsWith(ANNOTATION_PREFIX)),
  [keyOf(IP_ACCESS_LISTS)]: accessAnnotations,
  [keyOf(WORKSPACE_CONFS)]: accessAnnotations,
};

function keyOf({ apiVersion, kind }: { readonly apiVersion: string; readonly kind: string }): string {
  return `${apiVersion} ${kind}`;
}

function keptAnnotations(key: string, annotations: Texts | undefined): Texts | undefined {
  return annotations === undefined ? undefined : ANNOTATIONS[key]?.(annotations);
}

function accessAnnotations(annotations: Texts): Texts | undefined {
  const unknown = Object.keys(annotations)
    .filter((name) => name.startsWith(ANNOTATION_PREFIX) && !KNOWN.has(name))
    .toSorted()
    .slice(0, MOST_UNKNOWN);
  const named = [...[...KNOWN].filter((name) => name in annotations && !NEVER.has(name)), ...unknown];
  if (named.length === 0) return undefined;
  return Object.fromEntries(
    named.map((name) => [name, WITH_VALUE.has(name) ? bounded(annotations[name] ?? '') : '']),
  );
}

function bounded(value: string): string {
  return value.length <= LONGEST_VALUE ? value : `${value.slice(0, LONGEST_VALUE)}${TRUNCATED}`;
}

function kept(texts: Texts | undefined, isKept: (name: string) => boolean): Texts | undefined {
  const entries = Object.entries(texts ?? {}).filter(([name]) => isKept(name));
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
