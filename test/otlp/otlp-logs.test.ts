// Rows of a gateway to a real OpenTelemetry Collector, which writes what it has to a file: every denial is there, whatever
// gets lost, and whoever is away.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import fc from 'fast-check';
import { connectOtlp } from '../../operator/denials/shipping/otlp/otlp-connection.ts';
import { otlpSink, type PostLogs } from '../../operator/denials/shipping/otlp/otlp-sink.ts';
import { OUTBOUND_TABLE } from '../../operator/denials/store/log-tables.ts';
import type { Denial } from '../../operator/model/denial.ts';
import { sampleBatch, withFolder } from '../fixtures/denial-fixture.ts';
import { freePorts } from '../support/free-ports.ts';
import { consumerOf, linesTo, ship, tally } from '../support/shipped-lines.ts';
import { until } from '../support/until.ts';

const PROGRAM = execFileSync('bash', [join(import.meta.dirname, '../../hack/otel-collector.sh')], {
  encoding: 'utf8',
}).trim();

interface Received {
  readonly eventName: string;
  readonly timeUnixNano: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

interface TestReceiver {
  readonly url: URL;
  readonly start: () => Promise<void>;
  /** It writes what it has, and ends. */
  readonly stop: () => Promise<void>;
  readonly received: () => Promise<readonly Received[]>;
}

function isAnswering(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const call = request({ host: '127.0.0.1', port, path: '/', method: 'GET' }, (answer) => {
      answer.resume();
      resolve(true);
    });
    call.once('error', () => resolve(false));
    call.end();
  });
}

function withReceiver(work: (receiver: TestReceiver) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const [port = 0] = await freePorts(1);
    const file = join(folder, 'logs.json');
    const config = {
      receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
      exporters: { file: { path: file, append: true } },
      service: {
        telemetry: { metrics: { level: 'none' }, logs: { level: 'error' } },
        pipelines: { logs: { receivers: ['otlp'], exporters: ['file'] } },
      },
    };
    await writeFile(join(folder, 'config.yaml'), JSON.stringify(config));
    let child: ChildProcess | undefined;
    const start = async (): Promise<void> => {
      const args = ['--config', `file:${join(folder, 'config.yaml')}`];
      child = spawn(PROGRAM, args, { stdio: ['ignore', 'inherit', 'inherit'] });
      const started = child;
      await until('the receiver answers', () => {
        if (started.exitCode !== null) throw new Error('The receiver has ended: read its messages above');
        return isAnswering(port);
      });
    };
    const stop = async (): Promise<void> => {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    };
    const received = async () => recordsOf(await readFile(file, 'utf8'));
    await start();
    try {
      await work({ url: new URL(`http://127.0.0.1:${port}/v1/logs`), start, stop, received });
    } finally {
      await stop();
    }
  });
}

interface ReceivedValue {
  readonly [kind: string]: unknown;
}

interface ReceivedRecord extends Omit<Received, 'attributes'> {
  readonly attributes: readonly { readonly key: string; readonly value: ReceivedValue }[];
}

function recordsOf(text: string): readonly Received[] {
  const requests = text
    .split('\n')
    .filter((line) => line !== '')
    .map(
      (line) =>
        JSON.parse(line) as {
          readonly resourceLogs: readonly {
            readonly scopeLogs: readonly { readonly logRecords: readonly ReceivedRecord[] }[];
          }[];
        },
    );
  return requests
    .flatMap(({ resourceLogs }) => resourceLogs)
    .flatMap(({ scopeLogs }) => scopeLogs)
    .flatMap(({ logRecords }) => logRecords)
    .map(({ eventName, timeUnixNano, attributes }) => ({
      ...{ eventName, timeUnixNano },
      attributes: Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]])),
    }));
}

const ID = 'sallyport.event_id';

/** Denials by host, each row and each further count as it was said last. */
function denialsOf(records: readonly Received[], gateway: string) {
  const own = records.filter(({ attributes }) => String(attributes[ID]).startsWith(`${gateway}/`));
  const isRow = ({ eventName }: Received) => eventName === 'sallyport.outbound_network';
  const rows = new Map(own.filter(isRow).map((row) => [row.attributes[ID], row.attributes]));
  const further = own.filter((record) => !isRow(record));
  return tally([
    ...[...rows.values()].map(
      (row) => [String(row['server.address']), Number(row['sallyport.repeats'])] as const,
    ),
    ...further.map(({ attributes }) => {
      const host = String(rows.get(attributes[ID])?.['server.address']);
      return [host, Number(attributes['sallyport.further_repeats'])] as const;
    }),
  ]);
}

function sinkOf(post: PostLogs) {
  return otlpSink<Denial>({ post, table: OUTBOUND_TABLE, onRejected: () => undefined });
}

function connect(url: URL, authorization: string | undefined = undefined) {
  return connectOtlp({ url, authority: undefined, authorization: async () => authorization });
}

test('a row arrives as a log record with its attributes and its time', () =>
  withReceiver(async ({ url, stop, received }) => {
    const { post, close } = connect(url, 'Bearer token');
    await sinkOf(post).append(sampleBatch(0, 2, { eventTime: '2026-01-01T00:00:00.123456Z' }));
    await close();
    await stop();
    const records = await received();
    expect(records).toHaveLength(2);
    expect(records[1]).toMatchObject({
      ...{ eventName: 'sallyport.outbound_network', timeUnixNano: '1767225600123456000' },
      attributes: {
        [ID]: 'gw-1/access.log/400',
        ...{ 'server.address': 'host-1.example.com', 'server.port': '443', 'k8s.namespace.name': 'team-a' },
      },
    });
  }));

const HOSTS = ['a.example.com', 'b.example.com', 'c.example.com'];
const hosts = fc.array(fc.constantFrom(...HOSTS), { minLength: 5, maxLength: 50 });

test('without a failure every denial arrives once', () =>
  withReceiver(async ({ url, stop, received }) => {
    const { post, close } = connect(url);
    const wanted = new Map<string, Readonly<Record<string, number>>>();
    const property = fc.asyncProperty(hosts, fc.integer({ min: 1, max: 9 }), async (all, size) => {
      const gateway = `gw-${wanted.size}`;
      await ship(consumerOf(sinkOf(post), gateway), linesTo(all), size);
      wanted.set(gateway, tally(all.map((host) => [host, 1])));
    });
    await fc.assert(property, { seed: 20_265, numRuns: 20 });
    await close();
    await stop();
    const records = await received();
    for (const [gateway, counts] of wanted) expect(denialsOf(records, gateway)).toEqual(counts);
  }));

type Fate = 'answered' | 'lost' | 'unanswered';

test('nothing is lost where requests and answers get lost, and the receiver is away for a while', () =>
  withReceiver(async ({ url, start, stop, received }) => {
    const { post, close } = connect(url);
    const wanted = new Map<string, Readonly<Record<string, number>>>();
    const fates = fc.array(fc.constantFrom<Fate>('answered', 'lost', 'unanswered'), { maxLength: 16 });
    const property = fc.asyncProperty(fates, hosts, fc.nat({ max: 100 }), async (lost, all, awayMs) => {
      const gateway = `gw-${wanted.size}`;
      let at = 0;
      const unreliable: PostLogs = async (body) => {
        const fate = lost[at++] ?? 'answered';
        if (fate === 'lost') throw new Error('lost');
        const answer = await post(body);
        if (fate === 'unanswered') throw new Error('unanswered');
        return answer;
      };
      const shipping = ship(consumerOf(sinkOf(unreliable), gateway), linesTo(all), 3);
      await stop();
      await new Promise((resolve) => setTimeout(resolve, awayMs));
      await start();
      await shipping;
      wanted.set(gateway, tally(all.map((host) => [host, 1])));
    });
    await fc.assert(property, { seed: 20_266, numRuns: 8 });
    await close();
    await stop();
    const records = await received();
    for (const [gateway, counts] of wanted) {
      const arrived = denialsOf(records, gateway);
      for (const [host, denials] of Object.entries(counts))
        expect(arrived[host] ?? 0).toBeGreaterThanOrEqual(denials);
    }
  }));
