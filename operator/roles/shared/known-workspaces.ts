// The workspaces that a command on a terminal can be asked about: those of the counts of access lists, which has every
// workspace of the folder.
import type { WorkspaceHits } from '../../model/list-hits.ts';

/** By name or id. */
export function isWorkspace(
  wanted: string,
): (one: Pick<WorkspaceHits, 'workspace' | 'workspaceId'>) => boolean {
  return ({ workspace, workspaceId }) => workspace === wanted || workspaceId === wanted;
}

/** So that a line stays readable. */
const MOST_NAMES = 20;

/** `place`: a quoted directory, or "the cluster". */
export function noSuchWorkspace(wanted: string, place: string, names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMES).map((name) => `"${name}"`);
  const more = names.length > shown.length ? ` and ${names.length - shown.length} more` : '';
  const known = names.length === 0 ? 'none is known there' : `known are ${shown.join(', ')}${more}`;
  return `Cannot find workspace "${wanted}" in ${place}: ${known}`;
}
