// A ClickHouse in trouble: what people read of it, and that every denial that was shipped is there once in the end.
import { setTimeout as delay } from 'node:timers/promises';
import { sampleBatch, withFolder } from '../../../../test/fixtures/denial-fixture.ts';
import { createCertificateAuthority } from '../../../../test/outside/certificates.ts';
import {
  CREDENTIALS,
  type TestClickhouse,
  withClickhouse,
} from '../../../../test/support/clickhouse-fixture.ts';
import { createClientAuthority } from '../../../../test/support/cluster/client-authority.ts';
import { consumerOf, linesTo, ship, tally } from '../../../../test/support/shipped-lines.ts';
import { slowLinkTo } from '../../../../test/support/slow-link.ts';
import { visibleRows } from '../../../../test/support/visible-rows.ts';
import { ClickhouseConnection, type ClickhouseCredentials } from './clickhouse-connection.ts';
import type { ClickhouseStore } from './clickhouse-store.ts';

const DAY_MS = 86_400_000;
const TEST_MS = 120_000;

const withServer = (work: (clickhouse: TestClickhouse) => Promise<void>): Promise<void> =>
  withFolder((folder) => withClickhouse(folder, work));

function connectionTo({ url }: Pick<TestClickhouse, 'url'>): ClickhouseConnection {
  return new ClickhouseConnection({ url, credentials: async () => CREDENTIALS });
}

async function hostsIn(store: ClickhouseStore): Promise<Readonly<Record<string, number>>> {
  const sql = 'select destination, sum(repeats)::int as n from access.outbound_network group by all';
  const [rows = []] = await visibleRows(store, [sql]);
  return tally(rows.map(({ destination, n }) => [String(destination), Number(n)]));
}

const HOSTS = Array.from({ length: 40 }, (_, at) => `host-${at % 3}.example.com`);
const WANTED = tally(HOSTS.map((host) => [host, 1]));

test(
  'what is shipped while it is away, and then answers only after seconds, is there once',
  () =>
    withServer(async (clickhouse) => {
      const link = await slowLinkTo(Number(clickhouse.url.port));
      const url = new URL(`http://127.0.0.1:${link.port}/access`);
      const stores = [await clickhouse.open({ url }), await clickhouse.open({ url })];
      link.isCut = true;
      const consumers = stores.map(({ outbound }, at) => consumerOf(outbound, `gw-${at}`));
      const shipping = consumers.map((consumer) => ship(consumer, linesTo(HOSTS), 7));
      await delay(2000);
      link.isCut = false;
      link.delayMs = 700;
      await Promise.all(shipping);
      link.delayMs = 0;
      const twice = Object.fromEntries(Object.entries(WANTED).map(([host, count]) => [host, count * 2]));
      for (const store of stores) expect(await hostsIn(store)).toEqual(twice);
      link.close();
    }),
  TEST_MS,
);

test(
  'a password that is wrong, a database that is not there and a server that is away say what to do',
  () =>
    withServer(async (clickhouse) => {
      let password = CREDENTIALS.password;
      const credentials = async (): Promise<ClickhouseCredentials> => ({ ...CREDENTIALS, password });
      const store = await clickhouse.open({ credentials });
      await store.outbound.append(sampleBatch(0, 1));
      password = 'wrong';
      const wrong = 'Authentication failed.*; check username, password and tls.crt of the credentials';
      await expect(store.outbound.append(sampleBatch(1, 2))).rejects.toThrow(new RegExp(wrong));
      await expect(clickhouse.open({ credentials })).rejects.toThrow(new RegExp(wrong));
      password = CREDENTIALS.password;
      expect(await store.outbound.append(sampleBatch(1, 2))).toEqual({ stored: 1, duplicates: 0 });
      await expect(clickhouse.open({ url: new URL('/elsewhere', clickhouse.url) })).rejects.toThrow(
        /database "elsewhere": .*; create the database, or name another in --clickhouse-url/s,
      );
      await clickhouse.kill();
      await expect(store.outbound.append(sampleBatch(2, 3))).rejects.toThrow(
        /^Cannot use ClickHouse "http:\/\/127\.0\.0\.1:\d+", database "access": .*; check --clickhouse-url/s,
      );
    }),
  TEST_MS,
);

test(
  'tables of a version with fewer columns are brought up to date, with what is in them',
  () =>
    withServer(async (clickhouse) => {
      const connection = connectionTo(clickhouse);
      const first = await clickhouse.open();
      await first.outbound.append(sampleBatch(0, 3));
      const added = ['protocol', 'lost', 'who', 'owner', 'node', 'pod_uid', 'pod'];
      for (const column of added)
        await connection.command(`ALTER TABLE outbound_network_journal DROP COLUMN ${column}`);
      await expect(hostsIn(first)).rejects.toThrow('restart the collector');
      const next = await clickhouse.open();
      await next.outbound.append(sampleBatch(3, 5));
      expect(Object.keys(await hostsIn(next))).toHaveLength(5);
      await connection.close();
    }),
  TEST_MS,
);

test.each([
  ['outbound_network', 'CREATE TABLE outbound_network (a Int32) ENGINE = MergeTree ORDER BY a'],
  ['inbound_network', 'CREATE VIEW inbound_network AS SELECT 1 AS a'],
  ['entry_uses', 'CREATE TABLE entry_uses (a Int32) ENGINE = MergeTree ORDER BY a'],
  ['inbound_network_journal', 'CREATE TABLE inbound_network_journal (a Int32) ENGINE = MergeTree ORDER BY a'],
])(
  'a %s of somebody else is left alone',
  (name, made) =>
    withServer(async (clickhouse) => {
      const connection = connectionTo(clickhouse);
      await connection.command(made);
      await expect(clickhouse.open()).rejects.toThrow(
        `its table or view "${name}" was made by somebody else; name a database of its own`,
      );
      expect(await connection.select({ query: `DESCRIBE TABLE ${name}` })).toHaveLength(1);
      await connection.close();
    }),
  TEST_MS,
);

test(
  'rows go by their age, and lines about former batches but for the last of each log; gateways go on',
  () =>
    withServer(async (clickhouse) => {
      const connection = connectionTo(clickhouse);
      const store = await clickhouse.open({ retentionMs: DAY_MS });
      const young = { eventTime: new Date().toISOString() };
      for (let at = 0; at < 5; at += 1) await store.outbound.append(sampleBatch(at, at + 1));
      for (const logFile of ['dns.log', ...Array.from({ length: 18 }, (_, at) => `access-${at}`)])
        await store.outbound.append({ ...sampleBatch(0, 0), logFile, upTo: 7 });
      await store.outbound.append(sampleBatch(5, 6, young));
      const linesOf = async (kind: string): Promise<readonly { readonly upTo: number }[]> =>
        connection.select({
          query: `SELECT toUInt32(up_to) AS upTo FROM outbound_network_journal WHERE kind = '${kind}' ORDER BY batch_number`,
        });
      await store.deleteFormerBatches(Date.now());
      expect(await linesOf('batch')).toHaveLength(25);
      await store.deleteFormerBatches(Date.now() + 2 * DAY_MS);
      await connection.command('OPTIMIZE TABLE outbound_network_journal FINAL');
      expect((await linesOf('batch')).map(({ upTo }) => upTo)).toEqual([...Array<number>(17).fill(7), 2400]);
      expect(await linesOf('row')).toHaveLength(1);
      const { positions, lastSequence } = await store.outbound.progress('gw-1');
      expect([positions.get('access.log'), positions.get('dns.log'), lastSequence]).toEqual([2400, 7, 6]);
      expect([positions.has('access-1'), positions.get('access-2')]).toEqual([false, 7]);
      expect(await store.outbound.append(sampleBatch(6, 8, young))).toEqual({ stored: 2, duplicates: 0 });
      expect(Object.keys(await hostsIn(store))).toHaveLength(3);
      await connection.close();
    }),
  TEST_MS,
);

/** A server's certificate and whose it believes, and pairs of users: one of its authority, another user's, a stranger's. */
async function makeCredentials() {
  const authority = await createCertificateAuthority();
  const { cert: certificate, key } = await authority.leafFor('127.0.0.1');
  const clients = await createClientAuthority();
  const strangers = await createClientAuthority();
  const { username, password } = CREDENTIALS;
  const known = { username, authority: authority.caPem };
  return {
    trusted: { ...known, password, certificate: undefined, key: undefined },
    by: (pair: { readonly certificate: string; readonly key: string }) => ({
      ...{ ...known, password: '' },
      ...{ certificate: pair.certificate, key: pair.key },
    }),
    signed: await clients.signUser({ user: username }),
    other: await clients.signUser({ user: 'other' }),
    forged: await strangers.signUser({ user: username }),
    server: { certificate, key, clientAuthority: clients.caCertificate },
  };
}

test(
  'over TLS it is known by an authority, and knows a user by password or certificate, also when they are renewed',
  () =>
    withFolder(async (folder) => {
      const { trusted, by, signed, other, forged, server } = await makeCredentials();
      await withClickhouse(
        folder,
        async (clickhouse) => {
          let current: ClickhouseCredentials = trusted;
          const store = await clickhouse.open({ credentials: async () => current });
          let at = 0;
          const append = async () => {
            const outcome = await store.outbound.append(sampleBatch(at, at + 1));
            at += 1;
            return outcome.stored;
          };
          const accepted = [trusted, by(signed), { ...by(signed), password: CREDENTIALS.password }];
          for (const credentials of accepted) {
            current = credentials;
            expect(await append()).toBe(1);
          }
          const refused = [
            [{ ...trusted, authority: undefined }, /certificate.*; check ca\.crt, tls\.crt and tls\.key/s],
            [by(other), /check username, password and tls\.crt/],
            [by(forged), /Cannot use ClickHouse "https:/],
            [{ ...by(signed), key: undefined }, /tls\.crt and tls\.key of the credentials belong together/],
          ] as const;
          for (const [credentials, sentence] of refused) {
            current = credentials;
            await expect(append()).rejects.toThrow(sentence);
          }
          current = trusted;
          expect(await append()).toBe(1);
        },
        server,
      );
    }),
  TEST_MS,
);
