// A policy as it is stored, with what is suggested: whole, or as a patch. Never one that could not be read, and never from
// another version of the policy than the one that was looked at.
import { isDeepStrictEqual } from 'node:util';
import { yamlOf } from '../../api/store/folder-document.ts';
import { withSuggestion } from '../../compile/suggest/suggested-table.ts';
import type { Suggestion } from '../../compile/suggest/suggestion.ts';
import { parseObject } from '../../model/parse-object.ts';
import { formatProblem } from '../../model/problem.ts';

/** An object as it is stored: what people wrote, without the values that a parser adds. */
export interface WrittenPolicy {
  readonly metadata: { readonly name: string; readonly resourceVersion?: string | undefined };
  readonly spec?: unknown;
}

type Fields = Readonly<Record<string, unknown>>;

/** Throws, with a sentence, where the policy has changed meanwhile, or could not be read as suggested. */
export function suggestedPolicy<Policy extends WrittenPolicy>(
  written: Policy,
  suggestion: Suggestion,
): Policy {
  const { policy, basis } = suggestion;
  const before = parseObject(written);
  if (
    before.status !== 'parsed' ||
    !('spec' in before.object) ||
    !isDeepStrictEqual(before.object.spec, basis)
  )
    throw new Error(`Cannot change NetworkPolicy "${policy}": it has changed meanwhile; suggest again`);
  const spec = fieldsOf(written.spec);
  const egress = fieldsOf(spec['egress']);
  const access = fieldsOf(egress['networkAccess']);
  const networkAccess = { ...access, ...withSuggestion(access, suggestion) };
  const suggested = { ...written, spec: { ...spec, egress: { ...egress, networkAccess } } };
  const after = parseObject(suggested);
  if (after.status !== 'unreadable') return suggested;
  const problems = after.problems.map(formatProblem).join('; ');
  throw new Error(`Cannot change NetworkPolicy "${policy}" as suggested: ${problems}`);
}

/**
 * For `kubectl patch snp NAME --type merge`. A merge replaces whole lists, so where the version of the policy is known it
 * is part of the patch: what somebody else changes meanwhile is never lost. Throws as suggestedPolicy() does.
 */
export function mergePatch(written: WrittenPolicy, suggestion: Suggestion): object {
  const access = fieldsOf(
    fieldsOf(fieldsOf(suggestedPolicy(written, suggestion).spec)['egress'])['networkAccess'],
  );
  const lists = Object.keys(withSuggestion({}, suggestion)).map((list) => [list, access[list]] as const);
  const { resourceVersion } = written.metadata;
  return {
    ...(resourceVersion === undefined ? {} : { metadata: { resourceVersion } }),
    spec: { egress: { networkAccess: Object.fromEntries(lists) } },
  };
}

/** The patch as YAML, with the command that takes it. Throws as suggestedPolicy() does. */
export function patchText(written: WrittenPolicy, suggestion: Suggestion): string {
  const patch = yamlOf(mergePatch(written, suggestion));
  return `# kubectl patch snp ${suggestion.policy} --type merge --patch-file FILE\n${patch}`;
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}
