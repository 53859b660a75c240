// Spools on a disk of a few megabytes, whose consumer is killed at any time, whose sink fails for as long as a history
// says, or loses all that it had, and whose files are damaged: what the client wrote is what is stored and what rows say is
// lost, without a remainder. Generated; SEED and RUNS choose others.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import type { RowBatch } from '../../operator/denials/store/row-sink.ts';
import type { Denial } from '../../operator/model/denial.ts';
import { lineText } from '../fixtures/access-log-fixture.ts';
import { SmallDisk, testOnDisk } from '../support/small-disk.ts';

const SEED = Number(process.env['SEED'] ?? 17);
const RUNS = Number(process.env['RUNS'] ?? 3);
const MEGABYTES = 6;

/** What the sink does with a batch. */
type SinkMode = 'stores' | 'rejects' | 'stores, and its answer is lost' | 'has a new disk';

type Step =
  | { readonly kind: 'write'; readonly lines: number; readonly hours: number }
  | { readonly kind: 'damage'; readonly damage: 'garbage' | 'zeros' | 'torn' }
  | { readonly kind: 'sink'; readonly mode: SinkMode }
  /** With what happens to the file that says how far the log is read. */
  | { readonly kind: 'kill'; readonly afterMs: number; readonly position: 'stays' | 'damaged' | 'gone' };

/** Clocks jump: the times of lines go back and forth. */
const writing = fc.record({
  kind: fc.constant('write' as const),
  lines: fc.integer({ min: 1, max: 4000 }),
  hours: fc.integer({ min: -48, max: 48 }),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: writing },
  fc.record({ kind: fc.constant('damage' as const), damage: fc.constantFrom('garbage', 'zeros', 'torn') }),
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('sink' as const),
      mode: fc.constantFrom<SinkMode>(
        'stores',
        'rejects',
        'rejects',
        'rejects',
        'stores, and its answer is lost',
        'has a new disk',
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('kill' as const),
      afterMs: fc.nat({ max: 1500 }),
      position: fc.constantFrom('stays', 'stays', 'damaged', 'gone'),
    }),
  },
);
/** Three times the budget while nothing is taken. */
const LOSING: readonly Step[] = [
  { kind: 'sink', mode: 'rejects' },
  { kind: 'write', lines: 9000, hours: 0 },
  { kind: 'sink', mode: 'stores' },
];
const histories: readonly (readonly Step[])[] = [
  LOSING,
  ...fc.sample(fc.array(step, { minLength: 14, maxLength: 14 }), { seed: SEED, numRuns: RUNS }),
];

/** Follows the spools as a gateway does. Its sink is a file, with one line for each batch: half a line is none. */
const PROGRAM = `
  import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
  import { outboundReader } from ${JSON.stringify(import.meta.resolve('../../operator/denials/reading/read-denials.ts'))};
  import { OUTBOUND_SHAPE } from ${JSON.stringify(import.meta.resolve('../../operator/denials/store/row-shapes.ts'))};
  import { openRowSpools } from ${JSON.stringify(import.meta.resolve('../../operator/roles/shared/row-spools.ts'))};
  const [folder, outside] = process.argv.slice(1);
  const stored = outside + '/stored.jsonl';
  const batches = () => (existsSync(stored) ? readFileSync(stored, 'utf8') : '').split('\\n').slice(0, -1).map(JSON.parse);
  const modeNow = () => {
    const mode = readFileSync(outside + '/mode', 'utf8');
    if (mode !== 'has a new disk') return mode;
    rmSync(stored, { force: true });
    writeFileSync(outside + '/mode', 'stores');
    return 'stores';
  };
  const progress = () => {
    const positions = new Map();
    let lastSequence = 0;
    let sum = 0;
    for (const { logFile, upTo, denials } of batches()) {
      positions.set(logFile, Math.max(upTo, positions.get(logFile) ?? 0));
      lastSequence = Math.max(lastSequence, ...denials.map(({ sequence }) => sequence));
      sum += denials.reduce((total, { repeats }) => total + repeats, 0);
    }
    return { positions, lastSequence, denials: sum };
  };
  if (existsSync(stored)) {
    const text = readFileSync(stored, 'utf8');
    writeFileSync(stored, text.slice(0, text.lastIndexOf('\\n') + 1));
  }
  const nothing = () => undefined;
  const spools = await openRowSpools({
    gateway: 'gw',
    rowsPerSecond: 1e9,
    shape: OUTBOUND_SHAPE,
    reader: outboundReader({ accountId: 'acme', findRule: () => null, isStillAllowed: () => false }),
    sink: {
      canRaise: false,
      progress: async () => {
        modeNow();
        return progress();
      },
      append: async (batch) => {
        const mode = modeNow();
        if (mode === 'rejects') throw new Error(mode);
        const { positions, lastSequence } = progress();
        const from = positions.get(batch.logFile) ?? 0;
        const denials = batch.denials.filter(({ eventId }) => Number(eventId.split('/').at(-1)) >= from);
        if (denials.length > 0 && denials[0].sequence !== lastSequence + 1) throw new Error('ask again');
        appendFileSync(stored, JSON.stringify({ ...batch, denials }) + '\\n');
        if (mode !== 'stores') throw new Error(mode);
        return { stored: denials.length, duplicates: 0 };
      },
    },
    folder,
    logs: [{ name: 'access', reopen: async () => writeFileSync(outside + '/reopen', '') }],
    maxBytes: undefined,
    budgetBytes: 1_048_576,
    countsLossesOfSink: true,
    onDenials: nothing, onUnreadableLines: nothing, onTruncatedLines: nothing, onTornLine: nothing,
    onLost: nothing, onFailure: nothing,
  });
  await spools.start();
  process.on('SIGTERM', async () => {
    await spools.drain();
    await spools.close();
    process.exit(0);
  });
  process.stdout.write('started');
  setInterval(nothing, 1000);`;

class Spooled {
  readonly #disk: SmallDisk;
  readonly #folder: string;
  readonly #outside: string;
  #consumer: ChildProcess | undefined;
  #file: number | undefined;
  /** Names that were asked for, and how many pieces of log are no line of it. */
  readonly asked: string[] = [];
  foreign = 0;

  constructor(disk: SmallDisk, folder: string, outside: string) {
    this.#disk = disk;
    this.#folder = folder;
    this.#outside = outside;
    this.sink('stores');
  }

  sink(mode: SinkMode): void {
    writeFileSync(join(this.#outside, 'mode'), mode);
  }

  mode(): string {
    return readFileSync(join(this.#outside, 'mode'), 'utf8');
  }

  async start(): Promise<void> {
    const [command = '', ...prefix] = this.#disk.prefix;
    const node = [process.execPath, '--disable-warning=ExperimentalWarning', '--input-type=module', '--eval'];
    const args = [...prefix, ...node, PROGRAM, this.#folder, this.#outside];
    this.#consumer = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(this.#consumer.stdout as NodeJS.ReadableStream, 'data');
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const consumer = this.#consumer;
    if (consumer === undefined) return;
    this.#consumer = undefined;
    const gone = once(consumer, 'exit');
    consumer.kill(signal);
    await gone;
  }

  /** A copy is in the file of what was acknowledged. */
  spoilPosition(how: 'damaged' | 'gone'): void {
    const path = this.#disk.seen(join(this.#folder, 'positions.json'));
    if (how === 'gone') rmSync(path, { force: true });
    else if (existsSync(path)) writeFileSync(path, '\0\0\0');
  }

  /** In pieces, so that the budget keeps up. */
  async write(lines: number, hours: number): Promise<void> {
    for (let left = lines; left > 0; left -= 1000) {
      for (let at = 0; at < Math.min(left, 1000); at += 1) this.#append(`${this.#line(hours)}\n`);
      await delay(500);
    }
  }

  /** The next line follows at once. */
  damage(damage: 'garbage' | 'zeros' | 'torn'): void {
    if (damage === 'torn') {
      this.#append(this.#line(0).slice(0, 150));
    } else {
      this.foreign += 1;
      this.#append(damage === 'zeros' ? '\0'.repeat(5000) : '\u0007{"not": ours}\n');
    }
    this.#append(`${this.#line(0)}\n`);
  }

  stored(): readonly Denial[] {
    const path = join(this.#outside, 'stored.jsonl');
    const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
    return lines.flatMap((line) => (JSON.parse(line) as RowBatch<Denial>).denials);
  }

  #line(hours: number): string {
    const host = `h${this.asked.length}.example.com`;
    this.asked.push(host);
    const time = new Date(Date.UTC(2026, 5, 1, hours) + this.asked.length).toISOString();
    return lineText({ time, details: 'x'.repeat(200) }, { authority: `${host}:443` });
  }

  /** As Envoy: a new file once somebody has asked and there is a line to write. */
  #append(text: string): void {
    const asked = join(this.#outside, 'reopen');
    if (this.#file !== undefined && existsSync(asked)) {
      closeSync(this.#file);
      this.#file = undefined;
    }
    rmSync(asked, { force: true });
    this.#file ??= openSync(this.#disk.seen(join(this.#folder, 'access.log')), 'a');
    const bytes = Buffer.from(text);
    if (writeSync(this.#file, bytes) !== bytes.length) throw new Error('The disk is full');
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
  }
}

async function replay(spooled: Spooled, steps: readonly Step[]): Promise<void> {
  await spooled.start();
  for (const step of steps) {
    if (step.kind === 'write') await spooled.write(step.lines, step.hours);
    else if (step.kind === 'damage') spooled.damage(step.damage);
    else if (step.kind === 'sink') spooled.sink(step.mode);
    else {
      await delay(step.afterMs);
      await spooled.end('SIGKILL');
      if (step.position !== 'stays') spooled.spoilPosition(step.position);
      await spooled.start();
    }
  }
  if (spooled.mode() !== 'has a new disk') spooled.sink('stores');
  await spooled.end('SIGTERM');
}

let lostInAll = 0;

testOnDisk.each(histories.map((steps, run) => [run, steps] as const))(
  'what was written is what is stored and what is said to be lost: history %i',
  async (_run, steps) => {
    const root = await mkdtemp(join(tmpdir(), 'spool-budget-'));
    const folder = join(root, 'spools');
    await mkdir(folder);
    const disk = await SmallDisk.mount(folder, MEGABYTES);
    const spooled = new Spooled(disk, folder, root);
    try {
      await replay(spooled, steps);
      const rows = spooled.stored();
      const kept = rows.filter(({ lost }) => lost === 0).map(({ destination }) => destination);
      const lost = rows.reduce((sum, row) => sum + row.lost, 0);
      expect(new Set(kept).size).toBe(kept.length);
      expect(kept.filter((name) => !spooled.asked.includes(name))).toEqual([]);
      expect(kept.length + lost).toBe(spooled.asked.length + spooled.foreign);
      expect(rows.map(({ sequence }) => sequence)).toEqual(rows.map((_, at) => at + 1));
      lostInAll += lost - spooled.foreign;
    } finally {
      spooled.close();
      await spooled.end('SIGKILL').catch(() => undefined);
      await disk.remove();
      await rm(root, { recursive: true });
    }
  },
  120_000,
);

testOnDisk('some of these histories lose something', () => expect(lostInAll).toBeGreaterThan(0));
