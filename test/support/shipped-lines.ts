// Lines of a log through a LogConsumer into a sink that may fail, as the tail of a log sends them; for tests.
import { type BatchConsumer, LogConsumer } from '../../operator/denials/log-consumer.ts';
import { type LogLines, outboundReader } from '../../operator/denials/reading/read-denials.ts';
import { OUTBOUND_SHAPE } from '../../operator/denials/store/row-shapes.ts';
import type { RowSink } from '../../operator/denials/store/row-sink.ts';
import type { Denial } from '../../operator/model/denial.ts';
import { lineText } from '../fixtures/access-log-fixture.ts';

/** The same lines again until they are taken, and more with them where more are there. */
export async function ship(consumer: BatchConsumer, texts: readonly string[], size: number): Promise<void> {
  const offsets = texts.reduce<number[]>((all, text) => [...all, (all.at(-1) ?? 0) + text.length + 1], [0]);
  for (let from = 0, most = size; from < texts.length; ) {
    const to = Math.min(texts.length, from + most);
    const lines = texts.slice(from, to).map((text, at) => ({ offset: offsets[from + at] ?? 0, text }));
    const batch: LogLines = { logFile: 'access-000001', upTo: offsets[to] ?? 0, lines };
    const isTaken = await consumer.consume(batch).then(
      () => true,
      () => false,
    );
    if (isTaken) from = to;
    most = isTaken ? size : most + 3;
  }
}

/** Of denied connections; few have a row of their own, the others are counted. `seen`: offsets of lines that it reports. */
export function consumerOf(sink: RowSink<Denial>, gateway: string, seen: number[] = []) {
  return new LogConsumer({
    ...{ gateway, rowsPerSecond: 4, shape: OUTBOUND_SHAPE, sink },
    reader: outboundReader({ accountId: 'acme', findRule: () => null, isStillAllowed: () => false }),
    onLines: (lines) => void seen.push(...lines.map(({ offset }) => offset)),
    onDenials: () => undefined,
    onUnreadableLines: () => undefined,
    onTruncatedLines: () => undefined,
  });
}

export function linesTo(hosts: readonly string[]): readonly string[] {
  return hosts.map((host) => lineText({}, { authority: `${host}:443` }));
}

/** Denials by host, of lines or as stored. */
export function tally(hosts: readonly (readonly [string, number])[]): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const [host, by] of hosts) counts.set(host, (counts.get(host) ?? 0) + by);
  return Object.fromEntries([...counts].toSorted());
}
