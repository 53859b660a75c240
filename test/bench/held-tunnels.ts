// Tunnels that stay open through every gateway until they are closed. In: proxies and a name. Out: when each had ended.
import { openTunnel } from '../outside/proxy-client.ts';
import type { Place } from './tunnel.ts';

export interface HeldTunnels {
  /** Moment (performance.now()) at which the last of them ended. */
  readonly ended: Promise<number>;
}

/** Resolves when all are open. */
export async function holdTunnels(proxies: readonly Place[], name: string, ca: string): Promise<HeldTunnels> {
  const tunnels = await Promise.all(
    proxies.map((proxy) => openTunnel({ proxy, ca, url: `https://${name}/` })),
  );
  // It never comes to its end; an idle connection would be ended by the server.
  for (const tunnel of tunnels) tunnel.get('/slow/1000000/20').catch(() => undefined);
  const ended = Promise.all(tunnels.map(({ closed }) => closed)).then(() => performance.now());
  return { ended };
}
