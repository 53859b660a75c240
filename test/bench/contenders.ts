// Targets of the connect benchmark: Squid and three gateways, all started at once, and no proxy at all.
// Squid has one worker, so the gateways that are compared have one; as users have it, with one per core, is there too.
import { join } from 'node:path';
import type { OutsideServers } from '../outside/outside-servers.ts';
import { ANY_NAME, BenchFolder, destinationNames, sampleOf, WORKSPACE } from './bench-folder.ts';
import type { BenchSettings } from './bench-report.ts';
import { freePort } from './free-port.ts';
import { SallyportProcess } from './sallyport-process.ts';
import { SquidProxy } from './squid-proxy.ts';
import type { Place } from './tunnel.ts';

export const MANY = 2500;
export const FEW = 10;
const ONE_WORKER = ['--concurrency', '1'];

const DIRECT = 'direct';
export const SQUID = `Squid, ${MANY} names`;
export const GATEWAY = `gateway, ${MANY} names`;
export const GATEWAY_FEW = `gateway, ${FEW} names`;
export const TRANSPARENT = `transparent TLS, ${MANY} names`;
export const TRANSPARENT_FEW = `transparent TLS, ${FEW} names`;
const GATEWAY_WORKERS = `gateway, ${MANY} names, a worker per core`;

export interface Contender {
  readonly label: string;
  readonly target: Place;
  /** Whether a tunnel is asked for with CONNECT; otherwise TLS begins at once. */
  readonly isProxy: boolean;
  /** Undefined where there is nothing in between. */
  readonly pid: number | undefined;
  /** What works beside the proxy for it: `sallyport run`, which reads its log. */
  readonly companionPid?: number;
}

export interface Stoppable {
  stop(): Promise<void>;
}

/** What was started is added to `started`, also where a later part fails. */
export async function startContenders(
  outside: OutsideServers,
  { work, say }: BenchSettings,
  started: Stoppable[],
): Promise<readonly Contender[]> {
  const origin = outside.addressOf(ANY_NAME);
  const names = destinationNames(MANY);
  const place = { host: outside.listenAddress, port: await freePort(outside.listenAddress) };
  const hosts = Object.fromEntries(usedNames().map((name) => [name, origin]));
  say('Starting Squid and three gateways');
  const squid = await SquidProxy.start({ place, names, hosts });
  started.push(squid);
  const direct = { label: DIRECT, target: { host: origin, port: 443 }, isProxy: false, pid: undefined };
  const contenders: Contender[] = [direct, { label: SQUID, target: place, isProxy: true, pid: squid.pid }];
  for (const [at, { label, transparent, count, furtherOptions }] of GATEWAYS.entries()) {
    const folder = new BenchFolder(join(work, `folder-${at}`));
    await folder.create(sampleOf(names, count));
    const ports = `${20_000 + at * 1000}-${20_999 + at * 1000}`;
    const state = join(work, `state-${at}`);
    const sallyport = new SallyportProcess({ folder: folder.path, state, outside, ports, furtherOptions });
    started.push(sallyport);
    await sallyport.start();
    const processes = { pid: await sallyport.envoyPid(), companionPid: sallyport.pid };
    const [proxy, tls] = [await sallyport.proxy(WORKSPACE), await sallyport.tls(WORKSPACE)];
    contenders.push({ label, target: proxy, isProxy: true, ...processes });
    if (transparent !== undefined) {
      contenders.push({ label: transparent, target: tls, isProxy: false, ...processes });
    }
  }
  return contenders;
}

const GATEWAYS = [
  { label: GATEWAY, transparent: TRANSPARENT, count: MANY, furtherOptions: ONE_WORKER },
  { label: GATEWAY_FEW, transparent: TRANSPARENT_FEW, count: FEW, furtherOptions: ONE_WORKER },
  { label: GATEWAY_WORKERS, transparent: undefined, count: MANY, furtherOptions: [] },
];

/** Ten names that are in both policies. */
export function usedNames(): readonly string[] {
  return sampleOf(destinationNames(MANY), FEW);
}
