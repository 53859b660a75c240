// The parts of a configuration that are not in force, as sentences for people: whose it is, why, what stays in force
// meanwhile and what to do. They quote Envoy's error, except where a port is taken: then the port is tried, and the
// sentence says what to do.

import type { Door, EnvoyConfig, RouteTable } from '../../render/envoy/envoy-config.ts';
import { portProblem } from '../ports/port-probe.ts';
import type { ApplyResult } from './config-applier.ts';
import type { HeldBack } from './held-back.ts';

const CANNOT_BIND = /cannot bind/i;

/** A sentence for each thing that is held back; none where everything is in force, or Envoy does not run. */
export async function heldBackSentences(result: ApplyResult, envoy: EnvoyConfig): Promise<readonly string[]> {
  if (result.status === 'applied') return [];
  if (result.status === 'timeout') return [result.text];
  if (result.status === 'notRunning') return result.problems;
  const doors = new Map(envoy.egressListeners.map(({ name, door }) => [name, door]));
  const tables = new Map(envoy.routeTables.map((table) => [table.name, table]));
  const sentences: string[] = [];
  for (const part of result.heldBack) {
    const door = part.layer === 'listener' ? doors.get(part.name) : undefined;
    if (door === undefined) sentences.push(sentence(whatOf(part, tables), part));
    else sentences.push(...(await ofDoor(part, door)));
  }
  return [...new Set(sentences)];
}

function whatOf({ layer, name }: HeldBack, tables: ReadonlyMap<string, RouteTable>): string {
  const table = layer === 'table' ? tables.get(name) : undefined;
  if (table !== undefined) return `Table "${table.table}" in lane ${table.lane}`;
  return `${layer === 'cluster' ? 'Cluster' : 'Listener'} "${name}"`;
}

async function ofDoor(part: HeldBack, { egressListener, ports }: Door): Promise<readonly string[]> {
  const { workspace, product, lane, address } = egressListener;
  const who = `${workspace}/${product ?? lane}`;
  const taken = CANNOT_BIND.test(part.text)
    ? await Promise.all(ports.map((port) => portProblem(address, port)))
    : [];
  const problems = taken.filter((problem) => problem !== undefined);
  if (problems.length > 0) return problems.map((problem) => `${who}: ${problem}`);
  return [sentence(`${who}, port ${ports.join(' and ')}`, part)];
}

function sentence(what: string, { layer, text, isFormer }: HeldBack): string {
  const none = layer === 'listener' ? 'its egress listener is closed' : 'it denies';
  return `${what}: ${text}; ${isFormer ? 'what was in force before stays' : `until it is accepted, ${none}`}`;
}
