// What processes hold of the memory of this container, and how much that may be.
import { readFileSync } from 'node:fs';

/** What the kernel cannot give to others; 0 of a process that is gone. */
export function heldBytes(pid: number): number {
  try {
    const [, kilobytes = '0'] =
      /^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kilobytes) * 1024;
  } catch {
    return 0;
  }
}

/** Infinite where there is no limit. */
export function containerBytes(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? limit : Number.POSITIVE_INFINITY;
}
