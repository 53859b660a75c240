import { KINDS } from '../model/kinds.ts';
import { type JsonObject, renderCrd } from './crd.ts';
import { crdDifference } from './crd-difference.ts';

type Path = readonly string[];

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null;
}

/** Every field of an object, at every depth; lists are of one piece. */
function pathsOf(value: unknown, path: Path = []): readonly Path[] {
  if (!isObject(value) || Array.isArray(value)) return [path];
  return [path, ...Object.entries(value).flatMap(([name, inner]) => pathsOf(inner, [...path, name]))];
}

function without(value: JsonObject, [first = '', ...rest]: Path): JsonObject {
  const { [first]: inner, ...others } = value;
  return rest.length === 0 ? others : { ...others, [first]: without(inner as JsonObject, rest) };
}

/** The CRD with another version of its kind. */
function withVersion(crd: JsonObject, change: (version: JsonObject) => JsonObject): JsonObject {
  const spec = crd['spec'] as JsonObject;
  return { ...crd, spec: { ...spec, versions: (spec['versions'] as readonly JsonObject[]).map(change) } };
}

function versionOf(crd: JsonObject): JsonObject {
  return (crd['spec'] as { readonly versions: readonly [JsonObject] }).versions[0];
}

/** For people only: the text of a field, and columns. A field of that name has a schema. */
function isText(version: JsonObject, path: Path): boolean {
  if (path[0] === 'additionalPrinterColumns') return true;
  const value = path.reduce<unknown>((found, name) => (found as JsonObject)[name], version);
  return path.at(-1) === 'description' && typeof value === 'string';
}

describe.each(KINDS.map((kind) => [kind.kind, kind] as const))('crdDifference() of %s', (_, kind) => {
  const crd = renderCrd(kind);
  const paths = pathsOf(versionOf(crd)).filter((path) => path.length > 0);

  it('finds none in its own', () => {
    expect(crdDifference(kind, JSON.parse(JSON.stringify(crd)))).toBeUndefined();
  });

  it('names every field that is missing, and every one that is more, but for texts', () => {
    const unseen = paths.filter((path) => {
      const older = withVersion(crd, (version) => without(version, path));
      return (crdDifference(kind, older) === undefined) !== isText(versionOf(crd), path);
    });
    expect(unseen).toEqual([]);
  });

  it('names a field that this version does not know', () => {
    const newer = withVersion(crd, (version) => ({
      ...version,
      schema: { ...(version['schema'] as JsonObject), more: true },
    }));
    expect(crdDifference(kind, newer)).toBe('"schema.more" is unknown to this version');
  });

  it('names a version that is not there, and a scope', () => {
    expect(
      crdDifference(
        kind,
        withVersion(crd, (version) => ({ ...version, name: 'v1' })),
      ),
    ).toBe('it has no version "v1alpha1"');
    expect(crdDifference(kind, { spec: { scope: 'Elsewhere' } })).toBe('"scope" differs');
    expect(crdDifference(kind, undefined)).toBe('"scope" is missing');
  });
});
