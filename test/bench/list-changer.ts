// Blocks a client by a call of the REST API and admits it again, in turns, each time in another workspace, by PATCH and
// by PUT, and says how long after the answer the ingress gateway obeyed.
import { setTimeout as delay } from 'node:timers/promises';
import { DoorProbe } from './door-probe.ts';
import { hostOf, LIST, RANGES, type RestSystem } from './rest-system.ts';

/** Between two changes, so that each finds everything at rest. */
const REST_MS = 200;
const CLIENT = '127.0.0.77';

/** Milliseconds since the answer, but for `answerMs`: that is how long it took to answer. */
export interface ListChange {
  readonly isBlocked: boolean;
  readonly answerMs: number;
  /** NaN in a folder, where nobody sees it. */
  readonly planMs: number;
  readonly enforcedMs: number;
}

export async function changeLists(
  system: RestSystem,
  workspaces: readonly string[],
  count: number,
): Promise<readonly ListChange[]> {
  const probe = new DoorProbe(system.door, CLIENT);
  try {
    for (const name of workspaces) await probe.untilDenied(hostOf(name), false);
    const changes: ListChange[] = [];
    for (let at = 0; at < count; at += 1) {
      const workspace = workspaces[(Math.floor(at / 2) * 97) % workspaces.length] ?? '';
      changes.push(await changeOne(system, probe, { workspace, isBlocked: at % 2 === 0, isPut: at % 4 > 1 }));
      await delay(REST_MS);
    }
    return changes;
  } finally {
    probe.close();
  }
}

interface NextChange {
  readonly workspace: string;
  readonly isBlocked: boolean;
  readonly isPut: boolean;
}

async function changeOne(
  system: RestSystem,
  probe: DoorProbe,
  { workspace, isBlocked, isPut }: NextChange,
): Promise<ListChange> {
  const ip_addresses = isBlocked ? [...RANGES, CLIENT] : RANGES;
  const whole = { label: LIST, list_type: 'BLOCK', enabled: true, ip_addresses };
  const planned = system.planned(workspace);
  const startMs = performance.now();
  // The gateway may obey before the answer arrives.
  const obeyed = probe.untilDenied(hostOf(workspace), isBlocked);
  const { status, body } = await system.call(workspace, {
    method: isPut ? 'PUT' : 'PATCH',
    path: `/api/2.0/ip-access-lists/${LIST}`,
    body: isPut ? whole : { ip_addresses },
  });
  const answeredMs = performance.now();
  if (status !== 200) throw new Error(`Cannot change the list: ${status} ${JSON.stringify(body)}`);
  const since = (atMs: number): number => Math.max(0, atMs - answeredMs);
  const enforcedMs = since(await obeyed);
  return { isBlocked, answerMs: answeredMs - startMs, planMs: since(await planned), enforcedMs };
}
