// Lines of requests -> how often each entry of the lists in force decided. Memory holds the entries of the current
// plans only, whatever clients send; an entry that is gone is forgotten, and one that comes begins at 0.
import { type InboundLine, type InboundRule, isDenying } from '../../model/inbound-line.ts';
import type { IngressMatch, IngressVerdict } from '../../model/ingress-decision.ts';
import type { IngressPlan, PlannedList } from '../../model/ingress-plan.ts';
import {
  type Hits,
  type HitsFile,
  type ListHits,
  NO_HITS,
  type WorkspaceHits,
} from '../../model/list-hits.ts';
import { entryOf, type PlanHistory } from './plan-history.ts';
import type { ReadLines } from './read-denials.ts';

interface Counted {
  hits: number;
  lastHit: string | null;
}

interface CountedWorkspace {
  workspaceId: string;
  readonly since: string;
  requests: number;
  denied: number;
  wouldBeDenied: number;
  lists: ReadonlyMap<string, CountedList>;
}

interface CountedList {
  readonly list: PlannedList;
  readonly all: Counted;
  readonly entries: ReadonlyMap<string, Counted>;
}

export class HitCounter {
  readonly #plans: Pick<PlanHistory, 'verdictsOf'>;
  readonly #nowMs: () => number;
  /** By Namespace. */
  #workspaces: ReadonlyMap<string, CountedWorkspace> = new Map();
  /** Of a former process, for workspaces that have not come yet. */
  readonly #former: Map<string, WorkspaceHits>;
  readonly #positions: Map<string, number>;
  #version = 0;

  constructor(
    plans: Pick<PlanHistory, 'verdictsOf'>,
    nowMs: () => number,
    former: HitsFile = { positions: {}, workspaces: [] },
  ) {
    this.#plans = plans;
    this.#nowMs = nowMs;
    this.#former = new Map(former.workspaces.map((hits) => [hits.workspace, hits]));
    this.#positions = new Map(Object.entries(former.positions));
  }

  /** Changes with the counts. */
  get version(): number {
    return this.#version;
  }

  /** The plans in force. */
  track(plans: readonly IngressPlan[]): void {
    this.#workspaces = new Map(plans.map((plan) => [plan.metadata.name, this.#tracked(plan)]));
    this.#version += 1;
  }

  /** Counts each line once: those before the position of the file were counted already. */
  count(lines: ReadLines<InboundLine>['lines'], logFile: string, upTo: number): void {
    const from = this.#positions.get(logFile) ?? 0;
    if (upTo <= from) return;
    this.#forgetFormerFiles(logFile);
    this.#positions.set(logFile, upTo);
    for (const { offset, line } of lines) if (offset >= from) this.#countLine(line);
    this.#version += 1;
  }

  /** For the file. */
  snapshot(): HitsFile {
    return { positions: Object.fromEntries(this.#positions), workspaces: this.#hits() };
  }

  #hits(): WorkspaceHits[] {
    return [...this.#workspaces].map(([workspace, { lists, ...counts }]) => ({
      workspace,
      ...counts,
      lists: [...lists.values()].map(listHitsOf),
    }));
  }

  #countLine(line: InboundLine): void {
    const workspace = this.#workspaces.get(line.workspace);
    if (workspace === undefined) return;
    countRequest(workspace, line);
    const { enforced, shadow } = this.#matchesOf(line);
    countMatch(workspace, enforced, line);
    // The lists that are enforced decided above.
    if (workspace.lists.get(shadow?.listId ?? '')?.list.mode === 'DRY_RUN')
      countMatch(workspace, shadow, line);
  }

  /** The lists that the line names, with their entries in the plan that decided; a line without a rule was not decided. */
  #matchesOf(line: InboundLine): Readonly<Record<'enforced' | 'shadow', Matched | undefined>> {
    const { enforced, shadow } = line;
    if (enforced === undefined) return { enforced: undefined, shadow: undefined };
    const verdicts = this.#plans.verdictsOf(line, line.source);
    return {
      enforced: matchOf(enforced, verdicts?.enforced),
      // Our own servers say only what dry-run would deny.
      shadow: shadow === undefined ? verdicts?.shadow.match : matchOf(shadow, verdicts?.shadow),
    };
  }

  #tracked({ metadata: { name }, spec }: IngressPlan): CountedWorkspace {
    const known = this.#workspaces.get(name) ?? this.#restored(name);
    const lists = spec.lists.map(
      (list) => [list.listId, trackedList(list, known?.lists.get(list.listId))] as const,
    );
    const since = new Date(this.#nowMs()).toISOString();
    const counts = known ?? { since, requests: 0, denied: 0, wouldBeDenied: 0 };
    return { ...counts, workspaceId: spec.workspaceId, lists: new Map(lists) };
  }

  #restored(workspace: string): CountedWorkspace | undefined {
    const former = this.#former.get(workspace);
    this.#former.delete(workspace);
    if (former === undefined) return undefined;
    const lists = former.lists.map(({ entries, hits, lastHit, ...list }) => {
      const counted = entries.map(({ entry, ...one }) => [entry, { ...one }] as const);
      const ipAddresses = entries.map(({ entry }) => entry);
      return [
        list.listId,
        { list: { ...list, ipAddresses }, all: { hits, lastHit }, entries: new Map(counted) },
      ] as const;
    });
    return { ...former, lists: new Map(lists) };
  }

  /** Numbers of log files only grow, so those of one log are over when the next one comes. */
  #forgetFormerFiles(logFile: string): void {
    if (this.#positions.has(logFile)) return;
    const log = logFile.replace(/\d+$/, '');
    for (const name of this.#positions.keys())
      if (name.replace(/\d+$/, '') === log) this.#positions.delete(name);
  }
}

type Matched = Partial<IngressMatch>;

function matchOf({ listId }: InboundRule, verdict: IngressVerdict | undefined): Matched | undefined {
  if (listId === undefined) return undefined;
  const entry = entryOf(verdict?.match, listId);
  return entry === null ? { listId } : { listId, entry };
}

function countRequest(workspace: CountedWorkspace, { enforced, shadow, repeats }: InboundLine): void {
  const isDenied = enforced !== undefined && isDenying(enforced);
  workspace.requests += repeats;
  if (isDenied) workspace.denied += repeats;
  else if (shadow !== undefined && isDenying(shadow)) workspace.wouldBeDenied += repeats;
}

function countMatch({ lists }: CountedWorkspace, match: Matched | undefined, line: InboundLine): void {
  const list = lists.get(match?.listId ?? '');
  if (list === undefined) return;
  countHit(list.all, line);
  const entry = list.entries.get(match?.entry ?? '');
  if (entry !== undefined) countHit(entry, line);
}

function countHit(counted: Counted, { repeats, time }: InboundLine): void {
  counted.hits += repeats;
  if (counted.lastHit === null || time > counted.lastHit) counted.lastHit = time;
}

function trackedList(list: PlannedList, known: CountedList | undefined): CountedList {
  const entries = list.ipAddresses.map(
    (entry) => [entry, known?.entries.get(entry) ?? { ...NO_HITS }] as const,
  );
  return { list, all: known?.all ?? { ...NO_HITS }, entries: new Map(entries) };
}

function listHitsOf({ list, all, entries }: CountedList): ListHits {
  const { listId, label, listType, mode, enabled } = list;
  const counted = (one: Hits): Hits => ({ hits: one.hits, lastHit: one.lastHit });
  return {
    listId,
    label,
    listType,
    mode,
    enabled,
    ...counted(all),
    // An entry that stands twice has one count.
    entries: list.ipAddresses.map((entry) => ({ entry, ...counted(entries.get(entry) ?? NO_HITS) })),
  };
}
