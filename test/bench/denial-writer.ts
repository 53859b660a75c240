// Writes denials into a log as Envoy does: a block of lines each 100 ms, with the times of the 100 ms before, each for a
// name of its own. What it was told to write is what was asked.
import { appendFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { lineText } from '../fixtures/access-log-fixture.ts';

/** A pod that is denied. */
export interface DeniedPod {
  readonly workspace: string;
  readonly address: string;
}

export interface DenialWriterOptions {
  /** Of the gateway; each name begins with it. */
  readonly name: string;
  readonly pods: readonly DeniedPod[];
  readonly path: string;
}

const BLOCK_MS = 100;

/** Sorted like the numbers. */
export function deniedName(gateway: string, number: number): string {
  return `${gateway}-${String(number).padStart(9, '0')}.bench.example`;
}

export class DenialWriter {
  readonly #options: DenialWriterOptions;
  #next = 0;

  constructor(options: DenialWriterOptions) {
    this.#options = options;
  }

  /** Resolves to how many there are by now, all calls together. A block that is late is written as soon as possible. */
  async write({
    perSecond,
    seconds,
  }: {
    readonly perSecond: number;
    readonly seconds: number;
  }): Promise<number> {
    const [first, startMs] = [this.#next, performance.now()];
    const total = Math.round(perSecond * seconds);
    while (this.#next < first + total) {
      const dueMs = startMs + ((this.#next - first) / perSecond) * 1000 + BLOCK_MS;
      await delay(Math.max(0, dueMs - performance.now()));
      const most = Math.max(1, Math.round((perSecond * BLOCK_MS) / 1000));
      await this.#writeBlock(Math.min(most, first + total - this.#next));
    }
    return this.#next;
  }

  /** Each block opens the file by its name, so the next one goes to the new file. */
  reopen(): void {
    // Nothing is open between two blocks.
  }

  async #writeBlock(lines: number): Promise<void> {
    const nowMs = Date.now();
    const texts: string[] = [];
    for (let at = 0; at < lines; at += 1) texts.push(this.#line(nowMs - BLOCK_MS + (at / lines) * BLOCK_MS));
    await appendFile(this.#options.path, texts.join(''));
  }

  #line(timeMs: number): string {
    const { name, pods } = this.#options;
    const pod = pods[this.#next % pods.length];
    if (pod === undefined) throw new Error('no pods');
    const { workspace, address } = pod;
    const authority = `${deniedName(name, this.#next)}:443`;
    this.#next += 1;
    const source = `${address}:${20_000 + (this.#next % 40_000)}`;
    const context = { workspace, workspaceId: `id-${workspace}`, product: '', source, authority };
    return `${lineText({ time: new Date(timeMs).toISOString() }, context)}\n`;
  }
}
