import { gunzipSync } from 'node:zlib';
import { sampleBatch, sampleDenial } from '../../../../test/fixtures/denial-fixture.ts';
import { sampleInbound } from '../../../../test/fixtures/inbound-fixture.ts';
import type { Denial } from '../../../model/denial.ts';
import { INBOUND_TABLE, OUTBOUND_TABLE } from '../../store/log-tables.ts';
import type { RowSink } from '../../store/row-sink.ts';
import { alsoInto } from '../also-into.ts';
import { type LogRecord, raisedRecordOf, recordOf } from './log-record.ts';
import { otlpSink, type PostLogs } from './otlp-sink.ts';

function valuesOf({ attributes }: LogRecord) {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0] as unknown]));
}

describe('recordOf()', () => {
  test('names what has a name in the conventions by that, and leaves out what is null', () => {
    const row = sampleDenial(0, {
      ...{ eventTime: '2026-01-01T00:00:00.123456Z', pod: 'etl-0', podUid: 'uid-1', node: 'node-1' },
      sample: ['a', 'b'],
    });
    const record = recordOf(OUTBOUND_TABLE, row);
    expect(record).toMatchObject({
      timeUnixNano: '1767225600123456000',
      eventName: 'sallyport.outbound_network',
      body: { stringValue: row.reason },
    });
    expect(valuesOf(record)).toMatchObject({
      'k8s.namespace.name': 'team-a',
      ...{ 'k8s.pod.name': 'etl-0', 'k8s.pod.uid': 'uid-1', 'k8s.node.name': 'node-1' },
      ...{ 'server.address': 'host-0.example.com', 'server.port': '443' },
      'dns.question.name': 'host-0.example.com',
      'sallyport.event_id': row.eventId,
      'sallyport.repeats': '1',
      'sallyport.sample': { values: [{ stringValue: 'a' }, { stringValue: 'b' }] },
    });
    expect(valuesOf(record)).not.toHaveProperty('tls.client.server_name');
    expect(valuesOf(record)).not.toHaveProperty('sallyport.event_time');
  });

  test('names the client of a request from outside', () => {
    const values = valuesOf(recordOf(INBOUND_TABLE, sampleInbound(1)));
    expect(values).toMatchObject({
      ...{ 'client.address': '192.0.2.1', 'server.address': 'a.example' },
      ...{ 'http.request.method': 'GET', 'http.response.status_code': '403', 'url.path': '/login' },
    });
  });

  test('says of which row it counts further denials', () => {
    const { eventId, eventTime } = sampleDenial(3);
    const record = raisedRecordOf(OUTBOUND_TABLE, { eventId, eventTime, by: 7 });
    expect(record.eventName).toBe('sallyport.outbound_network.repeats');
    expect(valuesOf(record)).toEqual({ 'sallyport.event_id': eventId, 'sallyport.further_repeats': '7' });
  });
});

function sinkOf(answers: readonly Awaited<ReturnType<PostLogs>>[]) {
  const bodies: number[] = [];
  const rejected: string[] = [];
  const sink = otlpSink<Denial>({
    table: OUTBOUND_TABLE,
    post: async (body) => {
      const [resource] = JSON.parse(gunzipSync(body).toString()).resourceLogs;
      bodies.push(resource.scopeLogs[0].logRecords.length);
      return answers[bodies.length - 1] ?? { status: 200, text: '{}' };
    },
    onRejected: (records, reason) => void rejected.push(`${records} ${reason}`),
  });
  return { sink, bodies, rejected };
}

describe('otlpSink()', () => {
  test('sends a large batch in parts', async () => {
    const { sink, bodies } = sinkOf([]);
    expect(await sink.append(sampleBatch(0, 1200))).toEqual({ stored: 1200, duplicates: 0 });
    expect(bodies).toEqual([500, 500, 200]);
  });

  test.each([400, 401, 429, 503])('has stored nothing where the answer is %i', async (status) => {
    const { sink } = sinkOf([{ status, text: 'no room' }]);
    await expect(sink.append(sampleBatch(0, 1))).rejects.toThrow(`answered ${status}: no room`);
  });

  test('counts what is refused for good, and sends it no more', async () => {
    const text = '{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"too old"}}';
    const { sink, rejected } = sinkOf([{ status: 200, text }]);
    await sink.append(sampleBatch(0, 3));
    expect(rejected).toEqual(['2 too old']);
  });
});

test('alsoInto() stores nothing that was not sent', async () => {
  const stored: string[] = [];
  const store: RowSink<Denial> = {
    canRaise: true,
    progress: async () => ({ positions: new Map([['access.log', 7]]), lastSequence: 3 }),
    append: async ({ denials }) => {
      stored.push(...denials.map(({ eventId }) => eventId));
      return { stored: denials.length, duplicates: 0 };
    },
  };
  const { sink } = sinkOf([{ status: 503, text: '' }]);
  const both = alsoInto(sink, store);
  await expect(both.append(sampleBatch(0, 1))).rejects.toThrow('503: it said nothing');
  expect(stored).toEqual([]);
  await both.append(sampleBatch(0, 1));
  expect(stored).toEqual(['gw-1/access.log/0']);
  expect((await both.progress('gw-1')).lastSequence).toBe(3);
});
