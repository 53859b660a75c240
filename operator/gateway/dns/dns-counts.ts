// Questions by result, counted since the start.
import { Counter, type Registry } from 'prom-client';

export class DnsCounts {
  readonly questions = {
    address: 0,
    noData: 0,
    noName: 0,
    forwarded: 0,
    /** Names of Services, while Services have not been read. */
    unknown: 0,
    malformed: 0,
    tooMany: 0,
  };
  /** Denied questions without a row of their own, since one of the same source and name had just got one. */
  folded = 0;
  /** Dropped rows of denied questions, since too many waited for the file system. */
  dropped = 0;
}

export function measureDns(registry: Registry, counts: DnsCounts): void {
  new Counter({
    name: 'sallyport_dns_questions_total',
    help: 'DNS questions of clients, by result',
    labelNames: ['outcome'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [outcome, count] of Object.entries(counts.questions)) this.inc({ outcome }, count);
    },
  });
  new Counter({
    name: 'sallyport_dns_folded_total',
    help: 'Denied questions counted in the row of an earlier one of the same client and name',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(counts.folded);
    },
  });
  new Counter({
    name: 'sallyport_dns_dropped_total',
    help: 'Denied questions without a row, since too many waited for the file system',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(counts.dropped);
    },
  });
}
