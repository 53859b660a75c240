// The parts of egress that are not in force, as sentences for people: whose it is, why, what stays in force meanwhile
// and what to do. They quote Envoy's error, except where a port is taken: then the port is tried, and the sentence says
// what to do.
import type { ClientPorts } from '../../render/envoy/envoy-config.ts';
import { portProblem } from '../ports/port-probe.ts';
import type { HeldBackResource } from '../xds/resource-book.ts';
import type { XdsResult } from '../xds/xds-applier.ts';
import type { EgressResource } from './egress-resources.ts';

const CANNOT_BIND = /cannot bind/i;
const SILENT = 'Cannot learn what Envoy runs: it did not answer in time, check its log';

/** A sentence for each thing that is held back; none where everything is in force, or Envoy does not run. */
export async function heldBackSentences(result: XdsResult): Promise<readonly string[]> {
  if (result.status === 'timeout') return [SILENT];
  if (result.status !== 'heldBack') return [];
  const sentences: string[] = [];
  for (const part of result.heldBack) {
    const clientPorts = (part.resource as EgressResource | undefined)?.clientPorts;
    if (clientPorts === undefined) sentences.push(sentence(whatOf(part), part));
    else sentences.push(...(await ofClientPorts(part, clientPorts)));
  }
  return [...new Set(sentences)];
}

function whatOf({ kind, name, resource }: HeldBackResource): string {
  const of = resource as EgressResource | undefined;
  if (of?.lane !== undefined) return `Table "${of.table}" in lane ${of.lane}`;
  const what = `${kind === 'cluster' ? 'Cluster' : 'Listener'} "${name}"`;
  return of?.table === undefined ? what : `${what} of table "${of.table}"`;
}

async function ofClientPorts(
  part: HeldBackResource,
  { egressListener, ports }: ClientPorts,
): Promise<readonly string[]> {
  const { workspace, product, lane, address } = egressListener;
  const who = `${workspace}/${product ?? lane}`;
  const taken = CANNOT_BIND.test(part.text)
    ? await Promise.all(ports.map((port) => portProblem(address, port)))
    : [];
  const problems = taken.filter((problem) => problem !== undefined);
  if (problems.length > 0) return problems.map((problem) => `${who}: ${problem}`);
  return [sentence(`${who}, port ${ports.join(' and ')}`, part)];
}

function sentence(what: string, { kind, text, isFormer }: HeldBackResource): string {
  const none = kind === 'listener' ? 'its egress listener is closed' : 'it denies';
  return `${what}: ${text}; ${isFormer ? 'what was in force before stays' : `until it is accepted, ${none}`}`;
}
