// A log as numbered files: access-000017.log, access-000018.log, ... are finished or about to be, the live access.log
// has the number after the highest ever used. Everything is derivable after a crash at any point: whatever is in the
// folder, plus the persisted position, whose number is never below that of a deleted file. Logs of several names share
// a folder.
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { AtomicFiles } from '../../lib/atomic-file.ts';

/** Everything before it is consumed. */
export interface LogPosition {
  readonly sequence: number;
  readonly offset: number;
}

/** Envoy's log. */
export const ENVOY_LOG = 'access';

/** Undefined is nowhere. */
export function isFurther(position: LogPosition, other: LogPosition | undefined): boolean {
  if (other === undefined || position.sequence !== other.sequence)
    return position.sequence > (other?.sequence ?? 0);
  return position.offset > other.offset;
}

export class LogFiles {
  readonly folder: string;
  readonly #name: string;
  readonly #files: AtomicFiles;

  constructor(folder: string, files: AtomicFiles, name = ENVOY_LOG) {
    this.folder = folder;
    this.#name = name;
    this.#files = files;
  }

  /** The name of the file with this number, in event ids too. */
  nameOf(sequence: number): string {
    return `${this.#name}-${String(sequence).padStart(6, '0')}`;
  }

  /** Whose files these are. */
  get log(): string {
    return this.#name;
  }

  /** Whether a file of the folder may be one of these. */
  includes(fileName: string): boolean {
    return fileName.startsWith(this.#name);
  }

  get livePath(): string {
    return join(this.folder, `${this.#name}.log`);
  }

  rotatedPath(sequence: number): string {
    return join(this.folder, `${this.nameOf(sequence)}.log`);
  }

  /** Numbers of the rotated files, ascending. */
  async rotated(): Promise<number[]> {
    const names = await readdir(this.folder);
    const rotatedName = new RegExp(`^${this.#name}-(\\d{6,})\\.log$`);
    const numbers = names.flatMap((name) => rotatedName.exec(name)?.[1] ?? []).map(Number);
    return numbers.sort((a, b) => a - b);
  }

  /** Bytes in the live file; undefined while there is none. */
  async liveBytes(): Promise<number | undefined> {
    return await bytesOf(this.livePath);
  }

  /** Bytes in all files. */
  async bytes(): Promise<number> {
    const paths = [...(await this.rotated()).map((sequence) => this.rotatedPath(sequence)), this.livePath];
    const sizes = await Promise.all(paths.map(bytesOf));
    return sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
  }

  async remove(sequence: number): Promise<void> {
    await rm(this.rotatedPath(sequence), { force: true });
  }

  /** The first where there is none; undefined where its file is damaged. */
  async readPosition(): Promise<LogPosition | undefined> {
    const text = await this.#files.readIfExists(this.#positionPath());
    if (text === undefined) return { sequence: 1, offset: 0 };
    const { sequence, offset } = parse(text);
    if (!Number.isSafeInteger(sequence) || !Number.isSafeInteger(offset)) return undefined;
    return { sequence: sequence ?? 1, offset: offset ?? 0 };
  }

  async writePosition(position: LogPosition): Promise<void> {
    const { sequence, offset } = position;
    await this.#files.writeFileAtomic(this.#positionPath(), `${JSON.stringify({ sequence, offset })}\n`);
  }

  #positionPath(): string {
    const fileName = this.#name === ENVOY_LOG ? 'positions.json' : `${this.#name}-positions.json`;
    return join(this.folder, fileName);
  }
}

async function bytesOf(path: string): Promise<number | undefined> {
  return await stat(path).then(
    ({ size }) => size,
    () => undefined,
  );
}

function parse(text: string): Partial<LogPosition> {
  try {
    return (JSON.parse(text) as Partial<LogPosition> | null) ?? {};
  } catch {
    return {};
  }
}
