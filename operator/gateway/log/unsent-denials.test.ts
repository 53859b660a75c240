import { appendFile, type FileHandle, mkdtemp, open, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { LogBatch } from './log-batch.ts';
import { NO_GAPS } from './log-gaps.ts';
import { UnsentDenials } from './unsent-denials.ts';

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'unsent-'))));
afterEach(() => rm(folder, { recursive: true }));

const LINE = 'denied\n';
const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('write' as const), lines: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ do: fc.constant('tear' as const), lines: fc.constant(0) }),
    fc.record({ do: fc.constant('acknowledge' as const), lines: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ do: fc.constant('cut' as const), lines: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ do: fc.constant('count' as const), lines: fc.constant(0) }),
  ),
  { minLength: 1, maxLength: 20 },
);

/** One live file of a gateway, of which every line is a denial. */
class LiveFile {
  readonly path: string;
  written = 0;
  acknowledged = 0;
  read = 0;
  #isTorn = false;
  readonly unsent = new UnsentDenials(
    [
      {
        livePlace: { log: 'access', sequence: 1 },
        nameOf: () => 'access-000001',
        openUnread: () => this.#open(),
      },
    ],
    {
      ...NO_GAPS,
      totals: () => ({
        acknowledged: this.acknowledged,
        waiting: 0,
        upTo: () => this.acknowledged * LINE.length,
      }),
      denialsIn: (batches) => this.#count(batches),
    },
  );

  constructor(path: string) {
    this.path = path;
  }

  async write(lines: number): Promise<void> {
    const first = this.#isTorn ? LINE.slice(3) : LINE;
    this.#isTorn = false;
    await appendFile(this.path, first + LINE.repeat(lines - 1));
    this.written += lines;
  }

  async tear(): Promise<void> {
    if (!this.#isTorn) await appendFile(this.path, LINE.slice(0, 3));
    this.#isTorn = true;
  }

  async cut(lines: number): Promise<void> {
    this.written = Math.max(this.acknowledged, this.written - lines);
    this.#isTorn = false;
    await truncate(this.path, this.written * LINE.length);
  }

  async #open(): Promise<{ sequence: number; isWhole: boolean; from: number; handle: FileHandle }[]> {
    return [{ sequence: 1, isWhole: false, from: 0, handle: await open(this.path, 'r') }];
  }

  async #count(batches: AsyncIterable<LogBatch>): Promise<number> {
    let lines = 0;
    for await (const batch of batches) lines += batch.lines.length;
    this.read += lines;
    return lines;
  }
}

test('count() says what is written and not acknowledged, whatever was counted before', async () => {
  let run = 0;
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const file = new LiveFile(join(folder, `${(run += 1)}`));
      await file.write(1);
      for (const step of [...all, { do: 'count' as const, lines: 0 }]) {
        if (step.do === 'write') await file.write(step.lines);
        if (step.do === 'tear') await file.tear();
        if (step.do === 'cut') await file.cut(step.lines);
        if (step.do === 'acknowledge')
          file.acknowledged = Math.min(file.written, file.acknowledged + step.lines);
        if (step.do !== 'count') continue;
        const unsent = file.written - file.acknowledged;
        expect(await file.unsent.count()).toEqual({ recorded: file.written, unsent });
      }
    }),
    { seed: 16, numRuns: 200 },
  );
});

test('count() reads each line once while nothing is acknowledged', async () => {
  const file = new LiveFile(join(folder, 'live'));
  for (let at = 0; at < 10; at += 1) {
    await file.write(3);
    await file.unsent.count();
  }
  expect(file.read).toBe(30);
});
