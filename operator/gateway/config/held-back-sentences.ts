// The parts of a configuration that are not in force, as sentences for people: whose it is, why, what stays in force
// meanwhile and what to do. They quote Envoy's error, except where a port is taken: then the port is tried, and the
// sentence says what to do.
import type { ClientPorts } from '../../render/envoy/envoy-config.ts';
import { portProblem } from '../ports/port-probe.ts';
import type { ApplyResult } from './config-applier.ts';
import type { HeldBack } from './held-back.ts';

const CANNOT_BIND = /cannot bind/i;

/** A sentence for each thing that is held back; none where everything is in force, or Envoy does not run. */
export async function heldBackSentences(result: ApplyResult): Promise<readonly string[]> {
  if (result.status === 'applied') return [];
  if (result.status === 'timeout') return [result.text];
  if (result.status === 'notRunning') return result.problems;
  const sentences: string[] = [];
  for (const part of result.heldBack) {
    const clientPorts = part.of?.clientPorts;
    if (clientPorts === undefined) sentences.push(sentence(whatOf(part), part));
    else sentences.push(...(await ofClientPorts(part, clientPorts)));
  }
  return [...new Set(sentences)];
}

function whatOf({ layer, name, of }: HeldBack): string {
  if (of?.lane !== undefined) return `Table "${of.table}" in lane ${of.lane}`;
  const what = `${layer === 'cluster' ? 'Cluster' : 'Listener'} "${name}"`;
  return of?.table === undefined ? what : `${what} of table "${of.table}"`;
}

async function ofClientPorts(
  part: HeldBack,
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

function sentence(what: string, { layer, text, isFormer }: HeldBack): string {
  const none = layer === 'listener' ? 'its egress listener is closed' : 'it denies';
  return `${what}: ${text}; ${isFormer ? 'what was in force before stays' : `until it is accepted, ${none}`}`;
}
