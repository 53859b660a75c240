// Log lines of objects that could not be written: of a kind one in 10 s, which says how many there were since the last
// one. Somebody with rights in one workspace can make hundreds of them fail.
import { NoLongerLeader, type WriteFailures } from '../../deliver/kubernetes/object-writer.ts';
import { PodRefused } from '../../deliver/kubernetes/pod-write-memory.ts';
import { objectKey } from '../../lib/kubernetes/api-object.ts';
import type { Logger } from '../../lib/logger.ts';

const INTERVAL_MS = 10_000;

interface Said {
  readonly atMs: number;
  readonly unsaid: number;
}

export class FailureLog {
  readonly #logger: Pick<Logger, 'error'>;
  /** By kind of object. */
  readonly #said = new Map<string, Said>();

  constructor(logger: Pick<Logger, 'error'>) {
    this.#logger = logger;
  }

  log(failures: WriteFailures, atMs: number): void {
    for (const { item, error } of failures) {
      if (error instanceof NoLongerLeader || (error instanceof PodRefused && !error.isNew)) continue;
      const { atMs: saidAtMs, unsaid } = this.#said.get(item.kind) ?? { atMs: -Infinity, unsaid: 0 };
      if (atMs < saidAtMs + INTERVAL_MS) {
        this.#said.set(item.kind, { atMs: saidAtMs, unsaid: unsaid + 1 });
        continue;
      }
      this.#said.set(item.kind, { atMs, unsaid: 0 });
      const object = objectKey(item);
      this.#logger.error('an object could not be written', { object, error, othersSince: unsaid });
    }
  }
}
