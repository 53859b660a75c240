import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { countsOf, sampleBatch } from '../../../test/fixtures/denial-fixture.ts';
import { type CollectorStage, withCollector } from '../../../test/support/collector-stage.ts';
import { startForwarding } from '../../../test/support/forwarding-server.ts';
import { parquetRows } from '../../../test/support/parquet-rows.ts';
import { type SlowLink, slowLinkTo } from '../../../test/support/slow-link.ts';
import { until } from '../../../test/support/until.ts';
import { forwardPort } from '../../lib/kubernetes/forward-port.ts';
import { DenialStore } from '../store/duckdb/denial-store.ts';
import { type AskCollectorOptions, askCollector } from './ask-collector.ts';

const SQL = 'select * from system.access.outbound_network order by sequence';

function clientOf({ server, authority }: CollectorStage, changes: Partial<AskCollectorOptions> = {}) {
  return askCollector({
    ...{ serverName: 'collector.test', authority },
    open: async () => connect(server.port, '127.0.0.1'),
    credentials: async () => ({ token: 'person~admin' }),
    ...changes,
  });
}

const linesOf = (answer: object): unknown => ('rows' in answer ? (answer.rows as object[]).length : answer);

test('an answer of megabytes comes whole through a forwarded port, which is closed in the end', async () => {
  await withCollector(async (stage) => {
    await stage.store.append(sampleBatch(0, 6000));
    const folder = await mkdtemp(join(tmpdir(), 'ask-collector-'));
    const forwarding = await startForwarding(stage.server.port);
    try {
      const kubeconfig = join(folder, 'kubeconfig');
      await writeFile(kubeconfig, forwarding.kubeconfig);
      const port = { namespace: 'ns', pod: 'collector-1', port: 8444 };
      const client = clientOf(stage, { open: () => forwardPort({ kubeconfig }, port) });
      expect(linesOf(await client.ask(SQL))).toBe(6000);
      expect(linesOf(await client.ask(SQL, 5))).toBe(5);
      expect(forwarding.open()).toBe(1);
      await client.close();
      await until('the port is closed', () => forwarding.open() === 0);
    } finally {
      forwarding.close();
      await rm(folder, { recursive: true });
    }
  });
});

test.each(['admin', 'team-a'])('%s has their rows as Parquet', (user) =>
  withCollector(async (stage) => {
    await stage.store.append(sampleBatch(0, 3000));
    const others = { workspace: 'team-b', destination: 'zz-secret' };
    await stage.store.append(sampleBatch(3000, 3100, others));
    const client = clientOf(stage, { credentials: async () => ({ token: `person~${user}` }) });
    const folder = await mkdtemp(join(tmpdir(), 'ask-collector-'));
    try {
      const answer = await client.askParquet(SQL);
      expect(answer).toBeInstanceOf(Readable);
      const file = join(folder, 'rows.parquet');
      await writeFile(file, answer as Readable);
      const rows = await parquetRows(file);
      const json = await client.ask(`${SQL} limit 1`);
      expect(rows[0]).toMatchObject({ event_id: 'gw-1/access.log/0', dns_event: { rcode: null }, port: 443 });
      expect(Object.keys(rows[0] ?? {})).toEqual('columns' in json ? json.columns : json);
      expect(rows).toHaveLength(user === 'admin' ? 3100 : 3000);
      expect((await readFile(file)).includes('zz-secret')).toBe(user === 'admin');
      for (const sql of ["select error('no')", 'delete from access.outbound_network', 'from range(2000000)'])
        expect(await client.askParquet(sql)).toEqual({ error: expect.stringMatching(/^Cannot run/) });
    } finally {
      await client.close();
      await rm(folder, { recursive: true });
    }
  }),
);

test('who may read all has a backup, which is a log like the first', () =>
  withCollector(async (stage) => {
    await stage.store.append(sampleBatch(0, 3000));
    const folder = await mkdtemp(join(tmpdir(), 'ask-collector-'));
    const [admin, other] = ['admin', 'team-a'].map((user) =>
      clientOf(stage, { credentials: async () => ({ token: `person~${user}` }) }),
    );
    try {
      expect(await other?.backUp()).toEqual({ error: expect.stringContaining('in the whole cluster') });
      const file = join(folder, 'denials.duckdb');
      await writeFile(file, (await admin?.backUp()) as Readable);
      const restored = await DenialStore.open(file);
      expect(restored.setAside).toBeUndefined();
      expect(await restored.progress('gw-1')).toEqual(await stage.store.progress('gw-1'));
      expect(await countsOf(restored)).toEqual(await countsOf(stage.store));
      await restored.close();
    } finally {
      await Promise.all([admin?.close(), other?.close()]);
      await rm(folder, { recursive: true });
    }
  }));

test('a collector that ends during a question: the answer says what happened, and what to do', async () => {
  let link: SlowLink | undefined;
  const readable = async () => {
    if (link !== undefined) link.isCut = true;
    throw new Error('the collector has ended');
  };
  const question = async (stage: CollectorStage): Promise<void> => {
    link = await slowLinkTo(stage.server.port);
    const { port } = link;
    const client = clientOf(stage, { open: async () => connect(port, '127.0.0.1') });
    expect(await client.ask(SQL)).toEqual({
      error:
        'Cannot ask the collector collector.test: its pod closed the connection before it had answered, as it does when it restarts; try again',
    });
    await client.close();
    link.close();
  };
  await withCollector(question, { readable });
});

test('it connects again after the connection was lost', async () => {
  await withCollector(async (stage) => {
    await stage.store.append(sampleBatch(0, 3));
    const sockets: ReturnType<typeof connect>[] = [];
    const client = clientOf(stage, {
      open: async () => {
        const socket = connect(stage.server.port, '127.0.0.1');
        sockets.push(socket);
        return socket;
      },
    });
    expect(linesOf(await client.ask(SQL))).toBe(3);
    sockets[0]?.destroy();
    await until('it asks anew', async () => linesOf(await client.ask(SQL)) === 3);
    expect(sockets).toHaveLength(2);
    await client.close();
  });
});

test.each<[string, Partial<AskCollectorOptions>, RegExp]>([
  ['a stranger', { credentials: async () => ({ token: 'x' }) }, /^Cannot find out who calls: /],
  ['a gateway', { credentials: async () => ({ token: 'gateway~gw-1' }) }, /^Cannot answer a gateway: /],
  ['another name', { serverName: 'other.test' }, /^Cannot connect to the collector: .*altnames/],
  ['no port', { open: () => Promise.reject(new Error('Cannot open port 8444')) }, /^Cannot open port 8444$/],
])('of %s the answer is a sentence', async (_who, changes, sentence) => {
  await withCollector(async (stage) => {
    const client = clientOf(stage, changes);
    expect(await client.ask(SQL)).toEqual({ error: expect.stringMatching(sentence) });
    await client.close();
  });
});
