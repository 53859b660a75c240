// Where nothing was found: whether the log has the pod, policy or product that was asked for at all. A typing error must
// not look like a day without denials.
import { type DenialFilter, selectNames } from '../../denials/query/select-denials.ts';
import type { DenialSource } from './denial-source.ts';

/** So that a line stays readable. */
const MOST_NAMES = 20;
const MOST_READ = 100_000;

/** A sentence for each name that no row has. */
export async function unknownNames(
  ask: DenialSource['ask'],
  { pod, policy, product }: DenialFilter,
): Promise<readonly string[]> {
  const wanted = [
    { what: 'pod', name: pod, columns: ['pod'] as const },
    { what: 'policy', name: policy, columns: ['policy'] as const },
    { what: 'product', name: product, columns: ['product', 'network_source_type'] as const },
  ];
  const sentences: string[] = [];
  for (const { what, name, columns } of wanted) {
    if (name === undefined) continue;
    const names: string[] = [];
    for (const column of columns) {
      const answer = await ask(selectNames(column), MOST_READ);
      if ('error' in answer) return [answer.error];
      names.push(...answer.rows.map((row) => String(row['name'])));
    }
    const isKnown = names.some((one) => one === name || (what === 'product' && same(one, name)));
    if (!isKnown) sentences.push(unknownName(what, name, names));
  }
  return sentences;
}

const same = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();

function unknownName(what: string, name: string, names: readonly string[]): string {
  if (names.length === 0) return `No row of the log names a ${what}, "${name}" or another`;
  const shown = names.slice(0, MOST_NAMES).map((one) => `"${one}"`);
  const more = names.length > shown.length ? ` and ${names.length - shown.length} more` : '';
  return `No row of the log names ${what} "${name}": it names ${shown.join(', ')}${more}`;
}
