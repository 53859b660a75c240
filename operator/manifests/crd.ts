// A kind's description -> its CustomResourceDefinition: a structural schema, so that the API server rejects what our
// parser rejects, as far as a schema can. The zod schemas stay the only source; nothing is added by hand.
import { z } from 'zod';
import {
  CEL_RULES,
  type CelRule,
  GROUP,
  isOptional,
  type KindDescription,
  nameHint,
  PATTERN_HINT,
  type PrinterColumn,
  VERSION,
} from '../model/kubernetes-object.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

/** All our kinds at once: `kubectl get sallyport`. */
const CATEGORY = 'sallyport';

const MAX_INT32 = 2 ** 31 - 1;

export function renderCrd(kind: KindDescription): JsonObject {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${kind.plural}.${GROUP}` },
    spec: {
      group: GROUP,
      scope: kind.scope,
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural: kind.plural,
        singular: kind.kind.toLowerCase(),
        ...(kind.shortName === undefined ? {} : { shortNames: [kind.shortName] }),
        categories: [CATEGORY],
      },
      versions: [renderVersion(kind)],
    },
  };
}

function renderVersion(kind: KindDescription): JsonObject {
  return {
    name: VERSION,
    served: true,
    storage: true,
    ...(kind.status === undefined ? {} : { subresources: { status: {} } }),
    additionalPrinterColumns: kind.columns.map(renderColumn),
    schema: { openAPIV3Schema: renderObjectSchema(kind) },
  };
}

function renderColumn({ name, type, jsonPath, description, priority }: PrinterColumn): JsonObject {
  return {
    name,
    type,
    jsonPath,
    ...(description === undefined ? {} : { description }),
    ...(priority === undefined ? {} : { priority }),
  };
}

function renderObjectSchema(kind: KindDescription): JsonObject {
  const spec = described(kind.spec, `Desired state of this ${kind.kind}.`);
  const status =
    kind.status === undefined
      ? {}
      : { status: described(kind.status, 'Observed state; written by the operator.') };
  const mayLackSpec = isOptional(kind.spec);
  const schema = {
    type: 'object',
    description: kind.description,
    ...(mayLackSpec ? {} : { required: ['spec'] }),
    properties: {
      apiVersion: { type: 'string', description: 'Group and version of the kind.' },
      kind: { type: 'string', description: 'Name of the kind.' },
      metadata: { type: 'object' },
      // Fields get their defaults only inside an object that is there.
      spec: mayLackSpec ? { ...spec, default: {} } : spec,
      ...status,
    },
  };
  return [...nameRules(kind), ...kind.rules].reduce<JsonObject>(addRule, schema);
}

function described(schema: z.ZodType, description: string): JsonObject {
  return { type: 'object', description, ...renderSchema(schema) };
}

function nameRules({ kind, nameRule }: KindDescription): readonly CelRule[] {
  if (nameRule === undefined) return [];
  const rule =
    'exactly' in nameRule
      ? `self.metadata.name == '${nameRule.exactly}'`
      : `size(self.metadata.name) <= ${nameRule.maxLength}`;
  return [{ path: '', rule, message: nameHint(kind, nameRule) }];
}

/** The schema with the rule at its path; a path that does not exist is a bug in the description. */
function addRule(schema: JsonObject, { path, rule, message }: CelRule): JsonObject {
  if (path === '') return { ...schema, [CEL_RULES]: [...asList(schema[CEL_RULES]), { rule, message }] };
  const [first = '', ...rest] = path.split('.');
  const properties = asObject(schema['properties']);
  const property = properties[first];
  if (property === undefined)
    throw new Error(`Cannot place rule "${rule}": the schema has no property "${first}"`);
  const changed = addRule(asObject(property), { path: rest.join('.'), rule, message });
  return { ...schema, properties: { ...properties, [first]: changed } };
}

function renderSchema(schema: z.ZodType): JsonObject {
  // The schema of input: fields with a default may be left out.
  return structural(asObject(z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input' })));
}

/** Order of the keywords of a schema, for people who read the generated files. */
const WORDS = [
  'type',
  'format',
  'description',
  'default',
  'enum',
  'pattern',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'minItems',
  'maxItems',
  'maxProperties',
  'required',
  'properties',
  'items',
  'additionalProperties',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  CEL_RULES,
] as const;

/** zod's JSON Schema without what a structural schema forbids: it prunes unknown fields by itself. */
function structural(schema: JsonObject): JsonObject {
  const { properties, items, additionalProperties, minimum, maximum, ...rest } = withSentence(schema);
  const found: JsonObject = {
    ...rest,
    ...(rest['type'] === 'integer' ? integerBounds(minimum, maximum) : { minimum, maximum }),
    properties: properties === undefined ? undefined : mapValues(asObject(properties), structural),
    items: items === undefined ? undefined : structural(asObject(items)),
    additionalProperties: isObject(additionalProperties) ? structural(additionalProperties) : undefined,
  };
  return Object.fromEntries(
    WORDS.flatMap((word) => (found[word] === undefined ? [] : [[word, found[word]]])),
  );
}

/** The API server shows a pattern as it is; of a rule it shows the sentence. */
function withSentence(schema: JsonObject): JsonObject {
  const { pattern, [PATTERN_HINT]: message, ...rest } = schema;
  if (typeof pattern !== 'string' || message === undefined) return schema;
  const rule = `self.matches(${JSON.stringify(pattern)})`;
  return { ...rest, [CEL_RULES]: [...asList(rest[CEL_RULES]), { rule, message }] };
}

/** zod bounds every integer by JavaScript's safe integers; that is no limit of ours. */
function integerBounds(minimum: unknown, maximum: unknown): JsonObject {
  const format = typeof maximum === 'number' && maximum <= MAX_INT32 ? 'int32' : 'int64';
  return {
    format,
    minimum: minimum === Number.MIN_SAFE_INTEGER ? undefined : minimum,
    maximum: maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum,
  };
}

function mapValues(object: JsonObject, change: (value: JsonObject) => JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(asObject(value))]));
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function asObject(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
