// The rules of kube-api-linter that concern a generated schema, and those of the API server for structural schemas.
// In: an openAPIV3Schema. Out: one line per fault, with its place. For tests; no product code imports it.
import type { JsonObject } from './crd.ts';

export interface SchemaPlace {
  /** "spec.egress.peers[].ports[]"; empty for the object itself. */
  readonly path: string;
  readonly schema: JsonObject;
}

/** Words that the API server takes in a structural schema; the others are forbidden or not ours. */
const STRUCTURAL_WORDS: ReadonlySet<string> = new Set([
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
  'x-kubernetes-validations',
]);

/** Filled by the API server itself. */
const HEADER: readonly string[] = ['apiVersion', 'kind', 'metadata'];

type Rule = (schema: JsonObject, path: string) => string | undefined;

const RULES: readonly Rule[] = [
  (schema) => unless(typeof schema['type'] === 'string', 'has no single type'),
  (schema) => {
    const others = Object.keys(schema).filter((word) => !STRUCTURAL_WORDS.has(word));
    return unless(others.length === 0, `uses ${others.join(', ')}`);
  },
  (schema, path) =>
    unless(/[\]}]$/.test(path) || path === 'metadata' || isText(schema['description']), 'is not described'),
  (schema) => unless(schema['type'] !== 'array' || isCount(schema['maxItems']), 'has no maxItems'),
  (schema) =>
    unless(schema['type'] !== 'array' || isText(schema['x-kubernetes-list-type']), 'has no list type'),
  (schema) => unless(schema['type'] !== 'string' || isBoundedText(schema), 'has no maxLength'),
  (schema) => unless(schema['type'] !== 'number', 'is a number with a fraction'),
  (schema) =>
    unless(
      schema['type'] !== 'integer' || /^int(?:32|64)$/.test(String(schema['format'])),
      'has no integer format',
    ),
  (schema) =>
    unless(!('additionalProperties' in schema) || isCount(schema['maxProperties']), 'has no maxProperties'),
  (schema) =>
    unless(!('additionalProperties' in schema && 'properties' in schema), 'mixes fields and free keys'),
  (schema) =>
    unless(!/\(\?[=!<]/.test(String(schema['pattern'])), 'has a pattern that the API server cannot run'),
  (schema) => {
    const withDefault = requiredOf(schema).filter((name) => 'default' in (propertiesOf(schema)[name] ?? {}));
    return unless(withDefault.length === 0, `requires ${withDefault.join(', ')}, which has a default`);
  },
  (schema) => {
    const unknown = requiredOf(schema).filter((name) => !(name in propertiesOf(schema)));
    return unless(unknown.length === 0, `requires ${unknown.join(', ')}, which it does not describe`);
  },
];

export function findSchemaFaults(root: JsonObject): readonly string[] {
  return placesOf(root)
    .filter(({ path }) => !HEADER.slice(0, 2).includes(path))
    .flatMap(({ path, schema }) =>
      RULES.flatMap((rule) => {
        const fault = rule(schema, path);
        return fault === undefined ? [] : [`"${path}" ${fault}`];
      }),
    );
}

/** The schema itself, then everything inside it. */
export function placesOf(schema: JsonObject, path = ''): readonly SchemaPlace[] {
  const front = path === '' ? '' : `${path}.`;
  const inside: readonly (readonly [string, unknown])[] = [
    ...Object.entries(propertiesOf(schema)).map(([name, field]) => [`${front}${name}`, field] as const),
    [`${path}[]`, schema['items']],
    [`${path}{}`, schema['additionalProperties']],
  ];
  const present = inside.filter(([, inner]) => inner !== undefined);
  return [{ path, schema }, ...present.flatMap(([at, inner]) => placesOf(inner as JsonObject, at))];
}

function propertiesOf(schema: JsonObject): Readonly<Record<string, JsonObject>> {
  return (schema['properties'] ?? {}) as Readonly<Record<string, JsonObject>>;
}

function requiredOf(schema: JsonObject): readonly string[] {
  return (schema['required'] ?? []) as readonly string[];
}

function unless(holds: boolean, fault: string): string | undefined {
  return holds ? undefined : fault;
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && value > 0;
}

/** Values of an enumeration are as long as they are. */
function isBoundedText(schema: JsonObject): boolean {
  return 'enum' in schema || isCount(schema['maxLength']);
}
