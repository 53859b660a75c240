// One object as YAML or the API gives it -> our typed object, or all its Problems. Never throws. Kinds of other groups
// are skipped.
import { z } from 'zod';
import { ipAccessListKind } from './ip-access-list.ts';
import {
  API_VERSION,
  GROUP,
  isOptional,
  type KindDescription,
  nameHint,
  type ObjectMeta,
} from './kubernetes-object.ts';
import { metastoreKind } from './metastore.ts';
import { networkPolicyKind } from './network-policy.ts';
import { policyAssignmentKind } from './policy-assignment.ts';
import { privateEndpointKind } from './private-endpoint.ts';
import type { Problem } from './problem.ts';
import { problemOfIssue } from './schema-problem.ts';
import { formatKey, type ObjectKey, type ObservedKind, type ObservedObject } from './snapshot.ts';
import { isTlsSecret, parseTlsSecret } from './tls-secret.ts';
import { WORKSPACE_LABEL, workspaceOf } from './workspace.ts';
import { workspaceConfKind } from './workspace-conf.ts';

/** A Problem of one object, with the path to the place so that a reader of YAML can find the line. */
export interface ObjectProblem extends Problem {
  readonly path: readonly PropertyKey[];
}

export type ParsedObject =
  | { readonly status: 'parsed'; readonly object: ObservedObject }
  | { readonly status: 'foreign' }
  | { readonly status: 'unreadable'; readonly key?: ObjectKey; readonly problems: readonly ObjectProblem[] };

/** Kinds that people write; compiled ones are not input. A Map, so that "constructor" is no kind. */
const INPUT_KINDS: ReadonlyMap<string, KindDescription> = new Map(
  [
    networkPolicyKind,
    policyAssignmentKind,
    metastoreKind,
    privateEndpointKind,
    workspaceConfKind,
    ipAccessListKind,
  ].map((kind) => [kind.kind, kind]),
);

const NAME = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/;
const WORKSPACE_ID = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const CLUSTER_NAMESPACE = '';
const NO_NAMESPACE = 'Cannot find "metadata.namespace": name the Namespace that is the workspace';

const metadataSchema = z.looseObject({
  name: z.string().min(1, { abort: true }).max(253, { abort: true }).regex(NAME),
  namespace: z.string().min(1).max(63).optional(),
  labels: textMap(),
  annotations: textMap(),
  creationTimestamp: z
    .string()
    .nullish()
    .transform((text) => text ?? undefined),
  generation: z.int().optional(),
  uid: z.string().optional(),
});

const headerSchema = z.looseObject({ apiVersion: z.string(), kind: z.string() });
const bodySchema = z.looseObject({ metadata: metadataSchema });

export function parseObject(value: unknown): ParsedObject {
  const header = headerSchema.safeParse(value);
  if (!header.success) return { status: 'unreadable', problems: toProblems(header.error, value, undefined) };
  const { apiVersion, kind } = header.data;
  const parseBuiltIn = builtInParser(apiVersion, kind, value);
  // Other groups may have objects without a name, such as a Kustomization.
  if (parseBuiltIn === undefined && !apiVersion.startsWith(`${GROUP}/`)) return { status: 'foreign' };
  const body = bodySchema.safeParse(value);
  if (!body.success) return { status: 'unreadable', problems: toProblems(body.error, value, undefined) };
  const { metadata } = body.data;
  if (parseBuiltIn !== undefined) return parseBuiltIn(metadata, value);
  const description = INPUT_KINDS.get(kind);
  if (description === undefined || apiVersion !== API_VERSION)
    return unknownKind(apiVersion, kind, metadata.name);
  return parseSpec(
    description,
    description.scope === 'Cluster' ? withoutNamespace(metadata) : metadata,
    value,
  );
}

/** Of Kubernetes' own kinds that matter here. */
function builtInParser(
  apiVersion: string,
  kind: string,
  value: unknown,
): ((metadata: ObjectMeta, value: unknown) => ParsedObject) | undefined {
  if (apiVersion !== 'v1') return undefined;
  if (kind === 'Namespace') return (metadata) => parseNamespace(withoutNamespace(metadata));
  return kind === 'Secret' && isTlsSecret(value) ? parseSecret : undefined;
}

/** Labels or annotations; an empty `labels:` in YAML is null. */
function textMap() {
  return z
    .record(z.string(), z.string())
    .nullish()
    .transform((map) => map ?? undefined);
}

/** Cluster-scoped objects are in no namespace, whatever is written, and as for kubectl; so one name is one object. */
function withoutNamespace(metadata: ObjectMeta): ObjectMeta {
  const { namespace: _, ...rest } = metadata;
  return rest;
}

function parseNamespace(metadata: ObjectMeta): ParsedObject {
  const workspace = workspaceOf(metadata);
  if (workspace === undefined) return { status: 'foreign' };
  if (WORKSPACE_ID.test(workspace.id)) return { status: 'parsed', object: workspace };
  const key: ObjectKey = { kind: 'Workspace', name: metadata.name, namespace: CLUSTER_NAMESPACE };
  const message = `Cannot accept workspace id "${workspace.id}": use 1 to 63 letters, digits, ".", "_" and "-"`;
  return unreadable(key, ['metadata', 'labels', WORKSPACE_LABEL], message);
}

function parseSecret(metadata: ObjectMeta, value: unknown): ParsedObject {
  const { name, namespace = '' } = metadata;
  const key: ObjectKey = { kind: 'Secret', name, namespace };
  if (namespace === '') return unreadable(key, ['metadata'], NO_NAMESPACE);
  const parsed = parseTlsSecret(value);
  if ('certificate' in parsed) {
    return { status: 'parsed', object: { kind: 'Secret', metadata, certificate: parsed.certificate } };
  }
  const { path, message } = parsed.fault;
  return unreadable(key, path, `Cannot use the certificate of Secret "${name}": ${message}`);
}

function parseSpec(description: KindDescription, metadata: ObjectMeta, value: unknown): ParsedObject {
  const key = keyFor(description, metadata);
  if (description.scope === 'Namespaced' && metadata.namespace === undefined) {
    return unreadable(key, ['metadata'], NO_NAMESPACE);
  }
  const badName = faultOfName(description, metadata.name);
  if (badName !== undefined) return unreadable(key, ['metadata', 'name'], badName);
  const schema = z.strictObject({
    apiVersion: z.string(),
    kind: z.string(),
    metadata: z.unknown(),
    // The API server puts in an empty spec too where all of its fields have defaults.
    spec: isOptional(description.spec) ? description.spec.prefault({}) : description.spec,
    status: z.unknown().optional(),
  });
  const parsed = schema.safeParse(value);
  if (!parsed.success)
    return { status: 'unreadable', key, problems: toProblems(parsed.error, value, key, schema) };
  // The schema of this very kind accepted the spec; TypeScript cannot follow the look-up by name.
  const object = { kind: description.kind, metadata, spec: parsed.data.spec } as ObservedObject;
  return { status: 'parsed', object };
}

function faultOfName({ kind, nameRule }: KindDescription, name: string): string | undefined {
  if (nameRule === undefined) return undefined;
  const keepsRule = 'exactly' in nameRule ? name === nameRule.exactly : name.length <= nameRule.maxLength;
  return keepsRule ? undefined : `Cannot accept name "${name}": ${nameHint(kind, nameRule)}`;
}

function keyFor(description: KindDescription, metadata: ObjectMeta): ObjectKey {
  const namespace = description.scope === 'Namespaced' ? (metadata.namespace ?? '') : CLUSTER_NAMESPACE;
  return { kind: description.kind as ObservedKind, name: metadata.name, namespace };
}

function toProblems(
  error: z.ZodError,
  value: unknown,
  key: ObjectKey | undefined,
  schema?: z.ZodType,
): readonly ObjectProblem[] {
  const object = key === undefined ? {} : { object: formatKey(key) };
  return error.issues.map((issue) => ({
    ...problemOfIssue(issue, value, schema),
    ...object,
    path: placeOf(issue),
  }));
}

/** The path of an unknown field is its own, not that of its parent. */
function placeOf(issue: z.core.$ZodIssue): readonly PropertyKey[] {
  return issue.code === 'unrecognized_keys' ? [...issue.path, ...issue.keys.slice(0, 1)] : issue.path;
}

function unreadable(key: ObjectKey, path: readonly PropertyKey[], message: string): ParsedObject {
  const problem = {
    reason: 'InvalidValue',
    message,
    object: formatKey(key),
    field: path.join('.'),
    path,
  } as const;
  return { status: 'unreadable', key, problems: [problem] };
}

function unknownKind(apiVersion: string, kind: string, name: string): ParsedObject {
  const message = `Cannot read kind "${kind}" of "${apiVersion}": the kinds are ${[...INPUT_KINDS.keys()].join(', ')} in "${API_VERSION}"`;
  return {
    status: 'unreadable',
    problems: [{ reason: 'UnknownKind', message, object: `${kind}/${name}`, path: ['kind'] }],
  };
}
