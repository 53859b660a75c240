// A suggestion for a policy of a folder -> the changed file, with its comments, once a person has seen the difference and
// said yes.
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { withDocument } from '../../api/store/folder-document.ts';
import { FolderObjects, isNamed, type PlacedObject } from '../../api/store/folder-objects.ts';
import { FileChanged, replaceUserFile } from '../../api/store/user-file.ts';
import type { Suggestion } from '../../compile/suggest/suggestion.ts';
import { diffLines } from './diff-lines.ts';
import { suggestedPolicy } from './suggested-policy.ts';

export interface Terminal {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  /** Nobody is asked. */
  readonly isYes?: boolean;
}

/** Throws, with a sentence, where the file cannot be changed. */
export async function applySuggestions(
  folder: string,
  suggestions: readonly Suggestion[],
  terminal: Terminal,
): Promise<'applied' | 'declined'> {
  const answers = createInterface({ input: terminal.input, terminal: false });
  const lines = answers[Symbol.asyncIterator]();
  try {
    let outcome: 'applied' | 'declined' = 'applied';
    for (const suggestion of suggestions) {
      const objects = new FolderObjects(folder);
      const placed = await writtenPolicy(objects, folder, suggestion.policy);
      const after = editedText(placed, suggestion);
      const difference = [`--- ${placed.file}`, `+++ ${placed.file}`, ...diffLines(placed.text, after)].join(
        '\n',
      );
      terminal.output.write(`${difference}\nWrite this to ${placed.file}? [y/N] `);
      const isYes = terminal.isYes === true || (await saysYes(lines));
      if (terminal.isYes === true) terminal.output.write('yes\n');
      if (isYes) await write(join(folder, placed.file), placed.text, after);
      else outcome = 'declined';
      terminal.output.write(isYes ? `Wrote ${placed.file}\n` : 'Nothing is written\n');
    }
    return outcome;
  } finally {
    answers.close();
  }
}

async function saysYes(lines: AsyncIterator<string>): Promise<boolean> {
  const answer = await lines.next();
  return answer.done !== true && /^y(?:es)?$/i.test(answer.value.trim());
}

export async function writtenPolicy(
  objects: FolderObjects,
  folder: string,
  policy: string,
): Promise<PlacedObject> {
  const placed = (await objects.all()).find((one) => isNamed(one, 'NetworkPolicy', { name: policy }));
  if (placed !== undefined) return placed;
  throw new Error(
    `Cannot find NetworkPolicy "${policy}" in a file of "${folder}" that can be edited: move it into a file of its own`,
  );
}

/**
 * First without what goes, then with what comes: in one step a new entry could take the place of one that goes, and the
 * comment beside it.
 */
function editedText(placed: PlacedObject, suggestion: Suggestion): string {
  const { file, text, document, object, isItem } = placed;
  const steps = [{ ...suggestion, added: [] }, suggestion].map((step) => suggestedPolicy(object, step));
  const texts = isItem || file.endsWith('.json') ? [] : steps.slice(keepsSome(suggestion) ? 0 : 1);
  const after = texts.reduce<string | undefined>(
    (before, policy) => (before === undefined ? undefined : withDocument(before, document, plain(policy))),
    texts.length === 0 ? undefined : text,
  );
  if (after !== undefined) return after;
  throw new Error(
    `Cannot change NetworkPolicy "${suggestion.policy}" in "${file}" without a change to other things in it: move it into a YAML file of its own`,
  );
}

/** Whether each list that loses entries still has some before new ones come. */
function keepsSome({ basis, removed }: Suggestion): boolean {
  const access = basis.egress.networkAccess;
  return (['allowedInternetDestinations', 'allowedStorageDestinations'] as const).every((list) => {
    const gone = removed.filter((entry) => entry.list === list).length;
    return gone === 0 || gone < (access[list] ?? []).length;
  });
}

/** Without the version, which no file has. */
function plain({ metadata, ...rest }: PlacedObject['object']): object {
  const { resourceVersion: _version, ...meta } = metadata;
  return { ...rest, metadata: meta };
}

async function write(path: string, before: string, after: string): Promise<void> {
  try {
    await replaceUserFile(path, before, after);
  } catch (error) {
    if (!(error instanceof FileChanged)) throw error;
    throw new Error(`Cannot write "${path}": somebody has changed it meanwhile; suggest again`, {
      cause: error,
    });
  }
}
