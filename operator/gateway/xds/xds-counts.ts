// What has been delivered over xDS, as numbers, read whenever somebody asks for them.
import { Counter, Gauge, type Registry } from 'prom-client';

/** Since the start of the process. */
export class XdsCounts {
  /** Connections of Envoy. */
  streams = 0;
  /** Resources that Envoy should have now. */
  resources = 0;
  /** Of single resources. */
  rejections = 0;
  /** Changes that came into force, and how long that took in all. */
  changes = 0;
  changeSeconds = 0;
}

export function measureXds(registry: Registry, counts: XdsCounts): void {
  const registers = [registry];
  const counter = (name: string, help: string, read: () => number): Counter =>
    new Counter({
      ...{ name, help, registers },
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  counter('sallyport_xds_streams_total', 'Connections of Envoy to its gateway', () => counts.streams);
  counter('sallyport_xds_rejections_total', 'Resources that Envoy rejected', () => counts.rejections);
  counter('sallyport_xds_changes_total', 'Changes that Envoy has answered', () => counts.changes);
  counter(
    'sallyport_xds_change_seconds_total',
    'Time until Envoy had answered its changes',
    () => counts.changeSeconds,
  );
  new Gauge({
    name: 'sallyport_xds_resources',
    help: 'Resources that Envoy should have',
    registers,
    collect() {
      this.set(counts.resources);
    },
  });
}
