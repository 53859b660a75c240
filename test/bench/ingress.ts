// IP access lists: CPU time of Envoy for a request with lists of 1,000 ranges, of one, and without lists; nginx in the
// same run. All take turns, so that noise of the machine affects all alike. And what one decideIngress() takes.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { decideIngress } from '../../operator/compile/ingress/decide-ingress.ts';
import { addressText } from '../../operator/model/address-range.ts';
import type { IngressRules } from '../../operator/model/ingress-plan.ts';
import { ingressPlan } from '../fixtures/ingress-rules.ts';
import { ByteReader } from '../outside/byte-reader.ts';
import { readResponse } from '../outside/http-exchange.ts';
import { IngressFixture } from '../support/envoy/ingress-fixture.ts';
import type { BenchReport, BenchSettings } from './bench-report.ts';
import type { Stoppable } from './contenders.ts';
import { freePort } from './free-port.ts';
import { NginxServer } from './nginx-server.ts';
import { cpuSeconds } from './process-usage.ts';
import { median, ratios, spread } from './statistics.ts';
import type { Place } from './tunnel.ts';

const HOST = '127.0.0.1';
const CLIENTS = 8;
const ROUNDS = 30;
const BURST_MS = 600;
const MANY = 1000;
const CHECKS = 2_000_000;

const ENVOY_OFF = 'Envoy, lists off';
const ENVOY_ONE = 'Envoy, 1 range';
const ENVOY_MANY = `Envoy, ${MANY} ranges`;
const NGINX_ONE = 'nginx allow, 1 range';
const NGINX_MANY = `nginx allow, ${MANY} ranges`;
const NGINX_GEO = `nginx geo, ${MANY} ranges`;

interface Contender {
  readonly label: string;
  readonly place: Place;
  readonly host: string;
  readonly pid: number;
}

/** The client's own comes last, since some walk through all. */
function ranges(count: number): readonly string[] {
  return [...Array.from({ length: count - 1 }, (_, at) => `10.${at >> 8}.${at & 255}.0/24`), '127.0.0.0/30'];
}

function allowing(ipAddresses: readonly string[]): IngressRules {
  const list = { label: 'l', listType: 'ALLOW', mode: 'ENFORCED', enabled: true, listId: 'offices' } as const;
  return { enableIpAccessLists: true, lists: [{ ...list, ipAddresses: [...ipAddresses] }] };
}

export async function benchIngress(settings: BenchSettings): Promise<BenchReport> {
  const started: Stoppable[] = [];
  try {
    const contenders = await startAll(settings, started);
    const cpuUs = new Map<string, number[]>(contenders.map(({ label }) => [label, []]));
    const burstMs = settings.isQuick ? BURST_MS / 4 : BURST_MS;
    for (const contender of contenders) await burst(contender, burstMs);
    for (let round = 0; round < ROUNDS; round += 1) {
      settings.say(`Round ${round + 1} of ${ROUNDS}`);
      const order = round % 2 === 0 ? contenders : contenders.toReversed();
      for (const contender of order) cpuUs.get(contender.label)?.push(await burst(contender, burstMs));
    }
    return report(cpuUs, nanosecondsPerCheck());
  } finally {
    for (const part of started.toReversed()) await part.stop();
  }
}

async function startAll({ say }: BenchSettings, started: Stoppable[]): Promise<readonly Contender[]> {
  say('Starting Envoy and three nginx');
  const server = createServer((_, response) => response.end('hello\n')).listen(0, HOST);
  await once(server, 'listening');
  started.push({
    stop: async () => {
      server.closeAllConnections();
      await once(server.close(), 'close');
    },
  });
  const backend = { address: HOST, host: HOST, port: (server.address() as AddressInfo).port };
  const fixture = await IngressFixture.start();
  started.push(fixture);
  const plans = [
    ingressPlan('off', { ...allowing([]), enableIpAccessLists: false }),
    ingressPlan('one', allowing(ranges(1))),
    ingressPlan('many', allowing(ranges(MANY))),
  ];
  await fixture.apply(plans, {
    backends: new Map(plans.map(({ metadata: { name } }) => [name, [backend]])),
  });
  const envoy = { place: { host: HOST, port: fixture.settings.httpPort }, pid: fixture.xds.envoy.pid ?? 0 };
  const contenders: Contender[] = [
    { label: ENVOY_OFF, host: 'off.example', ...envoy },
    { label: ENVOY_ONE, host: 'one.example', ...envoy },
    { label: ENVOY_MANY, host: 'many.example', ...envoy },
  ];
  const peers = [
    { label: NGINX_ONE, by: 'allow', addresses: ranges(1) },
    { label: NGINX_MANY, by: 'allow', addresses: ranges(MANY) },
    { label: NGINX_GEO, by: 'geo', addresses: ranges(MANY) },
  ] as const;
  for (const { label, by, addresses } of peers) {
    const place = { host: HOST, port: await freePort(HOST) };
    const nginx = await NginxServer.start({ place, backend, by, addresses });
    started.push(nginx);
    contenders.push({ label, host: 'one.example', place, pid: nginx.pid });
  }
  return contenders;
}

/** CPU time of the process for each request, in microseconds. */
async function burst({ place, host, pid, label }: Contender, durationMs: number): Promise<number> {
  const sockets = await Promise.all(Array.from({ length: CLIENTS }, () => opened(place)));
  const before = await cpuSeconds(pid);
  const untilMs = performance.now() + durationMs;
  const counts = await Promise.all(sockets.map((socket) => requests(socket, host, label, untilMs)));
  const used = (await cpuSeconds(pid)) - before;
  for (const socket of sockets) socket.destroy();
  return (used * 1e6) / counts.reduce((sum, count) => sum + count, 0);
}

async function opened(place: Place): Promise<Socket> {
  const socket = connect(place);
  await once(socket, 'connect');
  return socket;
}

async function requests(socket: Socket, host: string, label: string, untilMs: number): Promise<number> {
  const reader = new ByteReader(socket);
  let count = 0;
  while (performance.now() < untilMs) {
    socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    const { status } = await readResponse(reader, 'GET');
    if (status !== 200) throw new Error(`Cannot measure ${label}: it answered ${status}`);
    count += 1;
  }
  return count;
}

function nanosecondsPerCheck(): number {
  const rules = allowing(ranges(MANY));
  const addresses = Array.from({ length: 4096 }, (_, at) => addressText(0x0a000000 + at * 997));
  decideIngress(rules, HOST);
  const startedMs = performance.now();
  for (let at = 0; at < CHECKS; at += 1) decideIngress(rules, addresses[at & 4095] as string);
  return ((performance.now() - startedMs) * 1e6) / CHECKS;
}

function report(cpuUs: ReadonlyMap<string, readonly number[]>, checkNs: number): BenchReport {
  const of = (label: string): readonly number[] => cpuUs.get(label) ?? [];
  const growth = median(ratios(of(ENVOY_MANY), of(ENVOY_ONE)));
  const nginxGrowth = median(ratios(of(NGINX_MANY), of(NGINX_ONE)));
  const rows = [...cpuUs].map(([label, values]) => [
    label,
    median(values).toFixed(1),
    `${(spread(values) * 100).toFixed(0)} %`,
  ]);
  const percent = (ratio: number): string => `${((ratio - 1) * 100).toFixed(1)} %`;
  return {
    tables: [{ title: 'CPU time for a request', head: ['', 'microseconds', 'noise'], rows }],
    targets: [
      {
        kind: 'wish',
        text: `${MANY} ranges cost Envoy at most 3 % more than one`,
        found: `${percent(growth)} (nginx allow: ${percent(nginxGrowth)})`,
        isMet: growth <= 1.03,
      },
      {
        kind: 'wish',
        text: `decideIngress() with ${MANY} ranges takes less than 1 microsecond`,
        found: `${checkNs.toFixed(0)} ns`,
        isMet: checkNs < 1000,
      },
    ],
    figures: {
      cpuUs: Object.fromEntries([...cpuUs].map(([label, values]) => [label, median(values)])),
      growth,
      nginxGrowth,
      checkNs,
    },
  };
}
