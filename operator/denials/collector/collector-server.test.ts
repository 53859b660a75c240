import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import {
  countsOf,
  lineBytes,
  rowsOf,
  sampleBatch,
  sampleDenial,
} from '../../../test/fixtures/denial-fixture.ts';
import { inboundBatch } from '../../../test/fixtures/inbound-fixture.ts';
import { type CollectorStage, withCollector } from '../../../test/support/collector-stage.ts';
import { until } from '../../../test/support/until.ts';
import type { Denial } from '../../model/denial.ts';
import { runQuery } from '../query/run-query.ts';
import { collectorSink } from '../shipping/collector-sink.ts';
import type { RowBatch } from '../store/row-sink.ts';

const sinkOf = ({ connect }: CollectorStage, name: string) =>
  collectorSink<Denial>(connect(`gateway~${name}`).ask, 'outbound');

/** Those of "gw-1", under another name. */
function batchOf(gateway: string, from: number, to: number): RowBatch<Denial> {
  const { denials, ...batch } = sampleBatch(from, to);
  return {
    ...{ ...batch, gateway },
    denials: denials.map((row) => ({ ...row, eventId: row.eventId.replace('gw-1', gateway) })),
  };
}

async function post(stage: CollectorStage, path: string, body: Buffer, token = 'gateway~gw-1') {
  const { status, text } = await stage.connect(token).ask({ method: 'POST', path, body });
  return `${status} ${text}`;
}

/** That the collector holds. */
const CONNECTIONS = 1024;
const BATCHES = '/v1/batches/outbound';

describe('the collector', () => {
  test('stores batches over TLS, and a batch that is sent twice once', () =>
    withCollector(async (stage) => {
      const sink = sinkOf(stage, 'gw-1');
      expect(await sink.progress('gw-1')).toEqual({ positions: new Map(), lastSequence: 0, denials: 0 });
      expect(await sink.append(sampleBatch(0, 1000))).toEqual({ stored: 1000, duplicates: 0 });
      const { eventId, eventTime } = sampleDenial(5);
      const next = { ...sampleBatch(1000, 1001), raised: [{ eventId, eventTime, by: 7 }] };
      expect(await sink.append(next)).toEqual({ stored: 1, duplicates: 0 });
      expect(await sink.append(next)).toEqual({ stored: 0, duplicates: 1 });
      const total = 'select sum(repeats)::int as n from access.outbound_network';
      expect(rowsOf(await runQuery(stage.store, total))).toEqual([{ n: 1008 }]);
      expect(await sink.progress('gw-1')).toEqual({
        positions: new Map([['access.log', 1001 * lineBytes]]),
        lastSequence: 1001,
        denials: 1008,
      });
    }));

  test('stores every field as the gateway has it, of both directions', () =>
    withCollector(async (stage) => {
      const changes = {
        sni: 'ö"\u0000',
        sample: ['a', 'b'],
        dnsEvent: { domainName: 'x.example', rcode: 3 },
      };
      await sinkOf(stage, 'gw-1').append(sampleBatch(0, 2, changes));
      const ingress = collectorSink(stage.connect('ingress~gw-2').ask, 'inbound');
      await ingress.append(inboundBatch(0, 2));
      const remote = await Promise.all(
        ['outbound_network', 'inbound_network'].map((table) => allOf(stage, table)),
      );
      await withCollector(async (local) => {
        await local.store.append(sampleBatch(0, 2, changes));
        await local.store.inbound.append(inboundBatch(0, 2));
        expect(await allOf(local, 'outbound_network')).toEqual(remote[0]);
        expect(await allOf(local, 'inbound_network')).toEqual(remote[1]);
      });
      expect(remote.map((answer) => rowsOf(answer).length)).toEqual([2, 2]);
    }));

  test('takes batches of 8 gateways at once, each with its own progress', () =>
    withCollector(async (stage) => {
      const names = Array.from({ length: 8 }, (_, at) => `gw-${at + 1}`);
      await Promise.all(
        names.map(async (name) => {
          const sink = sinkOf(stage, name);
          for (let from = 0; from < 500; from += 100) await sink.append(batchOf(name, from, from + 100));
        }),
      );
      expect((await countsOf(stage.store))?.['total']).toBe(4000);
      for (const name of names) expect((await stage.store.progress(name)).lastSequence).toBe(500);
    }));
});

function allOf({ store }: CollectorStage, table: string) {
  return runQuery(store, `select * from access.${table} order by sequence`);
}

describe('the collector refuses', () => {
  const bodyOf = (batch: object): Buffer => gzipSync(JSON.stringify(batch));
  const { gateway: _, ...batch } = sampleBatch(0, 2);
  const raised = [{ eventId: 'gw-2/access.log/0', eventTime: sampleDenial(0).eventTime, by: 1 }];
  const own = 'gateway "gw-1" may write rows "gw-1/access.log/" up to byte 800 only';

  test.each([
    ['rows of another gateway', { ...batch, denials: batchOf('gw-2', 0, 2).denials }, `403.*${own}`],
    ['rows of another file', { ...batch, logFile: 'dns.log' }, '403.*may write rows .*gw-1/dns.log/'],
    ['rows behind the batch', { ...batch, upTo: 300 }, '403.*up to byte 300 only'],
    ['to count more in rows of another gateway', { ...batch, raised }, '403.*gw-2/access.log/0'],
    ['a file with a slash in its name', { ...batch, logFile: '../x' }, '400.*logFile: no name of a log file'],
    ['rows of another shape', { ...batch, denials: [{ eventId: 1 }] }, '400.*denials.0.eventId'],
    ['what is no batch', [], '400.*Cannot read the batch'],
  ])('%s', (_what, body, refusal) =>
    withCollector(async (stage) => {
      expect(await post(stage, BATCHES, bodyOf(body))).toMatch(new RegExp(refusal.replaceAll('"', '.{1,2}')));
      expect((await countsOf(stage.store))?.['total']).toBe(0);
      expect(stage.refused).toHaveLength(1);
    }),
  );

  test.each([
    ['no token', 'nobody', '401.*the credentials are missing or not accepted'],
    ['a person', 'person~ada', '403.*Cannot take outbound rows of user .{1,2}ada'],
    ['an ingress gateway', 'ingress~gw-1', '403.*Cannot take outbound rows of gateway .{1,2}gw-1'],
  ])('outbound rows of %s', (_who, token, refusal) =>
    withCollector(async (stage) => {
      expect(await post(stage, BATCHES, bodyOf(batch), token)).toMatch(new RegExp(refusal));
      const { status } = await stage.connect(token).ask({ method: 'GET', path: '/v1/progress/outbound' });
      expect(status).toBe(Number(refusal.slice(0, 3)));
      expect((await countsOf(stage.store))?.['total']).toBe(0);
    }),
  );

  test.each([
    ['packed', Buffer.alloc(5 * 1024 * 1024), '413.*more than 4194304 bytes'],
    ['unpacked', gzipSync(Buffer.alloc(200 * 1024 * 1024)), '413.*more than 12582912 bytes'],
    ['no gzip', Buffer.from('{}'), '400.*no gzip'],
    ['no JSON', gzipSync('{'), '400.*no JSON'],
  ])('a body that is too long or unreadable: %s', (_what, body, refusal) =>
    withCollector(async (stage) => {
      expect(await post(stage, BATCHES, body)).toMatch(new RegExp(refusal));
      expect(stage.faults).toEqual([]);
    }),
  );
});

test('the collector says that it cannot store now where the store fails, and that it is not known who calls where that cannot be asked', () =>
  withCollector(async (stage) => {
    await stage.store.close();
    const sink = sinkOf(stage, 'gw-1');
    await expect(sink.append(sampleBatch(0, 2))).rejects.toThrow(
      'answered 500: Cannot store or read rows now',
    );
    expect(String(stage.faults)).toContain('it is closed');
    const away = { authenticate: () => Promise.reject(new Error('no answer')) };
    await withCollector(async (other) => {
      await expect(sinkOf(other, 'gw-1').progress('gw-1')).rejects.toThrow('503: Cannot find out who calls');
    }, away);
  }));

test('connections without a caller shut out nobody, also none of the same address, and end after a while', () =>
  withCollector(
    async (stage) => {
      const reader = stage.connect('person~admin');
      const answered = async () =>
        (await reader.ask({ method: 'GET', path: '/v1/progress/outbound' })).status;
      expect(await answered()).toBe(403);
      const idle: Socket[] = [];
      for (let count = 0; count < CONNECTIONS + 50; count += 1) {
        const socket = connectTcp({ host: '127.0.0.1', port: stage.server.port });
        idle.push(socket.resume().on('error', () => undefined));
        await once(socket, 'connect');
      }
      expect(await answered()).toBe(403);
      expect(await post(stage, BATCHES, gzipSync('[]'))).toMatch(/^400/);
      const crowded = stage.ended.filter((why) => why === 'crowded');
      expect(crowded.length).toBeGreaterThanOrEqual(50);
      await until('all of them are ended', () => idle.every(({ closed }) => closed));
      expect(stage.ended.length).toBe(idle.length);
      expect(await answered()).toBe(403);
    },
    { unacceptedMs: 6000 },
  ));

test('the collector shows another certificate from the moment it gets one', () =>
  withCollector(async (stage) =>
    withCollector(async (other) => {
      const sink = sinkOf(stage, 'gw-1');
      await sink.append(sampleBatch(0, 1));
      stage.server.setTls(other.tls);
      await expect(sinkOf(stage, 'gw-1').progress('gw-1')).rejects.toThrow('certificate');
    }),
  ));
