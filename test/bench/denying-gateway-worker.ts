// A gateway that only denies, as a process of its own: writes its log as Envoy does, a block each 100 ms, and ships the
// rows with the product's own parts, from the tail of the spool to the connection to the collector. Its parent says what
// to do, by IPC.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { readCollectorClient } from '../../operator/collector-config.ts';
import { outboundReader } from '../../operator/denials/reading/read-denials.ts';
import { OUTBOUND_SHAPE } from '../../operator/denials/store/row-shapes.ts';
import { connectKubernetes } from '../../operator/lib/kubernetes/connect-kubernetes.ts';
import { createLogger } from '../../operator/lib/logger.ts';
import type { Denial } from '../../operator/model/denial.ts';
import { envoyLog, logFaults, openRowSpools } from '../../operator/roles/shared/row-spools.ts';
import { shipRows } from '../../operator/roles/shared/ship-rows.ts';
import { DenialWriter } from './denial-writer.ts';
import type { GatewayAnswer, GatewayOrder, GatewayPlace } from './denying-gateway.ts';
import { Lag } from './lag.ts';

const place = JSON.parse(process.argv[2] ?? '') as GatewayPlace;
const logger = createLogger({ role: 'gateway', level: 'warn' });
const folder = join(place.folder, place.name);
await mkdir(folder, { recursive: true });
const api = await connectKubernetes({ kubeconfig: place.kubeconfig });
const config = readCollectorClient({ collector: place.collector, collectorToken: place.tokenFile });
if (config === undefined) throw new Error('no collector');
const shipping = shipRows<Denial>(config, 'outbound', {
  ...{ api, namespace: place.namespace },
  onFailure: () => undefined,
});
const writer = new DenialWriter({ ...place, path: join(folder, 'access.log') });
let lag = new Lag();
const spools = await openRowSpools({
  ...{ gateway: place.name, rowsPerSecond: 1_000_000, shape: OUTBOUND_SHAPE },
  reader: outboundReader({ accountId: 'bench', findRule: () => null, isStillAllowed: () => false }),
  sink: shipping.sink,
  onDenials: (denials) => lag.note(denials, Date.now()),
  ...logFaults(logger, new Registry()),
  folder,
  logs: [envoyLog({ reopenLogs: async () => writer.reopen(), logWrites: async () => undefined })],
  maxBytes: undefined,
  budgetBytes: place.spoolBytes,
});
shipping.start();
await spools.start();

process.on('message', (order: GatewayOrder) => void carryOut(order).then(reply, fail));
reply({ kind: 'ready' });

async function carryOut(order: GatewayOrder): Promise<GatewayAnswer> {
  switch (order.kind) {
    case 'write': {
      lag = new Lag();
      return { kind: 'written', asked: await writer.write(order) };
    }
    case 'drain': {
      await spools.drain();
      return { kind: 'drained', lag: lag.buckets() };
    }
    case 'state':
      return { kind: 'state', spoolBytes: (await spools.state()).bytes };
    case 'stop': {
      await spools.close();
      await shipping.finish(async () => undefined, logger);
      await api.close();
      setImmediate(() => process.disconnect());
      return { kind: 'stopped' };
    }
  }
}

function reply(answer: GatewayAnswer): void {
  process.send?.(answer);
}

function fail(error: unknown): void {
  logger.error('the gateway of a benchmark failed', { error });
  process.exit(1);
}
