// Samples of the connect benchmark -> tables, targets and figures. Ratios are taken within a round, where both sides
// had about the same noise; their median counts.
import { availableParallelism } from 'node:os';
import { type BenchReport, type BenchTable, figure, type Target } from './bench-report.ts';
import { FEW, GATEWAY, GATEWAY_FEW, MANY, SQUID, TRANSPARENT, TRANSPARENT_FEW } from './contenders.ts';
import { median, percentile, ratios, spread } from './statistics.ts';

const RATE_WANTED = 0.9;
const CPU_RATIO_WANTED = 1.05;
const TRANSPARENT_WANTED = 0.9;

/** One burst through one contender. */
export interface Sample {
  readonly perSecond: number;
  /** Of the proxy. */
  readonly cpuUsPerTunnel: number;
  /** Of proxy, companion, clients and origin together. */
  readonly allCpuUsPerTunnel: number;
  readonly latenciesMs: Float64Array;
  readonly failed: number;
}

/** By label. */
export type Samples = ReadonlyMap<string, readonly Sample[]>;

export interface ConnectFindings {
  readonly samples: Samples;
  readonly memoryMb: ReadonlyMap<string, number>;
  /** Name and version. */
  readonly squid: string;
  readonly clients: number;
}

export function connectReport({ samples, memoryMb, squid, clients }: ConnectFindings): BenchReport {
  const summaries = [...samples].map(([label, taken]) =>
    summaryOf(label, taken, memoryMb.get(label) ?? Number.NaN),
  );
  const series = (label: string, field: SampleField): readonly number[] =>
    (samples.get(label) ?? []).map((sample) => sample[field]);
  const found: Ratios = {
    rate: ratios(series(GATEWAY, 'perSecond'), series(SQUID, 'perSecond')),
    work: ratios(series(SQUID, 'allCpuUsPerTunnel'), series(GATEWAY, 'allCpuUsPerTunnel')),
    cpu: ratios(series(GATEWAY, 'cpuUsPerTunnel'), series(SQUID, 'cpuUsPerTunnel')),
    size: ratios(series(GATEWAY, 'cpuUsPerTunnel'), series(GATEWAY_FEW, 'cpuUsPerTunnel')),
    transparent: ratios(series(TRANSPARENT, 'perSecond'), series(GATEWAY, 'perSecond')),
    transparentSize: ratios(series(TRANSPARENT, 'cpuUsPerTunnel'), series(TRANSPARENT_FEW, 'cpuUsPerTunnel')),
  };
  const failed = summaries.reduce((sum, summary) => sum + summary.failed, 0);
  return {
    tables: [tunnelTable(summaries, squid, clients), ratioTable(found)],
    targets: targetsOf(found, failed),
    figures: { clients, cores: availableParallelism(), squid, summaries, ratios: found },
  };
}

type SampleField = 'perSecond' | 'cpuUsPerTunnel' | 'allCpuUsPerTunnel';

/** One number for each round. */
interface Ratios {
  readonly rate: readonly number[];
  /** The rate as it would be if nothing but CPU time counted: what other programs take does not show in it. */
  readonly work: readonly number[];
  readonly cpu: readonly number[];
  readonly size: readonly number[];
  /** Rate without CONNECT : rate with it. */
  readonly transparent: readonly number[];
  readonly transparentSize: readonly number[];
}

function targetsOf({ rate, size, transparent, transparentSize }: Ratios, failed: number): readonly Target[] {
  return [
    {
      kind: 'wish',
      text: `rate at least ${RATE_WANTED} of Squid's`,
      found: figure(median(rate)),
      isMet: median(rate) >= RATE_WANTED,
    },
    {
      kind: 'wish',
      text: `CPU per tunnel with ${MANY} names at most ${CPU_RATIO_WANTED} of that with ${FEW}`,
      found: figure(median(size)),
      isMet: median(size) <= CPU_RATIO_WANTED,
    },
    {
      kind: 'wish',
      text: `rate of transparent TLS at least ${TRANSPARENT_WANTED} of that with CONNECT`,
      found: figure(median(transparent)),
      isMet: median(transparent) >= TRANSPARENT_WANTED,
    },
    {
      kind: 'wish',
      text: `the same for transparent TLS: ${MANY} names at most ${CPU_RATIO_WANTED} of ${FEW}`,
      found: figure(median(transparentSize)),
      isMet: median(transparentSize) <= CPU_RATIO_WANTED,
    },
    { kind: 'promise', text: 'every tunnel works', found: `${failed} failed`, isMet: failed === 0 },
  ];
}

interface Summary {
  readonly label: string;
  readonly tunnels: number;
  readonly failed: number;
  readonly perSecond: number;
  readonly perSecondSpread: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuUsPerTunnel: number;
  readonly allCpuUsPerTunnel: number;
  readonly memoryMb: number;
}

function summaryOf(label: string, taken: readonly Sample[], memoryMb: number): Summary {
  const rates = taken.map(({ perSecond }) => perSecond);
  const latencies = Float64Array.from(taken.flatMap(({ latenciesMs }) => [...latenciesMs]));
  return {
    label,
    tunnels: latencies.length,
    failed: taken.reduce((sum, { failed }) => sum + failed, 0),
    perSecond: median(rates),
    perSecondSpread: spread(rates),
    p50Ms: percentile(latencies, 50),
    p99Ms: percentile(latencies, 99),
    cpuUsPerTunnel: median(taken.map(({ cpuUsPerTunnel }) => cpuUsPerTunnel)),
    allCpuUsPerTunnel: median(taken.map(({ allCpuUsPerTunnel }) => allCpuUsPerTunnel)),
    memoryMb,
  };
}

function tunnelTable(summaries: readonly Summary[], squid: string, clients: number): BenchTable {
  return {
    title: `CONNECT where there is a proxy, TLS 1.3 handshake and one request; ${clients} clients, a new connection each time (${squid})`,
    head: [
      '',
      'TUNNELS/S',
      '+/-',
      'P50 MS',
      'P99 MS',
      'PROXY CPU US/TUNNEL',
      'ALL CPU US/TUNNEL',
      'PROXY RSS MB',
      'TUNNELS',
      'FAILED',
    ],
    rows: summaries.map((one) => [
      one.label,
      figure(one.perSecond),
      `${figure(one.perSecondSpread * 100)} %`,
      figure(one.p50Ms),
      figure(one.p99Ms),
      figure(one.cpuUsPerTunnel),
      figure(one.allCpuUsPerTunnel),
      figure(one.memoryMb),
      String(one.tunnels),
      String(one.failed),
    ]),
  };
}

function ratioTable({ rate, work, cpu, size, transparent, transparentSize }: Ratios): BenchTable {
  const series: readonly (readonly [string, readonly number[]])[] = [
    ['rate, gateway : Squid', rate],
    ['rate as it would be if CPU alone counted', work],
    ['CPU per tunnel, gateway : Squid', cpu],
    [`CPU per tunnel, ${MANY} : ${FEW} names`, size],
    ['rate, transparent TLS : CONNECT', transparent],
    [`CPU per connection, transparent TLS, ${MANY} : ${FEW} names`, transparentSize],
  ];
  const quantiles = [50, 25, 75, 0, 100];
  return {
    title: 'Ratios within each round',
    head: ['', 'MEDIAN', 'LOWER QUARTILE', 'UPPER QUARTILE', 'LOWEST', 'HIGHEST'],
    rows: series.map(([label, values]) => [
      label,
      ...quantiles.map((percent) => figure(percentile(values, percent))),
    ]),
  };
}
