// Counts how often the allowed destinations of policies are used, from what Envoy says of the hosts that it forwards to:
// allowed connections leave no line in a log, since a line costs more than the connection. So many counts as entries, no
// names of hosts. In doubt an entry counts as used: who is told that it is not removes it.
import { ruleOf } from '../../compile/decide.ts';
import { indexTable, type Match, matchesOf, type TableIndex } from '../../compile/table-index.ts';
import { parseAskedHost } from '../../model/authority.ts';
import type { EgressTable } from '../../model/egress-table.ts';
import { type EntryUse, type EntryUsesFile, useKey } from '../../model/entry-uses.ts';
import { isDryRun } from '../../model/lane.ts';
import { PORT_PROTOCOLS } from '../../model/network-policy.ts';
import { compareText } from '../../model/snapshot.ts';
import type { EgressListener } from '../../render/envoy/envoy-config.ts';
import { dryRunName, forwardName, privateRangesOf } from '../../render/envoy/resource-names.ts';
import type { ForwardedHost } from '../process/envoy-admin.ts';
import { askEnvoy } from '../process/envoy-polls.ts';

export interface EntryUsesOptions {
  readonly hosts: () => Promise<readonly ForwardedHost[]>;
  /** Whether Envoy was running before, so that a former agent has counted what it says first. */
  readonly isAdopted: () => boolean;
  readonly nowMs: () => number;
  /** Of the last time. */
  readonly known: EntryUsesFile | undefined;
}

/** Entries that are counted, of all policies; further ones are not, and so never called unused. */
const MOST_ENTRIES = 50_000;
/** Envoy forgets a host that has not been used for 30 s. */
const LONGEST_GAP_MS = 25_000;
const NO_HOSTS: readonly ForwardedHost[] = [];
/** Entries that have expired matter no more, but their uses do until somebody removes them. */
const BEFORE_ANY_EXPIRY = 0;

type Uses = Map<string, EntryUse>;

export class EntryUses {
  readonly #options: EntryUsesOptions;
  #policies: ReadonlyMap<string, Uses>;
  #tables: readonly EgressTable[] = [];
  #tablesOf: ReadonlyMap<string, readonly EgressTable[]> = new Map();
  /** Requests of each host so far, while Envoy has it. */
  #requests: ReadonlyMap<string, number> | undefined;
  #version = 0;
  #missedUntil: string | null;
  /** When Envoy has last answered; before it was asked first, nothing can have been missed. */
  #checkedMs = Number.POSITIVE_INFINITY;

  constructor(options: EntryUsesOptions) {
    this.#options = options;
    const known = options.known?.policies ?? [];
    this.#missedUntil = options.known?.missedUntil ?? null;
    this.#policies = new Map(
      known.map(({ policy, entries }) => [policy, new Map(entries.map((use) => [useKey(use), use]))]),
    );
  }

  /** Grows with each change. */
  get version(): number {
    return this.#version;
  }

  /** Until when everything is counted, in epoch milliseconds; undefined before Envoy was asked first. */
  get countedToMs(): number | undefined {
    return Number.isFinite(this.#checkedMs) ? this.#checkedMs : undefined;
  }

  snapshot(): EntryUsesFile {
    return {
      missedUntil: this.#missedUntil,
      policies: [...this.#policies]
        .toSorted(([a], [b]) => compareText(a, b))
        .map(([policy, uses]) => ({ policy, entries: [...uses.values()] })),
    };
  }

  /** The tables that are about to be enforced. What their policies no longer have is forgotten. */
  remember(tables: readonly EgressTable[], listeners: readonly EgressListener[]): void {
    this.#tablesOf = clustersOf(tables, listeners);
    if (isSame(tables, this.#tables)) return;
    this.#tables = tables;
    const since = this.#now();
    const policies = new Map<string, Uses>();
    let count = 0;
    for (const { spec } of tables) {
      const before = this.#policies.get(spec.networkPolicyId);
      const uses = policies.get(spec.networkPolicyId) ?? new Map<string, EntryUse>();
      policies.set(spec.networkPolicyId, uses);
      for (const entry of entriesOf(spec)) {
        const key = useKey(entry);
        if (uses.has(key) || count >= MOST_ENTRIES) continue;
        count += 1;
        uses.set(
          key,
          before?.get(key) ?? { ...entry, since, connections: 0, firstUsed: null, lastUsed: null },
        );
      }
    }
    this.#policies = policies;
    this.#version += 1;
  }

  async check(): Promise<void> {
    const hosts = await askEnvoy(this.#options.hosts, { gone: NO_HOSTS, silent: undefined });
    if (hosts === undefined) return;
    const before = this.#requests;
    const isAdopted = before === undefined && this.#options.isAdopted();
    const nowMs = this.#options.nowMs();
    if (isAdopted || nowMs - this.#checkedMs > LONGEST_GAP_MS) this.#countAnew();
    this.#checkedMs = nowMs;
    this.#requests = new Map(hosts.map((host) => [keyOf(host), host.requests]));
    this.#countAll(hosts, (isAdopted ? this.#requests : before) ?? new Map());
  }

  #countAll(hosts: readonly ForwardedHost[], former: ReadonlyMap<string, number>): void {
    for (const host of hosts) {
      const fresh = requestsSince(former.get(keyOf(host)), host);
      if (fresh > 0 || host.active > 0) this.#count(host, fresh);
    }
  }

  /** Something may have been used meanwhile that Envoy does not know any more. */
  #countAnew(): void {
    const since = this.#now();
    this.#missedUntil = since;
    for (const uses of this.#policies.values())
      for (const [key, use] of uses) uses.set(key, { ...use, since });
    this.#version += 1;
  }

  #count(host: ForwardedHost, connections: number): void {
    const lastUsed = this.#now();
    for (const { spec } of this.#tablesOf.get(host.cluster) ?? []) {
      const uses = this.#policies.get(spec.networkPolicyId);
      for (const key of usedEntries(indexTable(spec, BEFORE_ANY_EXPIRY), host)) {
        const use = uses?.get(key);
        if (use === undefined) continue;
        const firstUsed = use.firstUsed ?? use.lastUsed ?? lastUsed;
        uses?.set(key, { ...use, connections: use.connections + connections, firstUsed, lastUsed });
        this.#version += 1;
      }
    }
  }

  #now(): string {
    return new Date(this.#options.nowMs()).toISOString();
  }
}

/**
 * Envoy counts anew after a host was evicted, after a start, and when its cluster has changed. A host is there only because
 * somebody was let through to it, so a new one was used even where its requests are counted no more.
 */
function requestsSince(former: number | undefined, { requests }: ForwardedHost): number {
  if (former === undefined) return Math.max(requests, 1);
  return requests >= former ? requests - former : requests;
}

function isSame(tables: readonly EgressTable[], others: readonly EgressTable[]): boolean {
  return tables.length === others.length && tables.every((table, at) => table === others[at]);
}

function keyOf({ cluster, host, port }: ForwardedHost): string {
  return `${cluster} ${host}:${port}`;
}

/** By cluster, the tables whose lanes use it. Lanes in dry-run share one. */
function clustersOf(
  tables: readonly EgressTable[],
  listeners: readonly EgressListener[],
): ReadonlyMap<string, readonly EgressTable[]> {
  const inDryRun = new Set(listeners.flatMap(({ lane, table }) => (isDryRun(lane) ? [table] : [])));
  const used = tables.flatMap((table) => [
    [forwardName(table.metadata.name), table] as const,
    ...(inDryRun.has(table.metadata.name)
      ? [[forwardName(dryRunName(privateRangesOf(table))), table] as const]
      : []),
  ]);
  const grouped = Map.groupBy(used, ([cluster]) => cluster);
  return new Map([...grouped].map(([cluster, some]) => [cluster, some.map(([, table]) => table)]));
}

function entriesOf({ groups }: EgressTable['spec']): readonly Pick<EntryUse, 'list' | 'entry'>[] {
  return groups.flatMap((group) => group.names.flatMap((pattern) => entryOf({ pattern, group }) ?? []));
}

/** Undefined for what is no allowed entry of the policy. */
function entryOf(match: Match): Pick<EntryUse, 'list' | 'entry'> | undefined {
  const { list, entry } = ruleOf(match);
  const isOfPolicy = list === 'allowedInternetDestinations' || list === 'allowedStorageDestinations';
  return isOfPolicy ? { list, entry } : undefined;
}

/** Of each protocol the first on the port: which of them it was, nobody knows any more. */
function usedEntries(index: TableIndex, { host, port }: ForwardedHost): ReadonlySet<string> {
  const asked = parseAskedHost(host);
  const matches = 'name' in asked ? matchesOf(index, asked.name) : [];
  const first = PORT_PROTOCOLS.flatMap((protocol) => {
    const match = matches.find(({ group }) =>
      group.ports.some((open) => open.port === port && open.protocol === protocol),
    );
    return match === undefined ? [] : [match];
  });
  return new Set(
    first.flatMap((match) => {
      const entry = entryOf(match);
      return entry === undefined ? [] : [useKey(entry)];
    }),
  );
}
