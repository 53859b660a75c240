// Memory of the tunnels that may be open: the names that each table allowed, the tunnel checks of their tunnels, which
// tunnel checks must close theirs, and how often each has done so. Pure: one state in, the next one out.
import { compareText } from '../../model/snapshot.ts';
import { MAX_TUNNEL_AGE_S } from './deny-routes.ts';
import type { ClassifiedNames } from './destination-classes.ts';
import {
  type CarriedNames,
  classComparer,
  isWithin,
  revokedTunnelChecks,
  tunnelCheckOf,
} from './revocation.ts';
import type { SpreadTable } from './spread-table.ts';

/** Names whose new tunnels use another tunnel check, or none, while old ones are open. */
interface FormerNames extends CarriedNames {
  /** Epoch milliseconds: by then the last of their tunnels has ended. */
  readonly untilMs: number;
}

/**
 * A tunnel check stays so long after it closed its tunnels: those of a removed listener end later, and without a log
 * line.
 */
const KEPT_AFTER_CLOSING_MS = 60_000;

export interface TableMemory {
  readonly classes: readonly ClassifiedNames[];
  readonly shards: number;
  readonly left: readonly FormerNames[];
}

export interface TunnelMemory {
  readonly tables: Readonly<Record<string, TableMemory>>;
  /** Number of revocations so far. */
  readonly revocations: number;
  /** Tunnel checks that must close their tunnels, each with the number of its last revocation. */
  readonly revoked: Readonly<Record<string, number>>;
  /** By tunnel check: how often it has closed its tunnels. */
  readonly generations: Readonly<Record<string, number>>;
}

export const NO_TUNNELS: TunnelMemory = { tables: {}, revocations: 0, revoked: {}, generations: {} };

/** The very same memory where nothing has changed. */
export function nextTunnelMemory(
  before: TunnelMemory,
  tables: readonly SpreadTable[],
  atMs: number,
): TunnelMemory {
  const next = tables.map((table) => {
    const { name } = table.classified.table.metadata;
    return { name, ...nextOfTable(before.tables[name], table, atMs) };
  });
  const isSame =
    next.length === Object.keys(before.tables).length &&
    next.every(({ name, memory }) => memory === before.tables[name]);
  if (isSame) return before;
  const revoked = next.flatMap((table) => [...table.revoked]).toSorted(compareText);
  const revocations = before.revocations + (revoked.length > 0 ? 1 : 0);
  return {
    tables: Object.fromEntries(next.map(({ name, memory }) => [name, memory])),
    revocations,
    revoked: {
      ...before.revoked,
      ...Object.fromEntries(revoked.map((tunnelCheck) => [tunnelCheck, revocations])),
    },
    generations: before.generations,
  };
}

/** Envoy's observed state of a revoked tunnel check. */
export interface SeenTunnelCheck {
  readonly tunnelCheck: string;
  /** Number of the revocation that was in force then. */
  readonly revocation: number;
  readonly hasTunnels: boolean;
}

/** A tunnel check of a new generation closes its tunnels. One without tunnels is left as it is. */
export function closeTunnels(memory: TunnelMemory, seen: readonly SeenTunnelCheck[]): TunnelMemory {
  const isDone = ([tunnelCheck, revocation]: readonly [string, number]): boolean =>
    seen.some((one) => one.tunnelCheck === tunnelCheck && one.revocation === revocation);
  const closed = seen.filter(({ hasTunnels }) => hasTunnels);
  return {
    ...memory,
    revoked: Object.fromEntries(Object.entries(memory.revoked).filter((entry) => !isDone(entry))),
    generations: {
      ...memory.generations,
      ...Object.fromEntries(
        closed.map(({ tunnelCheck }) => [tunnelCheck, (memory.generations[tunnelCheck] ?? 0) + 1]),
      ),
    },
  };
}

interface NextOfTable {
  readonly memory: TableMemory;
  readonly revoked: Iterable<string>;
}

function nextOfTable(
  before: TableMemory | undefined,
  { classified: { table, classes }, shards }: SpreadTable,
  atMs: number,
): NextOfTable {
  if (before === undefined) return { memory: { classes, shards, left: [] }, revoked: [] };
  const isYoung = ({ untilMs }: FormerNames): boolean => atMs < untilMs;
  const isSame = before.classes === classes && before.shards === shards && before.left.every(isYoung);
  if (isSame) return { memory: before, revoked: [] };
  const untilMs = atMs + MAX_TUNNEL_AGE_S * 1000;
  const carried = [
    ...before.classes.map((names) => ({ ...names, shards: before.shards, untilMs })),
    ...before.left.filter(isYoung),
  ];
  const { name } = table.metadata;
  const revoked = revokedTunnelChecks(name, carried, before.classes, classes);
  const isPresent = presence(name, classes, shards);
  const left = carried.flatMap((names) => {
    if (names.class.kind === 'blocked') return [];
    const gone = names.patterns.filter((pattern) => !isPresent(pattern, names));
    const [closed, open] = partition(gone, (pattern) => revoked.has(tunnelCheckOf(name, pattern, names)));
    const closedUntilMs = Math.min(names.untilMs, atMs + KEPT_AFTER_CLOSING_MS);
    return [
      { ...names, patterns: closed, untilMs: closedUntilMs },
      { ...names, patterns: open },
    ].filter(({ patterns }) => patterns.length > 0);
  });
  return { memory: { classes, shards, left }, revoked };
}

/** Whether new tunnels of a pattern use the same tunnel check as old ones, with all their rights. */
function presence(
  table: string,
  classes: readonly ClassifiedNames[],
  shards: number,
): (pattern: string, names: CarriedNames) => boolean {
  const classOf = new Map(
    classes.flatMap((names) => names.patterns.map((pattern) => [pattern, names.class] as const)),
  );
  const areSame = classComparer();
  return (pattern, names) => {
    const now = classOf.get(pattern);
    if (now === undefined) return false;
    if (names.shards === shards && areSame(names.class, now)) return true;
    if (!isWithin(names.class, now)) return false;
    const current = { class: now, patterns: [], shards };
    return tunnelCheckOf(table, pattern, current) === tunnelCheckOf(table, pattern, names);
  };
}

function partition<T>(
  items: readonly T[],
  holds: (item: T) => boolean,
): readonly [readonly T[], readonly T[]] {
  return [items.filter(holds), items.filter((item) => !holds(item))];
}
