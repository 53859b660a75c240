// A collector's server over real TLS with a real store, for tests: its callers are known by simple tokens.
import { join } from 'node:path';
import { admitPersons } from '../../operator/denials/collector/admit-person.ts';
import { answerBackups } from '../../operator/denials/collector/answer-backup.ts';
import { answerQueries } from '../../operator/denials/collector/answer-query.ts';
import type { Authenticate, Caller } from '../../operator/denials/collector/caller.ts';
import {
  type CollectorServer,
  type CollectorServerOptions,
  createCollectorServer,
  type ServerTls,
} from '../../operator/denials/collector/collector-server.ts';
import { IsolatedQueries } from '../../operator/denials/collector/isolated-queries.ts';
import type { ReadableWorkspaces } from '../../operator/denials/collector/readable-workspaces.ts';
import {
  type CollectorConnection,
  connectCollector,
} from '../../operator/denials/shipping/collector-connection.ts';
import { DenialStore } from '../../operator/denials/store/duckdb/denial-store.ts';
import { queriedDenials } from '../../operator/denials/store/duckdb/queried-denials.ts';
import { withFolder } from '../fixtures/denial-fixture.ts';
import { createCertificateAuthority } from '../outside/certificates.ts';

export interface CollectorStage {
  readonly server: CollectorServer;
  readonly store: DenialStore;
  readonly isolated: IsolatedQueries;
  readonly refused: string[];
  readonly faults: unknown[];
  /** Connections, and why. */
  readonly ended: string[];
  /** "https://127.0.0.1:40123", with a certificate for another name. */
  readonly url: URL;
  readonly tls: ServerTls;
  /** Of its certificate; PEM. */
  readonly authority: string;
  readonly connect: (token: string) => CollectorConnection;
}

const HOST = 'collector.test';

/** "gateway~gw-1", "ingress~gw-2" or "person~ada". */
const authenticateByName: Authenticate = async ({ token = '' }) => {
  const [kind, name = ''] = token.split('~');
  const callers: Readonly<Record<string, Caller>> = {
    gateway: { kind: 'gateway', name, direction: 'outbound' },
    ingress: { kind: 'gateway', name, direction: 'inbound' },
    person: { kind: 'person', user: name, groups: [] },
  };
  return callers[kind ?? ''];
};

/** "admin" may read all; anybody else the workspaces in their name, such as "team-a+team-b". */
const readableByName: ReadableWorkspaces = async ({ user }, workspaces) =>
  user === 'admin' ? 'all' : (await workspaces()).filter((one) => user.split('+').includes(one));

export function withCollector(
  work: (stage: CollectorStage) => Promise<void>,
  {
    timeLimitMs = 30_000,
    shareMs = 10_000,
    readable = readableByName,
    ...changes
  }: Partial<CollectorServerOptions> & {
    readonly timeLimitMs?: number;
    readonly shareMs?: number;
    readonly readable?: ReadableWorkspaces;
  } = {},
): Promise<void> {
  return withFolder(async (folder) => {
    const store = await DenialStore.open(join(folder, 'denials.duckdb'));
    const authority = await createCertificateAuthority();
    const heard = { refused: [] as string[], faults: [] as unknown[], ended: [] as string[] };
    const tls = await authority.leafFor(HOST);
    const isolated = new IsolatedQueries();
    const log = queriedDenials(store, join(folder, 'queries'));
    const server = createCollectorServer({
      tls,
      authenticate: authenticateByName,
      ...{ outbound: store, inbound: store.inbound, uses: store },
      identify: async (rows) => rows,
      admitPerson: admitPersons({ log, readable, podNamespaces: () => new Set(['new']) }),
      answerBackup: answerBackups({ log }),
      answerQuery: answerQueries({ log, isolated, onRunaway: () => undefined, timeLimitMs, shareMs }),
      onStored: () => undefined,
      onRefused: (status, sentence) => void heard.refused.push(`${status} ${sentence}`),
      onConnectionEnded: (why) => void heard.ended.push(why),
      onFault: (error) => void heard.faults.push(error),
      ...changes,
    });
    await server.listen('127.0.0.1', 0);
    const url = new URL(`https://127.0.0.1:${server.port}`);
    const connections: CollectorConnection[] = [];
    const connect = (token: string): CollectorConnection => {
      const made = connectCollector({
        ...{ url, serverName: HOST, authority: () => authority.caPem },
        token: async () => token,
      });
      connections.push(made);
      return made;
    };
    try {
      const { caPem } = authority;
      await work({ server, store, isolated, ...heard, url, tls, authority: caPem, connect });
    } finally {
      await Promise.all(connections.map((one) => one.close()));
      await server.close();
      await isolated.close();
      await store.close();
    }
  });
}
