// Where the rows of a collector go, as configured: DuckDB in its own directory, ClickHouse, or a receiver of OTLP logs, and
// the last one also beside a store. Only DuckDB needs a directory and one process.
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Counter, type Registry } from 'prom-client';
import type { CollectorConfig } from '../../cluster-config.ts';
import type { RemoteConfig } from '../../collector-config.ts';
import { alsoInto } from '../../denials/shipping/also-into.ts';
import { connectOtlp } from '../../denials/shipping/otlp/otlp-connection.ts';
import { otlpSink } from '../../denials/shipping/otlp/otlp-sink.ts';
import { ClickhouseStore } from '../../denials/store/clickhouse/clickhouse-store.ts';
import { DenialRetention } from '../../denials/store/denial-retention.ts';
import { DenialStore } from '../../denials/store/duckdb/denial-store.ts';
import { queriedDenials } from '../../denials/store/duckdb/queried-denials.ts';
import { describeSetAside } from '../../denials/store/duckdb/set-aside.ts';
import type { EntryUseStore } from '../../denials/store/entry-use-store.ts';
import { INBOUND_TABLE, OUTBOUND_TABLE } from '../../denials/store/log-tables.ts';
import type { QueriedLog } from '../../denials/store/queried-log.ts';
import type { RowSink } from '../../denials/store/row-sink.ts';
import { prepareStateDirectory } from '../../gateway/state/state-directory.ts';
import type { Logger } from '../../lib/logger.ts';
import { Loop, SYSTEM_CLOCK } from '../../lib/loop.ts';
import type { Denial } from '../../model/denial.ts';
import type { InboundDenial } from '../../model/inbound-denial.ts';
import { exportRows, type RowExport } from './export-rows.ts';
import { measureStore } from './store-metrics.ts';

interface RowSinks {
  readonly outbound: RowSink<Denial>;
  readonly inbound: RowSink<InboundDenial>;
}

export interface RowStore extends RowSinks {
  readonly uses: EntryUseStore;
  /** Undefined where rows are only sent on. */
  readonly log: QueriedLog | undefined;
  readonly retention: Pick<DenialRetention, 'start' | 'stop'> | undefined;
  readonly exports: RowExport | undefined;
  /** Of gateways whose pods are not among these, what no pod can need any more. */
  readonly forgetGateways?: (present: readonly string[]) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** For rows and for queries; what is larger is spilled to disk. */
const MEMORY_MB = 112;
/** Each checkpoint writes the last rows anew, however few are new; with 1 MB of it that is a fifth of the CPU time. */
const CHECKPOINT_MB = 16;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Throws where the directory, the database or a file of credentials is not available. */
export async function openRowStore(
  config: CollectorConfig,
  logger: Logger,
  registry: Registry,
): Promise<RowStore> {
  const sent = config.otlp === undefined ? undefined : await sendOn(config.otlp, logger, registry);
  try {
    return joined(await openStore(config, logger, registry), sent);
  } catch (error) {
    await sent?.close();
    throw error;
  }
}

/** Where rows are only sent on, nobody asks for them here. */
const NO_USES: EntryUseStore = { recordUses: async () => undefined };

type SentOn = RowSinks & Pick<RowStore, 'close'>;

function joined(stored: RowStore | undefined, sent: SentOn | undefined): RowStore {
  if (stored === undefined) {
    if (sent === undefined) throw new Error('Cannot start: rows have nowhere to go');
    return { ...sent, uses: NO_USES, log: undefined, retention: undefined, exports: undefined };
  }
  if (sent === undefined) return stored;
  return {
    ...stored,
    outbound: alsoInto(sent.outbound, stored.outbound),
    inbound: alsoInto(sent.inbound, stored.inbound),
    close: async () => void (await Promise.all([sent.close(), stored.close()])),
  };
}

function openStore(
  config: CollectorConfig,
  logger: Logger,
  registry: Registry,
): Promise<RowStore | undefined> {
  if (config.store === 'otlp') return Promise.resolve(undefined);
  return config.store === 'duckdb'
    ? openDuckdb(config, logger, registry)
    : openClickhouse(config.store.clickhouse, config, logger);
}

async function openDuckdb(config: CollectorConfig, logger: Logger, registry: Registry): Promise<RowStore> {
  const { paths, notes, release } = await prepareStateDirectory(config.stateDirectory, { mayBeVolume: true });
  for (const note of notes) logger.info('noticed at the start', { note });
  const store = await DenialStore.open(paths.database, {
    memoryLimitMb: MEMORY_MB,
    checkpointMb: CHECKPOINT_MB,
  });
  if (store.setAside !== undefined)
    logger.error('the denial log begins anew', { reason: describeSetAside(store.path, store.setAside) });
  const queries = join(paths.root, 'queries');
  // What a process that was killed has left.
  await rm(queries, { recursive: true, force: true });
  const exports =
    config.exportTo === undefined
      ? undefined
      : await exportRows({ store, exportTo: config.exportTo, root: paths.root, logger, registry });
  measureStore(registry, {
    usedBytes: () => store.usedBytes(),
    limitBytes: config.retentionBytes,
    directory: paths.root,
  });
  const retention = new DenialRetention({
    store: exports?.retained ?? store,
    maxAgeMs: config.retentionMs,
    maxBytes: config.retentionBytes,
    onDeleted: (sentence) => logger.info('rows were deleted', { reason: sentence }),
    onFailure: (error) => logger.error('old rows could not be deleted', { error }),
  });
  return {
    ...{
      outbound: store,
      inbound: store.inbound,
      uses: store,
      log: queriedDenials(store, queries),
      retention,
      exports,
    },
    forgetGateways: (present) => store.forgetGateways(present, config.retentionMs),
    close: async () => {
      await store.close();
      // The last step: another process may have the state directory.
      await release();
    },
  };
}

async function openClickhouse(
  { url, credentials }: RemoteConfig,
  { retentionMs }: Pick<CollectorConfig, 'retentionMs'>,
  logger: Logger,
): Promise<RowStore> {
  const file = filesOf(credentials);
  const store = await ClickhouseStore.open({
    ...{ url, retentionMs },
    credentials: async () => ({
      username: (await file('username')) ?? 'default',
      password: (await file('password')) ?? '',
      ...{ authority: await file('ca.crt'), certificate: await file('tls.crt'), key: await file('tls.key') },
    }),
  });
  const { outbound, inbound } = store;
  const loop = new Loop({
    job: async () => {
      await store.deleteFormerBatches(Date.now());
      return {};
    },
    ...{ minIntervalMs: DAY_MS, retryIntervalMs: HOUR_MS, maxIntervalMs: DAY_MS, clock: SYSTEM_CLOCK },
    onFailure: (error) => logger.error('former batches could not be deleted', { error }),
  });
  const retention = { start: () => loop.trigger(), stop: () => loop.stop() };
  return {
    ...{ outbound, inbound, uses: store, log: store, retention, exports: undefined },
    close: () => store.close(),
  };
}

async function sendOn(
  { url, credentials }: RemoteConfig,
  logger: Logger,
  registry: Registry,
): Promise<SentOn> {
  const rejected = new Counter({
    name: 'sallyport_collector_otlp_rejected_total',
    help: 'Rows that the receiver of OTLP logs refused for good; the log says why',
    registers: [registry],
  });
  const file = filesOf(credentials);
  const { post, close } = connectOtlp({
    ...{ url, authority: await file('ca.crt') },
    authorization: () => file('authorization'),
  });
  const onRejected = (rows: number, reason: string): void => {
    rejected.inc(rows);
    logger.error('the receiver of OTLP logs refused rows for good', { rows, reason, receiver: url.origin });
  };
  return {
    outbound: otlpSink({ post, table: OUTBOUND_TABLE, onRejected }),
    inbound: otlpSink({ post, table: INBOUND_TABLE, onRejected }),
    close,
  };
}

/** Reads a file of a directory, as it is now; undefined where there is none. */
function filesOf(directory: string | undefined): (name: string) => Promise<string | undefined> {
  return async (name) => {
    if (directory === undefined) return undefined;
    try {
      return (await readFile(join(directory, name), 'utf8')).trim();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  };
}
