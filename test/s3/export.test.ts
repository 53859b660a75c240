// Days of the denial log in a bucket of a real server with the protocol of S3: every row is there once, whatever the server
// does, and each failure says what to do.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { DayExporter } from '../../operator/denials/export/day-exporter.ts';
import { ExportedDays } from '../../operator/denials/export/exported-days.ts';
import { type BucketPlace, s3Target } from '../../operator/denials/export/s3-target.ts';
import { DAY_MS } from '../../operator/denials/store/day-count.ts';
import { DenialStore } from '../../operator/denials/store/duckdb/denial-store.ts';
import { writeDay } from '../../operator/denials/store/duckdb/write-day.ts';
import { sampleBatch, withFolder } from '../fixtures/denial-fixture.ts';
import { freePorts } from '../support/free-ports.ts';
import { parquetRows } from '../support/parquet-rows.ts';
import { until } from '../support/until.ts';

const PROGRAM = execFileSync('bash', [join(import.meta.dirname, '../../hack/go-tool.sh'), 'versitygw'], {
  encoding: 'utf8',
}).trim();
const KEYS = { AWS_ACCESS_KEY_ID: 'exporter', AWS_SECRET_ACCESS_KEY: 'secret-of-exporter' } as const;
const NOW = Date.UTC(2026, 0, 10);

beforeEach(() => void Object.assign(process.env, { ...KEYS, AWS_REGION: 'us-east-1' }));

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    }).once('error', () => resolve(false));
  });
}

interface Bucket {
  readonly place: BucketPlace;
  /** Its objects, as files. */
  readonly folder: string;
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

function withBucket(work: (bucket: Bucket, folder: string) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const [port = 0] = await freePorts(1);
    await mkdir(join(folder, 'server/denials'), { recursive: true });
    await mkdir(join(folder, 'sidecar'));
    let child: ChildProcess | undefined;
    const start = async (): Promise<void> => {
      const identity = ['--access', KEYS.AWS_ACCESS_KEY_ID, '--secret', KEYS.AWS_SECRET_ACCESS_KEY];
      const backend = ['posix', '--sidecar', join(folder, 'sidecar'), join(folder, 'server')];
      child = spawn(PROGRAM, ['--port', `127.0.0.1:${port}`, '--quiet', ...identity, ...backend], {
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      const started = child;
      await until('the server listens', () => {
        if (started.exitCode !== null) throw new Error('The server has ended: read its messages above');
        return isListening(port);
      });
    };
    const stop = async (): Promise<void> => {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    };
    const place = { bucket: 'denials', prefix: 'cluster-1', endpoint: `http://127.0.0.1:${port}` };
    await start();
    try {
      await work({ place, folder: join(folder, 'server/denials/cluster-1'), start, stop }, folder);
    } finally {
      await stop();
    }
  });
}

interface Export {
  readonly store: DenialStore;
  readonly failures: string[];
  readonly pass: (place: BucketPlace) => Promise<number>;
}

async function withExport(folder: string, work: (made: Export) => Promise<void>): Promise<void> {
  const store = await DenialStore.open(join(folder, 'denials.duckdb'));
  const failures: string[] = [];
  const pass = async (place: BucketPlace): Promise<number> => {
    const target = s3Target(place);
    try {
      const { failed } = await new DayExporter({
        countDays: () => store.countDays(),
        writeDay: (day, file) => writeDay(store, day, file),
        target,
        exported: await ExportedDays.load(join(folder, 'exported.json'), target.name),
        folder: join(folder, 'work'),
        onExported: () => undefined,
        onFailure: (_day, { message }) => void failures.push(message),
      }).pass(NOW);
      return failed;
    } finally {
      target.close();
    }
  };
  try {
    await work({ store, failures, pass });
  } finally {
    await store.close();
  }
}

const idsOf = (rows: readonly Readonly<Record<string, unknown>>[]) =>
  rows.map((row) => row['event_id']).sort();

test('a day is one object, to which late rows are added', () =>
  withBucket(({ place, folder: objects }, folder) =>
    withExport(folder, async ({ store, pass }) => {
      const early = sampleBatch(0, 5000);
      await store.append(early);
      expect(await pass(place)).toBe(0);
      const files = join(objects, 'outbound_network/*/*.parquet');
      expect(idsOf(await parquetRows(files))).toEqual(early.denials.map(({ eventId }) => eventId).sort());
      await store.deleteBefore(new Date(NOW));
      const late = sampleBatch(5000, 5010);
      await store.append(late);
      expect(await pass(place)).toBe(0);
      const all = [...early.denials, ...late.denials].map(({ eventId }) => eventId).sort();
      const rows = await parquetRows(files);
      expect(idsOf(rows)).toEqual(all);
      expect(new Set(rows.map((row) => row['date']))).toEqual(new Set(['2026-01-01']));
      expect(rows[0]).toMatchObject({ dns_event: { rcode: null }, port: 443, workspace: 'team-a' });
    }),
  ));

test('what cannot be written says what to do, and is written later', () =>
  withBucket(({ place, folder: objects, start, stop }, folder) =>
    withExport(folder, async ({ store, failures, pass }) => {
      await store.append(sampleBatch(0, 3));
      expect(await pass({ ...place, bucket: 'elsewhere' })).toBe(1);
      expect(failures.at(-1)).toContain('NoSuchBucket');
      expect(failures.at(-1)).toContain('create the bucket, or name another with --export');
      process.env['AWS_SECRET_ACCESS_KEY'] = 'another';
      expect(await pass(place)).toBe(1);
      expect(failures.at(-1)).toContain('correct AWS_SECRET_ACCESS_KEY and AWS_REGION');
      process.env['AWS_SECRET_ACCESS_KEY'] = KEYS.AWS_SECRET_ACCESS_KEY;
      await stop();
      expect(await pass(place)).toBe(1);
      expect(failures.at(-1)).toContain('ECONNREFUSED');
      await start();
      expect(await pass(place)).toBe(0);
      expect(await parquetRows(join(objects, '*/*/*.parquet'))).toHaveLength(3);
    }),
  ));

test('nothing is lost, or there twice, where the server dies in the middle', () =>
  withBucket(({ place, folder: objects, start, stop }, folder) =>
    withExport(folder, async ({ store, pass }) => {
      for (const day of [0, 1, 2]) {
        const eventTime = new Date(Date.UTC(2026, 0, 1) + day * DAY_MS).toISOString();
        await store.append(sampleBatch(day * 3000, (day + 1) * 3000, { eventTime }));
      }
      const passing = pass(place);
      await until(
        'the first day is there',
        async () => (await parquetRows(join(objects, '*/*/*.parquet'))).length > 0,
      );
      await stop();
      await passing;
      await start();
      expect(await pass(place)).toBe(0);
      const ids = idsOf(await parquetRows(join(objects, '*/*/*.parquet')));
      expect(ids).toEqual(
        sampleBatch(0, 9000)
          .denials.map(({ eventId }) => eventId)
          .sort(),
      );
    }),
  ));
