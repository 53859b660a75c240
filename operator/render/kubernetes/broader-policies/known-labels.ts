// A label selector of another policy, and the known labels of pods -> whether it may select one of them. An unknown
// label may have any value, and an unreadable selector selects everything.
/** Every value that a label may have; undefined is its absence. Undefined for labels of which nothing is known. */
export type KnownLabels = (key: string) => readonly (string | undefined)[] | undefined;

interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

export function mayTake(selector: unknown, known: KnownLabels): boolean {
  if (!isRecord(selector)) return true;
  const { matchLabels = {}, matchExpressions = [] } = selector;
  if (!isRecord(matchLabels) || !Array.isArray(matchExpressions)) return true;
  return (
    Object.entries(matchLabels).every(([key, value]) => known(key)?.includes(String(value)) ?? true) &&
    matchExpressions.every((one: unknown) => !isRequirement(one) || mayMeet(one, known(one.key)))
  );
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isRequirement(value: unknown): value is Requirement {
  return isRecord(value) && typeof value['key'] === 'string' && typeof value['operator'] === 'string';
}

function mayMeet(
  { operator, values: listed = [] }: Requirement,
  values: readonly (string | undefined)[] | undefined,
): boolean {
  if (values === undefined || !Array.isArray(listed)) return true;
  return values.some((value) => {
    if (operator === 'In') return value !== undefined && listed.includes(value);
    if (operator === 'NotIn') return value === undefined || !listed.includes(value);
    if (operator === 'Exists') return value !== undefined;
    return operator === 'DoesNotExist' ? value === undefined : true;
  });
}
