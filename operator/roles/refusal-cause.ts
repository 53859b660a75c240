// Why Envoy did not take a configuration, for the person at the terminal. Envoy's own words are kept, except where a
// port cannot be had: then the port is tried, and the sentence names the workload and says what to do.
import type { ApplyResult } from '../gateway/config/config-applier.ts';
import { portProblem } from '../gateway/ports/port-probe.ts';
import type { Entrance } from '../render/envoy/envoy-config.ts';
import { listenerPlaces } from '../render/envoy/listener-places.ts';

const CANNOT_BIND = /cannot bind/i;

/** Empty where nothing was refused; one line per port that cannot be had. */
export async function refusalCause(result: ApplyResult, entrances: readonly Entrance[]): Promise<string> {
  if (result.status === 'applied' || result.status === 'notRunning') return '';
  if (result.status === 'timeout') return result.text;
  const unbound = new Set(
    result.refusals.filter(({ text }) => CANNOT_BIND.test(text)).map(({ name }) => name),
  );
  const sentences: string[] = [];
  for (const entrance of entrances) {
    const { workspace, product, lane, address } = entrance;
    const refused = listenerPlaces(entrance).filter(({ name }) => unbound.has(name));
    for (const port of refused.flatMap(({ ports }) => ports)) {
      const problem = await portProblem(address, port);
      if (problem !== undefined) sentences.push(`${workspace}/${product ?? lane}: ${problem}`);
    }
  }
  return sentences.length === 0 ? result.text : sentences.join('\n');
}
