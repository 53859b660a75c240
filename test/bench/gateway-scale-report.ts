// Results of the gateway at scale -> tables and targets.
import { type BenchReport, figure } from './bench-report.ts';
import type { Memory } from './process-usage.ts';
import { atMost } from './propagation-report.ts';
import { median } from './statistics.ts';

/** One kind of change, in turns. */
export interface ScaledChange {
  readonly what: string;
  /** Until Envoy decides by it; rendering included, compiling not. */
  readonly inForceMs: readonly number[];
  /** Until Envoy had answered, and files were written. */
  readonly appliedMs: readonly number[];
  /** Of Envoy's main thread, for one. */
  readonly envoyMs: number;
}

export interface GatewayScale {
  readonly workspaces: number;
  readonly tables: number;
  readonly listeners: number;
  readonly start: { readonly tookMs: number; readonly longestBlockMs: number };
  readonly changes: readonly ScaledChange[];
  /** Of the event loop, while there were changes; compiling is a part of it. */
  readonly longestBlockMs: number;
  /** Of Envoy. */
  readonly memory: { readonly afterStart: Memory; readonly afterChanges: Memory };
  readonly encoding: { readonly cpuMs: number; readonly longestBlockMs: number; readonly megabytes: number };
}

/** By the least number of workspaces for which they hold. */
const MEMORY_WANTED_MB = [
  { workspaces: 1500, megabytes: 500 },
  { workspaces: 0, megabytes: 400 },
];
const CHANGE_WANTED_MS = 300;
const ADDITION_WANTED_MS = 500;
const ENCODING_WANTED_MS = 1500;
const BLOCK_WANTED_MS = 50;

export function gatewayScaleReport(found: readonly GatewayScale[], destinations: number): BenchReport {
  return {
    tables: found.flatMap((one) => [
      {
        title: `One gateway: ${one.workspaces} workspaces, ${one.tables} tables of ${destinations} destinations, ${one.listeners} listeners`,
        head: ['', 'P50 MS', 'MAX MS', 'ANSWERED P50 MS', "ENVOY'S MAIN THREAD MS"],
        rows: one.changes.map(({ what, inForceMs, appliedMs, envoyMs }) => [
          what,
          ...[median(inForceMs), Math.max(...inForceMs), median(appliedMs), envoyMs].map(figure),
        ]),
      },
      {
        title: 'Its start, and what it needs',
        head: ['START MS', 'ENVOY MB', 'AFTER CHANGES MB', 'ENCODED MB', 'ENCODING CPU MS', 'BLOCK MS'],
        rows: [
          [
            one.start.tookMs,
            one.memory.afterStart.peakMb,
            one.memory.afterChanges.peakMb,
            one.encoding.megabytes,
            one.encoding.cpuMs,
            one.encoding.longestBlockMs,
          ].map(figure),
        ],
      },
    ]),
    targets: found.flatMap(targetsOf),
    figures: { found },
  };
}

function targetsOf({ workspaces, changes, memory, encoding }: GatewayScale): BenchReport['targets'] {
  const most = MEMORY_WANTED_MB.find((one) => workspaces >= one.workspaces)?.megabytes ?? 0;
  const [change = Number.NaN, addition = Number.NaN] = changes.map(({ inForceMs }) => median(inForceMs));
  const at = `${workspaces} workspaces:`;
  return [
    atMost(`${at} memory of Envoy, MB`, memory.afterChanges.peakMb, most),
    atMost(`${at} a change in force, p50, ms`, change, CHANGE_WANTED_MS),
    atMost(`${at} a workspace added, p50, ms`, addition, ADDITION_WANTED_MS),
    atMost(`${at} CPU of encoding everything, ms`, encoding.cpuMs, ENCODING_WANTED_MS),
    atMost(`${at} longest block of it, ms`, encoding.longestBlockMs, BLOCK_WANTED_MS),
  ];
}
