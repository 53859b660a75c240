// Remembered resources that cannot be used: they are renamed, so that no part of them is ever taken for all, and people
// are told.
import { rename, rm } from 'node:fs/promises';

/** Of one file: which, and why it cannot be used. */
export class Damage extends Error {
  readonly path: string;

  constructor(path: string, reason: string) {
    super(reason);
    this.path = path;
  }
}

/** Replaces what was set aside before. The sentence for people. */
export async function setAside(directory: string, error: unknown): Promise<string> {
  const path = error instanceof Damage ? error.path : directory;
  const fault = `Cannot use "${path}": ${(error as Error).message.replaceAll(/\s+/g, ' ')}`;
  const aside = `${directory}.damaged`;
  try {
    await rm(aside, { recursive: true, force: true });
    await rename(directory, aside);
    return `${fault}; what Envoy had is stored as "${aside}" and computed anew, until then an Envoy that runs keeps it: nothing needs to be done`;
  } catch (cause) {
    return `${fault}, nor can what Envoy had be stored as "${aside}": ${(cause as Error).message}; remove "${directory}"; until it is computed anew, an Envoy that runs keeps what it has`;
  }
}
