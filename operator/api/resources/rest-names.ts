// The names of fields in YAML, in camelCase, and in the REST API, in snake_case: one to one, at every depth.
export function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function camelCase(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** Undefined where a key is none of the REST API, such as "networkAccess": two spellings of one field are two values. */
export function fromRest(value: unknown): { readonly value: unknown } | { readonly badKey: string } {
  if (Array.isArray(value)) return collect(value.map(fromRest));
  if (!isObject(value)) return { value };
  const entries: [string, unknown][] = [];
  for (const [key, inner] of Object.entries(value)) {
    const converted = fromRest(inner);
    if (snakeCase(camelCase(key)) !== key) return { badKey: key };
    if ('badKey' in converted) return converted;
    entries.push([camelCase(key), converted.value]);
  }
  return { value: Object.fromEntries(entries) };
}

export function toRest(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toRest);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [snakeCase(key), toRest(inner)]));
}

function collect(items: readonly ReturnType<typeof fromRest>[]): ReturnType<typeof fromRest> {
  const bad = items.find((item) => 'badKey' in item);
  return bad ?? { value: items.map((item) => ('value' in item ? item.value : undefined)) };
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
