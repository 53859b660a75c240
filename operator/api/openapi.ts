// The routes -> an OpenAPI 3.1 document. Nothing is said twice: paths, parameters, bodies and answers are the schemas
// by which the server checks requests.
import { z } from 'zod';
import { memoize } from '../lib/memo.ts';
import { networkPolicyKind } from '../model/network-policy.ts';
import { isObject, snakeCase } from './resources/rest-names.ts';
import type { Route } from './route.ts';

type Json = Readonly<Record<string, unknown>>;

const ERROR = { $ref: '#/components/schemas/Error' };
/** Whoever asks for a workspace or the account may get these. */
const USUAL_ERRORS = [400, 401, 403, 404, 429, 503];
const WITH_BODY_ERRORS = [413, 415];

export const openApiDocument = memoize((routes: readonly Route[]): Json => {
  const paths = Map.groupBy(routes, ({ path }) => path.replaceAll(/:(\w+)/g, '{$1}'));
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sallyport REST API',
      version: '2.0',
      description: "Databricks' API for IP access lists and network policies.",
    },
    paths: Object.fromEntries(
      [...paths].map(([path, some]) => [
        path,
        Object.fromEntries(some.map((route) => [route.method.toLowerCase(), operationOf(route)])),
      ]),
    ),
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        basic: { type: 'http', scheme: 'basic', description: 'User "token", and the token as password.' },
      },
      schemas: {
        NetworkPolicy: policySchema(),
        Error: {
          type: 'object',
          required: ['error_code', 'message'],
          properties: {
            error_code: { type: 'string' },
            message: { type: 'string', minLength: 1 },
            details: { type: 'array', items: { type: 'object' } },
          },
        },
      },
    },
  };
});

function operationOf(route: Route): Json {
  const isOpen = route.level === 'OPEN';
  const body = isOpen ? undefined : route.body;
  const errors = isOpen
    ? [400]
    : [...USUAL_ERRORS, ...(route.errors ?? []), ...(body ? WITH_BODY_ERRORS : [])];
  return {
    operationId: route.operationId,
    summary: route.summary,
    ...(isOpen ? {} : { security: [{ bearer: [] }, { basic: [] }] }),
    parameters: isOpen ? [] : parametersOf(route),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: jsonContent(schemaOf(body, 'input')) } }),
    responses: {
      200: { description: 'Done.', content: jsonContent(schemaOf(route.answer, 'output')) },
      ...Object.fromEntries(
        errors.toSorted().map((status) => [status, { description: 'Refused.', content: jsonContent(ERROR) }]),
      ),
    },
  };
}

function parametersOf({ path, level, params, query }: Exclude<Route, { level: 'OPEN' }>): readonly Json[] {
  const known = params === undefined ? {} : fieldsOf(schemaOf(params, 'input'));
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: known[name] ?? { type: 'string' },
  }));
  const schema = query === undefined ? {} : schemaOf(query, 'input');
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  const inQuery = Object.entries(fieldsOf(schema)).map(([name, field]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema: field,
  }));
  const header = {
    name: 'X-Databricks-Workspace-Id',
    in: 'header',
    required: false,
    description: 'The workspace, where the host does not name it.',
    schema: { type: 'string' },
  };
  return [...inPath, ...inQuery, ...(level === 'WORKSPACE' ? [header] : [])];
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Json;
  return withPolicies(json) as Json;
}

/** A policy is described once. */
function withPolicies(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withPolicies);
  if (!isObject(schema)) return schema;
  if (schema['spec'] === networkPolicyKind.kind) return { $ref: '#/components/schemas/NetworkPolicy' };
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([key]) => !key.startsWith('x-kubernetes-'))
      .map(([key, value]) => [key, withPolicies(value)]),
  );
}

function policySchema(): Json {
  const spec = inRestNames(schemaOf(networkPolicyKind.spec, 'input')) as Json;
  const properties = {
    network_policy_id: { type: 'string', description: 'Lower-case letters, digits, "." and "-".' },
    account_id: { type: 'string' },
    ...fieldsOf(spec),
  };
  return { ...spec, properties };
}

/** Names of fields, and nothing else, in snake_case. */
function inRestNames(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(inRestNames);
  if (!isObject(schema)) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => {
      if (key === 'properties') return [key, renamed(fieldsOf(schema))];
      return [
        key,
        key === 'required' && Array.isArray(value) ? value.map(String).map(snakeCase) : inRestNames(value),
      ];
    }),
  );
}

function renamed(fields: Json): Json {
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [snakeCase(name), inRestNames(field)]),
  );
}

function fieldsOf(schema: Json): Json {
  return isObject(schema['properties']) ? schema['properties'] : {};
}

function jsonContent(schema: Json): Json {
  return { 'application/json': { schema } };
}
