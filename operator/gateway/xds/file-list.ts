// A list of files, as text whose last line says whether the lines before it are all there.
import { createHash } from 'node:crypto';
import { readIfExists } from '../../lib/atomic-file.ts';
import { Damage } from './set-aside.ts';

export function listText(files: Iterable<string>): string {
  const lines = [...files]
    .toSorted()
    .map((file) => `${file}\n`)
    .join('');
  return `${lines}${hashOf(lines)}\n`;
}

/** Undefined where there is none. Throws Damage. */
export async function parseList(path: string): Promise<ReadonlySet<string> | undefined> {
  const text = await readIfExists(path).catch((error: Error) => {
    throw new Damage(path, error.message);
  });
  if (text === undefined) return undefined;
  const end = text.lastIndexOf('\n', text.length - 2) + 1;
  const lines = text.slice(0, end);
  if (text.slice(end) !== `${hashOf(lines)}\n`) throw new Damage(path, 'it is not as it was written');
  return new Set(lines.split('\n').slice(0, -1));
}

function hashOf(lines: string): string {
  return createHash('sha256').update(lines).digest('hex');
}
