// The way of a gateway's rows to the collector: the authority of its certificate from the API server, the token of this
// pod from its volume, and one connection. Nothing waits for any of it: rows that cannot be sent stay in the spools.
import { readFile } from 'node:fs/promises';
import type { CollectorClientConfig } from '../../collector-config.ts';
import { connectCollector } from '../../denials/shipping/collector-connection.ts';
import { type AskCollector, collectorSink } from '../../denials/shipping/collector-sink.ts';
import type { LogRow, RowSink } from '../../denials/store/row-sink.ts';
import type { Direction } from '../../denials/wire/collector-wire.ts';
import type { Logger } from '../../lib/logger.ts';
import { within } from '../../lib/within.ts';
import { collectorHost } from '../../model/system-names.ts';
import {
  CollectorAuthority,
  type CollectorAuthorityOptions,
} from '../../sources/kubernetes/collector-authority.ts';

export interface Shipping<Row extends LogRow> {
  readonly sink: RowSink<Row>;
  /** Of anything else that goes there. */
  readonly ask: AskCollector;
  readonly start: () => void;
  /** Waits for `drain`, the last rows, but not for long; ends the connection, so that nothing else waits for it. */
  readonly finish: (drain: () => Promise<void>, logger: Logger) => Promise<void>;
}

/** Of what the pod has after its Envoy has ended. */
const LAST_ROWS_MS = 10_000;

export function shipRows<Row extends LogRow>(
  { url, tokenFile }: CollectorClientConfig,
  direction: Direction,
  options: CollectorAuthorityOptions,
): Shipping<Row> {
  const authority = new CollectorAuthority(options);
  const connection = connectCollector({
    ...{ url, serverName: collectorHost(options.namespace) },
    authority: () => authority.current(),
    token: async () => (await readFile(tokenFile, 'utf8')).trim(),
  });
  return {
    sink: collectorSink<Row>(connection.ask, direction),
    ask: connection.ask,
    start: () => authority.start(),
    finish: async (drain, logger) => {
      const isDone = await within(
        LAST_ROWS_MS,
        drain().then(() => true),
      );
      if (isDone !== true)
        logger.error(
          'the last denials could not be sent to the collector: see its log, and the warnings before',
          {
            collector: url.origin,
          },
        );
      await Promise.all([connection.close(), authority.stop()]);
    },
  };
}
