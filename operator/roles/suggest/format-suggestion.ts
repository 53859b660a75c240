// A suggestion as tables for people, and as a patch of the policy.
import type { Evidence } from '../../compile/suggest/denied-traffic.ts';
import { describeDestination } from '../../compile/suggest/entry-of-host.ts';
import type { AddedEntry } from '../../compile/suggest/needed-entries.ts';
import type { NotSuggested, Suggestion } from '../../compile/suggest/suggest-policy.ts';
import { withSuggestion } from '../../compile/suggest/suggested-table.ts';
import { portsText, type UnusedEntry } from '../../compile/suggest/unused-entries.ts';
import { formatTable } from '../../lib/text-table.ts';

/** An object as it is stored: what people wrote, without the values that a parser adds. */
export interface WrittenPolicy {
  readonly metadata: { readonly name: string; readonly resourceVersion?: string | undefined };
  readonly spec?: unknown;
}

type Fields = Readonly<Record<string, unknown>>;

export function isEmpty({ added, removed }: Suggestion): boolean {
  return added.length === 0 && removed.length === 0;
}

export function formatSuggestion(suggestion: Suggestion): string {
  const { policy, workspaces, added, removed, apart } = suggestion;
  return [
    `NetworkPolicy "${policy}", of ${workspaces.length === 1 ? 'workspace' : 'workspaces'} ${workspaces.join(', ')}`,
    ...section('Add', ADDED, added.map(addedCells)),
    ...section('Remove', REMOVED, removed.map(removedCells)),
    ...section('Not suggested', APART, apart.map(apartCells)),
    ...(isEmpty(suggestion) ? ['', 'Nothing to change'] : []),
    ...remarksOf(suggestion).flatMap((text) => ['', text]),
    '',
  ].join('\n');
}

const EVIDENCE = ['COUNT', 'FIRST SEEN', 'LAST SEEN', 'PRODUCTS', 'PODS'];
const ADDED = ['DESTINATION', 'PORTS', ...EVIDENCE];
const REMOVED = ['ENTRY', 'WHY'];
const APART = ['DESTINATION', 'REASON', ...EVIDENCE, 'WHY'];

function section(title: string, headings: readonly string[], rows: readonly (readonly string[])[]) {
  if (rows.length === 0) return [];
  return ['', title, ...formatTable([headings, ...rows]).map((line) => `  ${line}`)];
}

function addedCells(entry: AddedEntry): readonly string[] {
  const mark = entry.assumed === undefined ? '' : ' ?';
  return [
    printable(describeDestination(entry)),
    `${portsOf(entry)}${mark}`,
    ...evidenceCells(entry.evidence),
  ];
}

function portsOf(entry: AddedEntry): string {
  if (entry.list === 'allowedStorageDestinations') return '443/TLS';
  return portsText(entry.destination.ports).trim() || '80/HTTP 443/TLS';
}

function removedCells({ text, why }: UnusedEntry): readonly string[] {
  return [printable(text), why];
}

function apartCells({ traffic, reason, why }: NotSuggested): readonly string[] {
  const { destination, port, evidence } = traffic;
  const place = destination === '' ? '-' : destination;
  return [
    printable(port === null ? place : `${place}:${port}`),
    printable(reason),
    ...evidenceCells(evidence),
    printable(why),
  ];
}

function evidenceCells({ count, firstSeen, lastSeen, products, pods }: Evidence): readonly string[] {
  const listed = (texts: readonly string[]): string =>
    texts.length === 0 ? '-' : printable(texts.join(','));
  return [String(count), shortTime(firstSeen), shortTime(lastSeen), listed(products), listed(pods)];
}

function shortTime(time: string): string {
  return time.replace(/\.\d+Z$/, 'Z');
}

function remarksOf({ workspaces, added, tooNew, allowedByNow }: Suggestion): readonly string[] {
  const isAssumed = (what: AddedEntry['assumed']): boolean => added.some(({ assumed }) => assumed === what);
  return [
    ...(isAssumed('PORT') ? ['? only a DNS question was seen: port 443 with TLS is assumed'] : []),
    ...(isAssumed('TLS')
      ? [
          '? nobody saw the first bytes of these connections: TLS is assumed; where that is wrong, the next denials say NOT_TLS',
        ]
      : []),
    ...(added.length > 0 && workspaces.length > 1
      ? [`What is added is allowed for all ${workspaces.length} workspaces under the policy`]
      : []),
    ...(allowedByNow > 0 ? [`${allowedByNow} denials are of what the policy allows by now`] : []),
    ...(tooNew === undefined
      ? ['Nobody counts how often entries are used here, so none is called unused']
      : tooNew > 0
        ? [`${tooNew} entries are not counted for that long, so they are not called unused`]
        : []),
  ];
}

/** The policy as people wrote it, with the suggestion. */
export function suggestedPolicy<Policy extends WrittenPolicy>(
  written: Policy,
  suggestion: Suggestion,
): Policy {
  const spec = fieldsOf(written.spec);
  const egress = fieldsOf(spec['egress']);
  const access = fieldsOf(egress['networkAccess']);
  const networkAccess = { ...access, ...withSuggestion(access, suggestion) };
  return { ...written, spec: { ...spec, egress: { ...egress, networkAccess } } };
}

/**
 * For `kubectl patch snp NAME --type merge`. A merge replaces whole lists, so where the version of the policy is known it
 * is part of the patch: what somebody else changes meanwhile is never lost.
 */
export function mergePatch(written: WrittenPolicy, suggestion: Suggestion): object {
  const access = fieldsOf(fieldsOf(fieldsOf(written.spec)['egress'])['networkAccess']);
  const { resourceVersion } = written.metadata;
  return {
    ...(resourceVersion === undefined ? {} : { metadata: { resourceVersion } }),
    spec: { egress: { networkAccess: withSuggestion(access, suggestion) } },
  };
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

/** Workloads choose names in the log: no control character of theirs may reach the terminal. */
function printable(text: string): string {
  return text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
}
