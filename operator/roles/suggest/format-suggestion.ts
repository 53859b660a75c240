// A suggestion as tables for people.
import { type Evidence, sumEvidence } from '../../compile/suggest/denied-traffic.ts';
import { describeDestination } from '../../compile/suggest/entry-of-host.ts';
import type { AddedEntry } from '../../compile/suggest/needed-entries.ts';
import type { NotSuggested, Suggestion } from '../../compile/suggest/suggestion.ts';
import { portsText, type TooNewEntry, type UnusedEntry } from '../../compile/suggest/unused-entries.ts';
import { withoutColumns } from '../../lib/fit-table.ts';
import { formatTable } from '../../lib/text-table.ts';

export function isEmpty({ added, removed }: Suggestion): boolean {
  return added.length === 0 && removed.length === 0;
}

/** `width`: columns of the terminal; what has no room is left out, but for why. */
export function formatSuggestion(suggestion: Suggestion, width?: number): string {
  const { policy, workspaces, added, heldBack, removed, apart } = suggestion;
  const [recorded, denied] = [false, true].map((isDenied) =>
    added.filter((entry) => (entry.isDenied === true) === isDenied).map(addedCells),
  );
  return [
    `NetworkPolicy "${policy}", of ${workspaces.length === 1 ? 'workspace' : 'workspaces'} ${workspaces.join(', ')}`,
    ...section('Add', [ADDED, ...(recorded ?? [])], width),
    ...section('Add, though an enforced policy denied it', [ADDED, ...(denied ?? [])], width),
    ...section('Remove', [REMOVED, ...removed.map(removedCells)], width),
    ...section(HELD_BACK, [ADDED, ...heldBack.map(addedCells)], width),
    ...section('Not suggested', [APART, ...apartLines(apart).map(apartCells)], width),
    ...(isEmpty(suggestion) ? ['', 'Nothing to change'] : []),
    ...remarksOf(suggestion).flatMap((text) => ['', text]),
    '',
  ].join('\n');
}

/** For what has no place for it, as a patch. */
export function noteOnHeldBack(suggestions: readonly Suggestion[]): string | undefined {
  const count = suggestions.reduce((sum, { heldBack }) => sum + heldBack.length, 0);
  if (count === 0) return undefined;
  const entries = count === 1 ? '1 entry' : `${count} entries`;
  return `${entries} for what an enforced policy denied ${count === 1 ? 'is' : 'are'} left out: look at -o table, and use --include denied if that is needed`;
}

export function formatSuggestions(suggestions: readonly Suggestion[], width?: number): string {
  return suggestions.map((suggestion) => formatSuggestion(suggestion, width)).join('\n');
}

const HELD_BACK = 'Denied by an enforced policy: added only with --include denied';
const EVIDENCE = ['COUNT', 'FIRST SEEN', 'LAST SEEN', 'PRODUCTS', 'PODS'];
const ADDED = ['DESTINATION', 'PORTS', ...EVIDENCE];
const REMOVED = ['ENTRY', 'WHY'];
const APART = ['DESTINATION', 'REASON', ...EVIDENCE, 'WHY'];

function section(title: string, lines: readonly (readonly string[])[], width?: number) {
  if (lines.length === 1) return [];
  const room = width === undefined ? undefined : width - INDENT;
  const shown = withoutColumns(lines, { width: room, leftOut: LEAST, least: { WHY: 'WHY'.length } });
  return ['', title, ...formatTable(shown).map((line) => `  ${line}`)];
}

const INDENT = 2;
/** Left out first. */
const LEAST = ['PRODUCTS', 'FIRST SEEN', 'PODS', 'LAST SEEN'];

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

interface ApartLine extends Pick<NotSuggested, 'reason' | 'why'> {
  readonly destination: string;
  /** Null: a DNS question. */
  readonly ports: readonly (number | null)[];
  readonly evidence: Evidence;
}

/** One for each name and reason: a client that tries every port of a name is one line. */
function apartLines(apart: readonly NotSuggested[]): readonly ApartLine[] {
  const alike = Map.groupBy(apart, ({ traffic, reason, why }) =>
    JSON.stringify([traffic.destination, reason, why]),
  );
  return [...alike.values()].flatMap((some) =>
    some.slice(0, 1).map(({ traffic: { destination }, reason, why }) => ({
      ...{ destination, reason, why },
      ports: [...new Set(some.map(({ traffic }) => traffic.port))],
      evidence: sumEvidence(some.map(({ traffic }) => traffic.evidence)),
    })),
  );
}

function apartCells({ destination, ports, reason, evidence, why }: ApartLine): readonly string[] {
  const place = destination === '' ? '-' : destination;
  return [
    `${printable(place)}${portList(ports)}`,
    printable(reason),
    ...evidenceCells(evidence),
    printable(why),
  ];
}

const MOST_PORTS = 3;

/** ":80", ":80,443,8443", ":1,2,3 and 4 more". */
function portList(ports: readonly (number | null)[]): string {
  const numbers = ports.filter((port) => port !== null).toSorted((a, b) => a - b);
  if (numbers.length === 0) return '';
  const further = numbers.length - MOST_PORTS;
  return `:${numbers.slice(0, MOST_PORTS).join(',')}${further > 0 ? ` and ${further} more` : ''}`;
}

function evidenceCells({ count, firstSeen, lastSeen, products, pods }: Evidence): readonly string[] {
  const listed = (texts: readonly string[]): string =>
    texts.length === 0 ? '-' : printable(texts.join(','));
  return [String(count), shortTime(firstSeen), shortTime(lastSeen), listed(products), listed(pods)];
}

function shortTime(time: string): string {
  return time.replace(/\.\d+Z$/, 'Z');
}

function remarksOf(suggestion: Suggestion): readonly string[] {
  const { workspaces, added, heldBack, tooRare, tooNew, allowedByNow, unreachable } = suggestion;
  const isAssumed = (what: AddedEntry['assumed']): boolean =>
    [...added, ...heldBack].some(({ assumed }) => assumed === what);
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
    ...(tooRare > 0 ? [`Left out, since they were asked for less often: ${tooRare} destinations`] : []),
    ...(unreachable > 0
      ? [
          `Of hosts above: ${unreachable} connections found no address, or a private one; check these names first`,
        ]
      : []),
    ...(allowedByNow > 0 ? [`Of what the policy allows by now: ${allowedByNow} denials`] : []),
    ...remarksOnUse(tooNew),
  ];
}

function remarksOnUse(tooNew: readonly TooNewEntry[] | undefined): readonly string[] {
  if (tooNew === undefined) return ['How often entries are used is not known here, so none is called unused'];
  if (tooNew.length === 0) return [];
  const shown = tooNew
    .slice(0, MOST_TOO_NEW)
    .map(
      ({ text, since }) =>
        `${text} (${since === undefined ? 'not counted yet' : `since ${shortTime(since)}`})`,
    );
  const further = tooNew.length - shown.length;
  const named = `${shown.join(', ')}${further > 0 ? ` and ${further} more` : ''}`;
  return [
    `Not judged, since ${tooNew.length === 1 ? 'its uses are' : 'their uses are'} not counted without a gap from the beginning of --since: ${named}. Suggest again later, or choose a --since that begins after these times`,
  ];
}

/** So that the sentence stays readable. */
const MOST_TOO_NEW = 5;

/** Workloads choose names in the log: no control character of theirs may reach the terminal. */
function printable(text: string): string {
  return text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
}
