// Keeps the limits of connections at accept where Envoy reads them, and says in the log what they refused.
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeFileAtomic } from '../deliver/atomic-file.ts';
import type { RefusedAt } from '../gateway/process/envoy-admin.ts';
import { CONTEXT_PARTS, DROP_PREFIX, type LineContext } from '../model/access-log-line.ts';
import type { Reason } from '../model/reason.ts';
import { limitsPath, renderConnectionLimits } from '../render/envoy/connection-limits.ts';
import type { Entrance, GatewaySettings } from '../render/envoy/envoy-config.ts';
import { proxyPlace, tlsPlaces } from '../render/envoy/listener-places.ts';

/** To be called before listeners come, so that none is without a limit. */
export async function writeConnectionLimits(
  entrances: readonly Entrance[],
  settings: GatewaySettings,
): Promise<void> {
  const path = limitsPath(settings);
  await mkdir(dirname(path), { recursive: true });
  await writeFileAtomic(path, `${JSON.stringify(renderConnectionLimits(entrances, settings))}\n`);
}

/** A line for all connections that a listener refused since the last one; undefined where no entrance has it. */
export function refusedLine(
  entrances: readonly Entrance[],
  refused: RefusedAt,
  atMs: number,
): string | undefined {
  for (const entrance of entrances) {
    if (proxyPlace(entrance).name === refused.listener) return lineOf(entrance, '', refused, atMs);
    const tls = tlsPlaces(entrance).find(({ name }) => name === refused.listener);
    if (tls !== undefined) return lineOf(entrance, `-:${tls.serverPort}`, refused, atMs);
  }
  return undefined;
}

/** As the entrance itself would write it; whose connections they were is not known any more. */
function lineOf(
  entrance: Entrance,
  authority: string,
  { connections, isOverloaded }: RefusedAt,
  atMs: number,
): string {
  const reason: Reason = isOverloaded ? 'GATEWAY_OVERLOADED' : 'TOO_MANY_CONNECTIONS';
  const { workspace, workspaceId, product = '', lane, networkPolicyId: policy, table } = entrance;
  const context: LineContext = {
    ...{ revision: '', workspace, workspaceId, product, lane, policy, table, source: '', authority },
  };
  return JSON.stringify({
    listener: 'entrance',
    context: CONTEXT_PARTS.map((part) => context[part]).join('|'),
    time: new Date(atMs).toISOString(),
    decision: `${DROP_PREFIX}${reason}`,
    repeats: connections,
  });
}
