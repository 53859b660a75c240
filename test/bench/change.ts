// Time until a changed file is enforced: 2,500 destinations in a folder, one more or one less, until a real
// CONNECT gets the other verdict. And the memory of Envoy and our process meanwhile.
import { type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { productListeners } from '../../operator/gateway/ports/product-listeners.ts';
import { parseAddressRange } from '../../operator/model/address-range.ts';
import { desiredOutputs } from '../../operator/pipeline.ts';
import { FolderSource } from '../../operator/sources/folder.ts';
import { type OutsideServers, startOutsideServers } from '../outside/outside-servers.ts';
import { ANY_NAME, BenchFolder, destinationNames, WORKSPACE } from './bench-folder.ts';
import { type BenchReport, type BenchSettings, figure, type Target } from './bench-report.ts';
import { untilStatus } from './probe.ts';
import { type Memory, memoryOf } from './process-usage.ts';
import { SallyportProcess } from './sallyport-process.ts';
import { median, percentile } from './statistics.ts';

const DESTINATIONS = 2500;
const RENAMES = 50;
const OVERWRITES = 10;
/** Between two changes, so that each finds everything at rest. */
const REST_MS = 200;
const LIMIT_MS = 10_000;
const ALLOWED = 200;
const DENIED = 403;
const P50_WANTED_MS = 150;
const ENVOY_WANTED_MB = 120;
const OWN_WANTED_MB = 250;

/** Milliseconds since the file was there. */
interface Change {
  /** When Envoy was given its new table: seen, read, parsed, compiled, rendered and written. */
  readonly renderedMs: number;
  /** When the verdict was the other one. */
  readonly liveMs: number;
}

export async function benchChange(settings: BenchSettings): Promise<BenchReport> {
  const outside = await startOutsideServers({ names: [{ name: ANY_NAME }] });
  const folder = new BenchFolder(join(settings.work, 'folder'));
  await folder.create(destinationNames(DESTINATIONS));
  const state = join(settings.work, 'state');
  const sallyport = new SallyportProcess({ folder: folder.path, state, outside });
  try {
    settings.say('Starting the gateway');
    await sallyport.start();
    const changer = new Changer(sallyport, join(state, 'envoy/resources/route'));
    const [renames, overwrites] = settings.isQuick ? [6, 2] : [RENAMES, OVERWRITES];
    settings.say(`${renames} changes by rename`);
    const byRename = await changer.run(renames, (names) => folder.replace(names));
    settings.say(`${overwrites} changes in place`);
    const inPlace = await changer.run(overwrites, (names) => folder.overwrite(names));
    const memory = {
      envoy: await memoryOf(await sallyport.envoyPid()),
      own: await memoryOf(sallyport.pid),
    };
    return report({ byRename, inPlace, memory, work: await ownWork(folder, outside) });
  } finally {
    await sallyport.stop();
    await outside.stop();
  }
}

/** Takes one destination out and puts it back in turns, each time another one. */
class Changer {
  readonly #sallyport: SallyportProcess;
  readonly #tables: string;
  #turn = 0;

  constructor(sallyport: SallyportProcess, tables: string) {
    this.#sallyport = sallyport;
    this.#tables = tables;
  }

  async run(count: number, write: (names: readonly string[]) => Promise<number>): Promise<readonly Change[]> {
    const changes: Change[] = [];
    for (let at = 0; at < count; at += 1) changes.push(await this.#change(write));
    return changes;
  }

  async #change(write: (names: readonly string[]) => Promise<number>): Promise<Change> {
    const all = destinationNames(DESTINATIONS);
    // A prime step, so that the names lie all over the file and the shards.
    const changed = all[(Math.floor(this.#turn / 2) * 97) % all.length] ?? '';
    const isRemoval = this.#turn % 2 === 0;
    this.#turn += 1;
    const proxy = await this.#sallyport.proxy(WORKSPACE);
    const table = watchRenames(this.#tables);
    try {
      const startMs = await write(isRemoval ? all.filter((name) => name !== changed) : all);
      const liveMs = await untilStatus(proxy, changed, isRemoval ? DENIED : ALLOWED, LIMIT_MS);
      return { renderedMs: table.atMs() - startMs, liveMs: liveMs - startMs };
    } finally {
      table.watcher.close();
      await delay(REST_MS);
    }
  }
}

/** When a table was renamed in first; NaN while none was. */
function watchRenames(folder: string): { readonly watcher: FSWatcher; readonly atMs: () => number } {
  let atMs = Number.NaN;
  const watcher = watch(folder, (_event, name) => {
    if (name?.endsWith('.binpb') === true && Number.isNaN(atMs)) atMs = performance.now();
  });
  return { watcher, atMs: () => atMs };
}

interface OwnWork {
  readonly parseMs: number;
  readonly compileAndRenderMs: number;
}

const WORK_ROUNDS = 10;

/** The same work in this process, warm: what the computation itself takes of a change. */
async function ownWork(folder: BenchFolder, outside: OutsideServers): Promise<OwnWork> {
  const source = new FolderSource(folder.path, () => undefined);
  const open = parseAddressRange(outside.openRange);
  const settings = {
    directory: folder.path,
    resolvers: [],
    openRanges: 'range' in open ? [open.range] : [],
    denyRanges: [],
    ownAddresses: [],
    ownPlaces: [],
    maxConnectionsPerListener: 1000,
    maxConnections: 60_000,
    envoyMemoryBytes: 1e9,
  };
  const gateway = {
    settings,
    egressListenersOf: (plans: Parameters<typeof productListeners>[0]) =>
      productListeners(plans, {}, outside.listenAddress),
  };
  const parseMs: number[] = [];
  const renderMs: number[] = [];
  for (let round = 0; round < WORK_ROUNDS; round += 1) {
    await folder.replace(destinationNames(DESTINATIONS - (round % 2)));
    const startMs = performance.now();
    const { snapshot } = await source.read();
    const parsedMs = performance.now();
    desiredOutputs(snapshot, gateway, Date.now());
    parseMs.push(parsedMs - startMs);
    renderMs.push(performance.now() - parsedMs);
  }
  source.close();
  return { parseMs: median(parseMs), compileAndRenderMs: median(renderMs) };
}

interface Findings {
  readonly byRename: readonly Change[];
  readonly inPlace: readonly Change[];
  readonly memory: { readonly envoy: Memory; readonly own: Memory };
  readonly work: OwnWork;
}

function report({ byRename, inPlace, memory, work }: Findings): BenchReport {
  const rows = [
    ...timeRows(`by rename (${byRename.length})`, byRename),
    ...timeRows(`in place (${inPlace.length})`, inPlace),
    ['of which reading and parsing YAML', figure(work.parseMs), '-', '-'],
    ['of which compiling and rendering', figure(work.compileAndRenderMs), '-', '-'],
  ];
  return {
    tables: [
      {
        title: `One destination more or less of ${DESTINATIONS}, until CONNECT gets the other verdict`,
        head: ['', 'P50 MS', 'P99 MS', 'MAX MS'],
        rows,
      },
      {
        title: 'Memory',
        head: ['', 'RSS MB', 'HIGHEST MB'],
        rows: [
          ['Envoy', figure(memory.envoy.nowMb), figure(memory.envoy.peakMb)],
          ['sallyport run', figure(memory.own.nowMb), figure(memory.own.peakMb)],
        ],
      },
    ],
    targets: [
      atMost('p50 of a change by rename, ms', median(byRename.map(({ liveMs }) => liveMs)), P50_WANTED_MS),
      atMost('memory of Envoy, MB', memory.envoy.nowMb, ENVOY_WANTED_MB),
      atMost('memory of sallyport run, MB', memory.own.nowMb, OWN_WANTED_MB),
    ],
    figures: { destinations: DESTINATIONS, byRename, inPlace, memory, work },
  };
}

function timeRows(label: string, changes: readonly Change[]): readonly (readonly string[])[] {
  const live = changes.map(({ liveMs }) => liveMs);
  const rendered = changes.map(({ renderedMs }) => renderedMs);
  return [
    [label, ...quantiles(live)],
    ['  until Envoy is given the table', ...quantiles(rendered)],
    ['  until Envoy decides by it', ...quantiles(live.map((ms, at) => ms - (rendered[at] ?? Number.NaN)))],
  ];
}

function quantiles(values: readonly number[]): readonly string[] {
  return [median(values), percentile(values, 99), Math.max(...values)].map(figure);
}

function atMost(text: string, value: number, limit: number): Target {
  return { kind: 'wish', text: `${text}: at most ${limit}`, found: figure(value), isMet: value <= limit };
}
