// `sallyport suggest FOLDER`: what denials and counts of use say should change in the policies, as a table, as YAML, as a
// patch, or written into the folder.
// Exit status: 0, 1 where it failed or a person declined, 2 for options that cannot be accepted.
import { resolve } from 'node:path';
import { yamlOf } from '../../api/store/folder-document.ts';
import { FolderObjects } from '../../api/store/folder-objects.ts';
import { compileSnapshot } from '../../compile/plans.ts';
import type { Suggestion } from '../../compile/suggest/suggestion.ts';
import { queryDenials } from '../../denials/query/query-denials.ts';
import { readEntryUses } from '../../gateway/egress/entry-uses-file.ts';
import { statePaths } from '../../gateway/state/state-directory.ts';
import { formatProblem } from '../../model/problem.ts';
import { objectsOf } from '../../model/snapshot.ts';
import { readFolder } from '../../sources/folder.ts';
import { widthOf } from '../shared/person-terminal.ts';
import { applySuggestions, writtenPolicy } from './apply-suggestion.ts';
import { formatSuggestions, isEmpty, noteOnHeldBack } from './format-suggestion.ts';
import { type LogSuggestions, suggestFromLog } from './suggest-from-log.ts';
import { faultOfApply, readSpan, type Span } from './suggest-span.ts';
import { patchText, suggestedPolicy } from './suggested-policy.ts';

export interface SuggestOptions {
  readonly state: string;
  readonly since: string;
  readonly workspace?: string;
  readonly output: 'table' | 'yaml' | 'patch';
  readonly wildcards?: string;
  readonly minCount?: string;
  readonly include?: 'denied';
  readonly apply?: boolean;
  readonly yes?: boolean;
}

const FAILED = 1;
const USAGE = 2;

export async function suggestCommand(folder: string, options: SuggestOptions): Promise<number> {
  const span = readSpan(options);
  if ('error' in span) return complain(span.error, USAGE);
  const fault = faultOfApply(options);
  if (fault !== undefined) return complain(fault, USAGE);
  try {
    return await suggest(resolve(folder), options, span);
  } catch (error) {
    return complain(error instanceof Error ? error.message : String(error), FAILED);
  }
}

async function suggest(folder: string, options: SuggestOptions, span: Span): Promise<number> {
  const found = await suggestionsFor(folder, options, span);
  if ('error' in found) return complain(found.error, FAILED);
  for (const note of found.notes) process.stderr.write(`Note: ${note}\n`);
  if (options.apply === true) return apply(folder, found.suggestions, options.yes === true);
  const leftOut = options.output === 'table' ? undefined : noteOnHeldBack(found.suggestions);
  if (leftOut !== undefined) process.stderr.write(`Note: ${leftOut}\n`);
  process.stdout.write(await textOf(folder, found.suggestions, options.output));
  return 0;
}

async function suggestionsFor(
  folder: string,
  { state, workspace }: SuggestOptions,
  span: Span,
): Promise<LogSuggestions | { readonly error: string }> {
  const paths = statePaths(resolve(state));
  const { snapshot, problems } = await readFolder(folder);
  // What cannot be read is missing below: the reason comes first.
  for (const problem of problems) process.stderr.write(`${formatProblem(problem)}\n`);
  const { plans, tables } = compileSnapshot(snapshot);
  const uses = await readEntryUses(paths.entryUses);
  return suggestFromLog((sql) => queryDenials({ ...paths, sql }), {
    ...{ plans, tables, workspace, ...span },
    policies: objectsOf(snapshot, 'NetworkPolicy'),
    usesOf: (policy) => uses?.policies.find((one) => one.policy === policy)?.entries,
    atMs: Date.now(),
  });
}

async function apply(folder: string, suggestions: readonly Suggestion[], isYes: boolean): Promise<number> {
  const changing = suggestions.filter((suggestion) => !isEmpty(suggestion));
  process.stdout.write(formatSuggestions(suggestions, widthOf(process.stdout)));
  if (changing.length === 0) return 0;
  process.stdout.write('\n');
  const terminal = { input: process.stdin, output: process.stdout, isYes };
  const outcome = await applySuggestions(folder, changing, terminal);
  return outcome === 'applied' ? 0 : FAILED;
}

async function textOf(
  folder: string,
  suggestions: readonly Suggestion[],
  output: SuggestOptions['output'],
): Promise<string> {
  if (output === 'table') return formatSuggestions(suggestions, widthOf(process.stdout));
  const objects = new FolderObjects(folder);
  const texts = suggestions
    .filter((suggestion) => !isEmpty(suggestion))
    .map(async (suggestion) => {
      const { object } = await writtenPolicy(objects, folder, suggestion.policy);
      const { resourceVersion: _version, ...metadata } = object.metadata;
      const written = { ...object, metadata };
      if (output === 'yaml') return yamlOf(suggestedPolicy(written, suggestion));
      return patchText(written, suggestion);
    });
  return (await Promise.all(texts)).join('---\n');
}

function complain(message: string, status: number): number {
  process.stderr.write(`${message}\n`);
  return status;
}
