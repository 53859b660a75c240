// What of a configuration may go to Envoy: all of it, less what Envoy refused and what depends on that, less the
// tables that this machine has no room for. Pure.

import type { EnvoyConfig } from '../../render/envoy/envoy-config.ts';
import { type ResourceTexts, resourceTexts } from './config-files.ts';
import { routeTableLimitProblem } from './inotify-limit.ts';
import type { Refusal, Refusals } from './refusals.ts';

export interface WantedConfig {
  readonly guards: ResourceTexts;
  readonly clusters: ResourceTexts;
  readonly tables: ResourceTexts;
  readonly entrances: ResourceTexts;
  /** Why it is not all of the configuration; empty when it is. */
  readonly refusals: readonly Refusal[];
  /** Route tables and entrances that are not as the configuration has them. */
  readonly withheld: readonly string[];
}

/** Contents that Envoy accepted last, by layer. */
export interface GoodContents {
  readonly listeners: ResourceTexts;
  readonly clusters: ResourceTexts;
  readonly tables: ResourceTexts;
}

/** Listeners that name route tables are entrances; all others are guards. */
export function isEntrance(listenerText: string): boolean {
  return listenerText.includes('"route_config_name"');
}

export function wantedConfig(
  next: EnvoyConfig,
  good: GoodContents,
  refused: Refusals,
  tableLimit: number,
): WantedConfig {
  const all = {
    guards: resourceTexts(next.guards),
    clusters: resourceTexts(next.clusters),
    tables: resourceTexts(next.routeTables),
    entrances: resourceTexts(next.entrances),
  };
  const noRoom = tablesWithoutRoom(all.tables, good.tables, tableLimit);
  // Whoever is left out takes along what names it: guard <- cluster <- table <- entrance.
  const blocked = new Set(noRoom);
  const guards = refused.withhold('listener', all.guards, good.listeners, blocked);
  const clusters = refused.withhold('cluster', all.clusters, good.clusters, blocked);
  const tables = refused.withhold('table', all.tables, good.tables, blocked);
  const entrances = refused.withhold('listener', all.entrances, good.listeners, blocked);
  const limits = noRoom.map((name): Refusal => {
    return { layer: 'table', name, text: routeTableLimitProblem(name, tableLimit) };
  });
  const refusals = [
    ...refused.among('listener', all.guards),
    ...refused.among('cluster', all.clusters),
    ...refused.among('table', all.tables),
    ...refused.among('listener', all.entrances),
    ...limits,
  ];
  const withheld = [...differing(all.tables, tables), ...differing(all.entrances, entrances)];
  return { guards, clusters, tables, entrances, refusals, withheld };
}

function differing(all: ResourceTexts, chosen: ResourceTexts): string[] {
  return [...all].filter(([name, text]) => chosen.get(name) !== text).map(([name]) => name);
}

// Tables that are there already stay; of the new ones the first by name get what room there is. Tables on their way
// out count until they are gone.
function tablesWithoutRoom(wanted: ResourceTexts, present: ResourceTexts, limit: number): string[] {
  const fresh = [...wanted.keys()].filter((name) => !present.has(name)).sort();
  return fresh.slice(Math.max(0, limit - present.size));
}
