// `sallyport lists`: how often each entry of the access lists decided, on a terminal or with --json for programs.
import { resolve } from 'node:path';
import { readHits } from '../../denials/store/hits-file.ts';
import { statePaths } from '../../gateway/state/state-directory.ts';
import { formatTable } from '../../lib/text-table.ts';
import type { Hits, ListHits, WorkspaceHits } from '../../model/list-hits.ts';
import { isWorkspace, noSuchWorkspace } from '../shared/known-workspaces.ts';

export interface ListsOptions {
  readonly state: string;
  readonly workspace?: string;
  readonly neverHit?: boolean;
  readonly json?: boolean;
}

const FAILED = 1;

export async function listsCommand({ state, workspace, neverHit, json }: ListsOptions): Promise<number> {
  const { root, hits: path } = statePaths(resolve(state));
  const file = await readHits(path);
  if (file === undefined) {
    process.stderr.write(`No access lists in "${path}": start "sallyport run …" first\n`);
    return FAILED;
  }
  const found = workspace === undefined ? file.workspaces : file.workspaces.filter(isWorkspace(workspace));
  if (workspace !== undefined && found.length === 0) {
    const names = file.workspaces.map((one) => one.workspace);
    process.stderr.write(`${noSuchWorkspace(workspace, `"${root}"`, names)}\n`);
    return FAILED;
  }
  process.stdout.write(json === true ? jsonOf(found) : tableOf(found, neverHit === true));
  return 0;
}

function jsonOf(workspaces: readonly WorkspaceHits[]): string {
  return workspaces.map((one) => `${JSON.stringify(one)}\n`).join('');
}

const HEADINGS = ['WORKSPACE', 'LABEL', 'TYPE', 'MODE', 'ENTRY', 'HITS', 'LAST HIT'];

/** A row for each entry; an entry that was never hit says so. */
function tableOf(workspaces: readonly WorkspaceHits[], neverHit: boolean): string {
  const rows = workspaces.flatMap(({ workspace, lists }) =>
    lists.flatMap((list) =>
      list.entries
        .filter(({ hits }) => !neverHit || hits === 0)
        .map((entry) => [
          workspace,
          printable(list.label),
          list.listType,
          modeOf(list),
          entry.entry,
          ...cellsOf(entry),
        ]),
    ),
  );
  if (rows.length === 0) return neverHit ? 'No entries that were never hit\n' : 'No access lists\n';
  return formatTable([HEADINGS, ...rows])
    .map((line) => `${line}\n`)
    .join('');
}

function modeOf({ enabled, mode }: ListHits): string {
  return enabled ? mode : 'DISABLED';
}

function cellsOf({ hits, lastHit }: Hits): readonly string[] {
  return [String(hits), lastHit?.replace(/\.\d+Z$/, 'Z') ?? 'never'];
}

/** A label is anybody's text who may write lists. */
function printable(label: string): string {
  return label.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
}
