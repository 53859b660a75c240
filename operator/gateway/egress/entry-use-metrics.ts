// How often the allowed destinations of policies were used, as a metric; for a limited number of entries.
import { Counter, type Registry } from 'prom-client';
import type { EntryUsesFile } from '../../model/entry-uses.ts';

/** Those that were never used have no series. */
const MAX_SERIES = 5000;

export function measureEntryUses(registry: Registry, snapshot: () => EntryUsesFile): void {
  new Counter({
    name: 'sallyport_destination_connections_total',
    help: 'Connections and requests that an allowed destination of a policy has let through',
    labelNames: ['policy', 'list', 'entry'],
    registers: [registry],
    collect() {
      this.reset();
      const used = snapshot().policies.flatMap(({ policy, entries }) =>
        entries.flatMap(({ list, entry, connections }) =>
          connections > 0 ? [{ policy, list, entry, connections }] : [],
        ),
      );
      for (const { connections, ...labels } of used.slice(0, MAX_SERIES)) this.inc(labels, connections);
    },
  });
}
