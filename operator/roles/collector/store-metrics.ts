// How much room the collector's own store has, read whenever somebody asks.
import { statfs } from 'node:fs/promises';
import { Gauge, type Registry } from 'prom-client';

export interface MeasuredStore {
  readonly usedBytes: () => Promise<number>;
  /** At which the oldest rows are deleted. */
  readonly limitBytes: number;
  /** On the disk of the store. */
  readonly directory: string;
}

export function measureStore(registry: Registry, { usedBytes, limitBytes, directory }: MeasuredStore): void {
  const gauge = (name: string, help: string, read: () => Promise<number>): Gauge =>
    new Gauge({
      ...{ name, help, registers: [registry] },
      async collect() {
        this.set(await read());
      },
    });
  gauge('sallyport_collector_store_bytes', 'Bytes of the denial log', usedBytes);
  gauge(
    'sallyport_collector_store_limit_bytes',
    'Bytes of the denial log at which its oldest rows are deleted (--retention-size)',
    async () => limitBytes,
  );
  gauge(
    'sallyport_collector_disk_free_bytes',
    'Bytes that are free on the disk of the denial log',
    async () => {
      const { bavail, bsize } = await statfs(directory);
      return bavail * bsize;
    },
  );
}
