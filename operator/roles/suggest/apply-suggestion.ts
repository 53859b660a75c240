// A suggestion for a policy of a folder -> the changed file, with its comments, once a person has seen the difference and
// said yes.
import { createInterface } from 'node:readline/promises';
import { withDocument } from '../../api/store/folder-document.ts';
import { FolderObjects, isNamed, type PlacedObject } from '../../api/store/folder-objects.ts';
import type { Suggestion } from '../../compile/suggest/suggest-policy.ts';
import { diffLines } from './diff-lines.ts';
import { suggestedPolicy } from './suggested-policy.ts';

export interface Terminal {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
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
      terminal.output.write(`${differenceOf(placed, suggestion)}\nWrite this to ${placed.file}? [y/N] `);
      const answer: IteratorResult<string> = await lines.next();
      const isYes = answer.done !== true && /^y(?:es)?$/i.test(answer.value.trim());
      if (isYes) await objects.replace(placed, suggestedPolicy(placed.object, suggestion));
      else outcome = 'declined';
      terminal.output.write(isYes ? `Wrote ${placed.file}\n` : 'Nothing is written\n');
    }
    return outcome;
  } finally {
    answers.close();
  }
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

function differenceOf(
  { file, text, document, object, isItem }: PlacedObject,
  suggestion: Suggestion,
): string {
  const { metadata, ...rest } = suggestedPolicy(object, suggestion);
  const { resourceVersion: _version, ...meta } = metadata;
  const after = isItem ? undefined : withDocument(text, document, { ...rest, metadata: meta });
  if (after === undefined)
    throw new Error(
      `Cannot change NetworkPolicy "${suggestion.policy}" in "${file}" without a change to other things in it: move it into a file of its own`,
    );
  return [`--- ${file}`, `+++ ${file}`, ...diffLines(text, after)].join('\n');
}
