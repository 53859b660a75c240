// Envoy as numbers, read whenever somebody asks for them.
import { Counter, Gauge, type Registry } from 'prom-client';

export interface EnvoyNumbers {
  /** Connections that were closed at once, since the start of the process. */
  readonly deniedConnections: () => number;
  /** Share of what Envoy may use. */
  readonly memoryRatio: () => number;
}

export function measureEnvoy(registry: Registry, { deniedConnections, memoryRatio }: EnvoyNumbers): void {
  new Counter({
    name: 'sallyport_connections_refused_total',
    help: 'Connections that were closed at once, at the connection limit or for lack of memory',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(deniedConnections());
    },
  });
  new Gauge({
    name: 'sallyport_envoy_memory_used_ratio',
    help: 'Share of its memory limit that Envoy uses; above 0.95 it denies new connections',
    registers: [registry],
    collect() {
      this.set(memoryRatio());
    },
  });
}
