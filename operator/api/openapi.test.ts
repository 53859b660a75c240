import { openApiDocument } from './openapi.ts';
import { snakeCase } from './resources/rest-names.ts';
import { ROUTES } from './routes.ts';

interface Operation {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: unknown;
  readonly responses: Readonly<Record<string, unknown>>;
}

const document = openApiDocument(ROUTES) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
};
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);

it('openApiDocument() has each call of the server, and no other, under a name of its own', () => {
  const served = ROUTES.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`);
  expect(operations.map(({ path, method }) => `${method.toUpperCase()} ${path}`)).toEqual(served);
  expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(served.length);
});

it('openApiDocument() declares each parameter of a path, and a body exactly where one is read', () => {
  for (const [at, { path, operation }] of operations.entries()) {
    const declared = operation.parameters.filter((parameter) => parameter.in === 'path');
    expect(declared.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
    const route = ROUTES[at];
    expect(operation.requestBody !== undefined).toBe(
      route !== undefined && 'body' in route && route.body !== undefined,
    );
  }
});

it('openApiDocument() refers to nothing that it does not have, and names no field as YAML does', () => {
  const text = JSON.stringify(document);
  const references = [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name = '']) => name);
  expect(references.filter((name) => document.components.schemas[name] === undefined)).toEqual([]);
  const policy = JSON.stringify(document.components.schemas['NetworkPolicy']);
  expect(policy).toContain(`"${snakeCase('blockedInternetDestinations')}"`);
  expect(policy).not.toContain('Destinations":');
});
