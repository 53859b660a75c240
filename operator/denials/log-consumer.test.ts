import { lineText, type WrittenLine } from '../../test/fixtures/access-log-fixture.ts';
import { rowsOf, withFolder } from '../../test/fixtures/denial-fixture.ts';
import type { Denial } from '../model/denial.ts';
import { type BatchConsumer, LogConsumer } from './log-consumer.ts';
import { runQuery } from './query/run-query.ts';
import { type LogLines, outboundReader } from './reading/read-denials.ts';
import { DenialStore } from './store/duckdb/denial-store.ts';
import { OUTBOUND_SHAPE } from './store/row-shapes.ts';

const LOG_FILE = 'access.log.1';

interface Setting {
  readonly store: DenialStore;
  readonly shown: Denial[];
  /** Lines that were reported as unreadable or truncated, with their number. */
  readonly unreadable: string[];
  /** Another one on the same store, as after a restart. */
  readonly open: (gateway?: string) => Promise<BatchConsumer>;
  /** "sequence destination", in order. */
  readonly stored: () => Promise<readonly string[]>;
}

function withLog(work: (setting: Setting) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const store = await DenialStore.open(`${folder}/denials.duckdb`);
    const shown: Denial[] = [];
    const unreadable: string[] = [];
    const onDenials = (denials: readonly Denial[]): void => void shown.push(...denials);
    const onUnreadableLines = (count: number): void => void unreadable.push(`${count} unreadable`);
    const open = (gateway = 'local'): Promise<BatchConsumer> =>
      LogConsumer.open({
        gateway,
        sink: store,
        rowsPerSecond: 100,
        shape: OUTBOUND_SHAPE,
        reader: outboundReader({ accountId: 'acme', findRule: () => null, isStillAllowed: () => false }),
        onDenials,
        onUnreadableLines,
        onTruncatedLines: (count) => void unreadable.push(`${count} truncated`),
      });
    const stored = async (): Promise<readonly string[]> => {
      const sql = `select sequence, case lost when 0 then destination else lost || ' lost' end as destination
        from system.access.outbound_network order by event_id, sequence`;
      return rowsOf(await runQuery(store, sql)).map((row) => `${row['sequence']} ${row['destination']}`);
    };
    try {
      await work({ store, shown, unreadable, open, stored });
    } finally {
      await store.close();
    }
  });
}

function rejection(host: string, line: WrittenLine = {}): string {
  return lineText(line, { authority: `${host}:443` });
}

/** Lines one behind the other from an offset on. */
function batchOf(texts: readonly string[], from = 0, logFile = LOG_FILE): LogLines {
  let upTo = from;
  const lines = texts.map((text) => {
    const offset = upTo;
    upTo += Buffer.byteLength(text) + 1;
    return { offset, text };
  });
  return { logFile, upTo, lines };
}

test('consume() stores and shows denials, and counts lines that are none of ours in a row', () =>
  withLog(async ({ open, stored, shown, unreadable }) => {
    const log = await open();
    const allowed = rejection('allowed.example.com', { decision: 'allow', code: 200 });
    await log.consume(
      batchOf([
        rejection('a.example.com'),
        allowed,
        '{"torn',
        rejection('x.example.com', { time: 'soon' }),
        rejection('b.example.com'),
      ]),
    );
    expect(await stored()).toEqual(['1 a.example.com', '3 2 lost', '2 b.example.com']);
    expect(shown.map(({ destination }) => destination)).toEqual(['a.example.com', 'b.example.com', '*']);
    expect(shown[2]).toMatchObject({ reason: 'DENIALS_NOT_KEPT', repeats: 2, workspaceId: '' });
    expect(shown[0]).toMatchObject({ accountId: 'acme', eventId: `local/${LOG_FILE}/0` });
    expect(unreadable).toEqual(['2 unreadable']);
  }));

test('consume() reads the line behind one whose end is missing, and counts that', () =>
  withLog(async ({ open, stored, shown }) => {
    const whole = rejection('b.example.com');
    const log = await open();
    await log.consume(
      batchOf([
        rejection('a.example.com'),
        rejection('torn.example.com').slice(0, 80) + whole,
        `\0\0\0\0${rejection('c.example.com')}`,
        '\0\0\0',
      ]),
    );
    expect(shown.map(({ destination, lost }) => lost || destination)).toEqual([
      'a.example.com',
      'b.example.com',
      'c.example.com',
      3,
    ]);
    expect(await stored()).toHaveLength(4);
  }));

test('consume() of lines that were too long stores a row each, and reports how many', () =>
  withLog(async ({ open, stored, unreadable }) => {
    const { lines, ...batch } = batchOf([rejection('a.example.com'), rejection('b.example.com')]);
    await (await open()).consume({
      ...batch,
      lines: lines.map((line) => ({ ...line, truncatedFrom: 30_000 })),
    });
    expect(await stored()).toEqual(['1 a.example.com', '2 b.example.com']);
    expect(unreadable).toEqual(['2 truncated']);
  }));

test('consume() takes a batch that comes again for nothing new, and only the rest of a longer one', () =>
  withLog(async ({ open, stored, shown }) => {
    const log = await open();
    await log.consume(batchOf([rejection('a.example.com')]));
    await log.consume(batchOf([rejection('a.example.com')]));
    await log.consume(batchOf([rejection('a.example.com'), rejection('b.example.com')]));
    expect(await stored()).toEqual(['1 a.example.com', '2 b.example.com']);
    expect(shown).toHaveLength(2);
  }));

test('open() continues after the last sequence number and position, as after a restart', () =>
  withLog(async ({ open, stored, shown }) => {
    const first = batchOf([rejection('a.example.com'), rejection('b.example.com')]);
    await (await open()).consume(first);
    const log = await open();
    await log.consume(first);
    await log.consume(batchOf([rejection('c.example.com')], first.upTo));
    await log.consume(batchOf([rejection('d.example.com')], 0, 'access.log.2'));
    expect(await stored()).toEqual([
      '1 a.example.com',
      '2 b.example.com',
      '3 c.example.com',
      '4 d.example.com',
    ]);
    expect(shown).toHaveLength(4);
  }));

test('open() keeps gateways apart', () =>
  withLog(async ({ open, stored }) => {
    await (await open('other')).consume(batchOf([rejection('a.example.com'), rejection('b.example.com')]));
    await (await open()).consume(batchOf([rejection('c.example.com')]));
    expect(await stored()).toEqual(['1 c.example.com', '1 a.example.com', '2 b.example.com']);
  }));

test('consume() throws where nothing was stored, shows nothing, and uses no number up', () =>
  withLog(async ({ open, store, shown }) => {
    const log = await open();
    await store.close();
    await expect(log.consume(batchOf([rejection('a.example.com')]))).rejects.toThrow('it is closed');
    expect(shown).toEqual([]);
  }));
