// Follows a log, Envoy's or our own, through its rotations and hands each complete line to the consumer at least once,
// in order. A line counts as consumed when the consumer's promise has resolved; only then is the position persisted, a
// second later at most, and only files that are consumed and no longer written are deleted. Memory holds one batch.
import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { AtomicFiles } from '../../lib/atomic-file.ts';
import { LiveLog } from './live-log.ts';
import {
  type LogBatch,
  type LogChunk,
  type LostLine,
  readChunk,
  readFinished,
  readRest,
} from './log-batch.ts';
import { LogDrain, WakeUp } from './log-drain.ts';
import { isFurther, LogFiles, type LogPosition } from './log-files.ts';
import { type LogGaps, type LogPlace, NO_GAPS } from './log-gaps.ts';
import { LogLag } from './log-lag.ts';
import { openUnread, type UnreadFile, type UnreadOptions } from './unread-files.ts';

export interface LogTailOptions {
  readonly folder: string;
  /** "dns" for dns.log; that of Envoy's log, access.log, unless given. */
  readonly name?: string;
  readonly files: AtomicFiles;
  /** May be called again with the same lines after a crash; a rejection is retried with the same batch. */
  readonly consume: (batch: LogBatch) => Promise<void>;
  /** Makes the writer of the log reopen it; throws where that is an Envoy that does not run. */
  readonly reopenLogs: () => Promise<void>;
  /** Counts what giveUpOldest() gives up; without it that gives up nothing. */
  readonly gaps?: LogGaps;
  readonly onTornLine?: (line: LostLine) => void;
  /** The consumer rejected, or the file system failed; the tail tries again. */
  readonly onFailure?: (error: Error) => void;
  /** The live file is rotated when it has grown to this; default 2 MiB. */
  readonly maxBytes?: number;
  readonly pollMs?: number;
}

interface OpenFile {
  readonly sequence: number;
  readonly handle: FileHandle;
}

const DEFAULT_MAX_BYTES = 2 * 1024 * 1024;
// Envoy flushes ten times a second; a durable write each time would cost more than reading. The consumer recognises
// lines that are read again after a crash.
const PERSIST_INTERVAL_MS = 1_000;
const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 5_000;

export class LogTail {
  /** How often somebody cut the live file short: what was unread of it is gone. */
  truncations = 0;
  readonly #options: LogTailOptions;
  readonly #files: LogFiles;
  readonly #live: LiveLog;
  readonly #gaps: LogGaps;
  readonly #lag = new LogLag(performance.now());
  #position: LogPosition = { sequence: 1, offset: 0 };
  #open: OpenFile | undefined;
  #watcher: FSWatcher | undefined;
  #poll: NodeJS.Timeout | undefined;
  #pump: Promise<void> | undefined;
  #isIdle = false;
  #persistedAtMs = 0;
  readonly #closed = new AbortController();
  readonly #wakeUp = new WakeUp();
  readonly #drain = new LogDrain();

  constructor(options: LogTailOptions) {
    this.#options = options;
    this.#files = new LogFiles(options.folder, options.files, options.name);
    const { reopenLogs, maxBytes = DEFAULT_MAX_BYTES } = options;
    this.#live = new LiveLog({ files: this.#files, reopenLogs, maxBytes });
    this.#gaps = options.gaps ?? NO_GAPS;
  }

  /** Continues at the persisted position. Throws when the folder cannot be read. */
  async start(): Promise<void> {
    await this.#recover();
    this.#watcher = watch(this.#files.folder, (_event, name) => {
      if (name === null || this.#files.includes(name)) {
        this.#wakeUp.signal();
      }
    });
    this.#watcher.on('error', (error) => this.#options.onFailure?.(error));
    // The poll finds what a full inotify queue dropped, and rotates a file that grows while the consumer is stuck.
    this.#poll = setInterval(() => void this.#onPoll(), this.#options.pollMs ?? 1_000).unref();
    this.#pump = this.#run();
  }

  /** Everything before it is consumed. */
  get position(): LogPosition {
    return this.#position;
  }

  /**
   * Gives the live file its number and has Envoy open a new one. Before a start of Envoy, when none runs, this keeps a
   * torn last line apart from the first line of the new one. Nothing happens while there is no line to rotate.
   */
  async rotate(): Promise<void> {
    await this.#live.rotate();
    this.#wakeUp.signal();
  }

  /** Where its writer is. */
  get livePlace(): LogPlace {
    return this.#placeOf(this.#live.sequence);
  }

  /** Bytes in all files of the log. */
  bytes(): Promise<number> {
    return this.#files.bytes();
  }

  /** About how long the oldest line that is not consumed has been there; 0 where all are. */
  async lagMs(): Promise<number> {
    const end = await this.#live.end();
    return this.#lag.ms(this.#readUpTo(end), end, performance.now());
  }

  /**
   * Counts and deletes the oldest file that nobody has begun to read: of one that is being read, nobody knows which
   * lines a consumer has that did not answer. False where there is none.
   */
  async giveUpOldest(): Promise<boolean> {
    if (this.#options.gaps === undefined) return false;
    return await this.#live.exclusively(async () => {
      const rotated = await this.#files.rotated();
      // Envoy writes to the newest file until it has opened a newer one.
      const finished = (await this.#files.liveBytes()) === undefined ? rotated.slice(0, -1) : rotated;
      const isBegun = (number: number) =>
        number <= this.#position.sequence || number === this.#open?.sequence;
      const sequence = finished.find((number) => !isBegun(number));
      if (sequence === undefined) return false;
      const batches = readFinished(this.#files.rotatedPath(sequence), this.#files.nameOf(sequence));
      await this.#gaps.giveUp(this.#placeOf(sequence), batches, () => this.#files.remove(sequence));
      return true;
    });
  }

  /** Resolves when every complete line that is in the files now is consumed, or the tail is closed or never started. */
  async drain(): Promise<void> {
    const target = await this.#live.exclusively(() => this.#live.end());
    if (this.#pump !== undefined && !this.#closed.signal.aborted) {
      this.#wakeUp.signal();
      await this.#drain.wait(target);
    }
  }

  /** Ends after the current batch is consumed or rejected. */
  async close(): Promise<void> {
    this.#closed.abort();
    clearInterval(this.#poll);
    this.#watcher?.close();
    this.#wakeUp.signal();
    await this.#pump;
    await this.#live.exclusively(async () => undefined);
    if (this.#pump !== undefined) await this.#persist(this.#position);
    await this.#open?.handle.close();
    this.#open = undefined;
    this.#drain.releaseAll();
  }

  /** For somebody who only counts: the files that are not consumed, but for those that are known. */
  openUnread(known: UnreadOptions['known']): Promise<readonly UnreadFile[]> {
    const position = this.#position;
    return this.#live.exclusively(() =>
      openUnread(this.#files, { position, liveSequence: this.#live.sequence, known }),
    );
  }

  nameOf(sequence: number): string {
    return this.#files.nameOf(sequence);
  }

  #placeOf(sequence: number): LogPlace {
    return { log: this.#files.log, sequence };
  }

  /** A reader that found nothing more to read is at the end, though no new file is there yet. */
  #readUpTo(end: LogPosition): LogPosition {
    return this.#isIdle ? end : this.#position;
  }

  async #recover(): Promise<void> {
    const rotated = await this.#files.rotated();
    // The copy is written first: it is as far, or further, and there where the file is damaged or gone.
    const copy = this.#gaps.readUpTo(this.#files.log);
    const stored = await this.#files.readPosition();
    const known = copy !== undefined && isFurther(copy, stored) ? copy : stored;
    // Numbers of before are not known then, and lines under a number that was used would be taken for old ones. Files
    // are far fewer than seconds.
    const unused = Math.ceil(Date.now() / 1000);
    this.#position = known ?? { sequence: rotated[0] ?? unused, offset: 0 };
    const isDone = (sequence: number): boolean =>
      sequence < this.#position.sequence || this.#gaps.isGivenUp(this.#placeOf(sequence));
    for (const sequence of rotated.filter(isDone)) await this.#files.remove(sequence);
    const used = [
      known === undefined ? unused : this.#position.sequence - 1,
      this.#gaps.lastGivenUp(this.#files.log),
      ...rotated,
    ];
    let next = Math.max(...used) + 1;
    const isLive = this.#position.sequence === next;
    if (isLive && this.#position.offset > ((await this.#files.liveBytes()) ?? 0)) {
      // Somebody emptied or removed the file. Its number is used up, since lines are known by number and offset.
      next += 1;
      await this.#moveTo({ sequence: next, offset: 0 });
    }
    await this.#live.startAt(next, rotated);
  }

  async #run(): Promise<void> {
    const { signal } = this.#closed;
    let retryMs = FIRST_RETRY_MS;
    while (!signal.aborted) {
      try {
        if (!(await this.#step()) && !this.#drain.idle()) {
          this.#isIdle = true;
          await this.#wakeUp.sleep();
          this.#isIdle = false;
        }
        retryMs = FIRST_RETRY_MS;
      } catch (error) {
        this.#options.onFailure?.(error as Error);
        await delay(retryMs, undefined, { signal }).catch(() => undefined);
        retryMs = Math.min(LONGEST_RETRY_MS, retryMs * 2);
      }
    }
  }

  /** Consumes one batch or passes to the next file; false when there is nothing to do. */
  async #step(): Promise<boolean> {
    await this.#gaps.handOver(this.#placeOf(this.#position.sequence));
    const current = await this.#live.exclusively(() => this.#openCurrent());
    if (current === undefined) {
      return await this.#skipMissing();
    }
    // Asked before the read: once there is a newer file, Envoy writes no more to this one.
    const isFinished = await this.#live.hasSuccessor(current.sequence);
    const { offset } = this.#position;
    const chunk = await readChunk(current.handle, offset);
    if (chunk.kind === 'nothing')
      return isFinished ? await this.#finish(current, chunk.restBytes) : await this.#passTruncated(current);
    await this.#take(chunk, current.sequence);
    return true;
  }

  async #take({ upTo, lines }: Exclude<LogChunk, { kind: 'nothing' }>, sequence: number): Promise<void> {
    const { offset } = this.#position;
    const logFile = this.#files.nameOf(sequence);
    if (lines.length > 0) await this.#options.consume({ logFile, offset, upTo, lines });
    await this.#moveTo({ sequence, offset: upTo });
    await this.#rotateWhenLarge();
  }

  // The position first, then the file: killed in between, we find a file to delete, not a number to use twice.
  async #finish({ sequence, handle }: OpenFile, restBytes: number): Promise<true> {
    if (restBytes > 0) await this.#takeRest({ sequence, handle }, restBytes);
    await this.#moveTo({ sequence: sequence + 1, offset: 0 });
    await this.#open?.handle.close();
    this.#open = undefined;
    await this.#files.remove(sequence);
    return true;
  }

  /** Its number is used up, since lines are known by number and offset. False where the file is as long as it was. */
  async #passTruncated({ sequence, handle }: OpenFile): Promise<boolean> {
    if ((await handle.stat()).size >= this.#position.offset) return false;
    await this.#live.exclusively(async () => this.#live.useUpTo(sequence + 1));
    await this.#moveTo({ sequence: this.#live.sequence, offset: 0 });
    this.truncations += 1;
    await handle.close();
    this.#open = undefined;
    return true;
  }

  /** The consumer gets an incomplete line too: it counts what it cannot read. */
  async #takeRest({ sequence, handle }: OpenFile, bytes: number): Promise<void> {
    const { offset } = this.#position;
    const logFile = this.#files.nameOf(sequence);
    const lines = [await readRest(handle, offset, bytes)];
    await this.#options.consume({ logFile, offset, upTo: offset + bytes, lines });
    this.#options.onTornLine?.({ logFile, offset, bytes });
  }

  async #moveTo(position: LogPosition): Promise<void> {
    if (position.sequence !== this.#position.sequence || this.#isPersistDue()) await this.#persist(position);
    this.#position = position;
    this.#drain.reached(position);
  }

  #isPersistDue(): boolean {
    return performance.now() - this.#persistedAtMs >= PERSIST_INTERVAL_MS;
  }

  async #persist(position: LogPosition): Promise<void> {
    await this.#gaps.noteReadUpTo(this.#placeOf(position.sequence), position.offset);
    await this.#files.writePosition(position);
    this.#persistedAtMs = performance.now();
  }

  // Under the lock, because a rotation in between would make us open the next file under this one's number. The
  // handle stays right when its file is renamed.
  async #openCurrent(): Promise<OpenFile | undefined> {
    const { sequence } = this.#position;
    if (this.#open?.sequence === sequence) {
      return this.#open;
    }
    if (this.#gaps.isGivenUp(this.#placeOf(sequence))) return undefined;
    const path = sequence === this.#live.sequence ? this.#files.livePath : this.#files.rotatedPath(sequence);
    try {
      this.#open = { sequence, handle: await open(path, 'r') };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        throw error;
      }
      return undefined;
    }
    return this.#open;
  }

  // Does not wait for rotated files that are gone.
  async #skipMissing(): Promise<boolean> {
    const { sequence } = this.#position;
    if (sequence >= this.#live.sequence) {
      return false;
    }
    // Under the lock, because a rotation in between would make us skip the file that was live.
    const next = await this.#live.exclusively(async () => {
      const rotated = await this.#files.rotated();
      return rotated.find((number) => number > sequence) ?? this.#live.sequence;
    });
    await this.#moveTo({ sequence: next, offset: 0 });
    return true;
  }

  async #onPoll(): Promise<void> {
    this.#wakeUp.signal();
    const end = await this.#live.end();
    this.#lag.note(this.#readUpTo(end), end, performance.now());
    await this.#live.reopen();
    await this.#rotateWhenLarge().catch((error: unknown) => this.#options.onFailure?.(error as Error));
  }

  async #rotateWhenLarge(): Promise<void> {
    if (await this.#live.isLarge()) await this.rotate();
  }
}
