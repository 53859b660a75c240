// A query that ignores DuckDB's interrupt ends the process of the denial log, and nothing else: it is started again and
// reads on. No Envoy takes part; its spool is written here.
import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { queryDenials } from '../../operator/denials/query/query-denials.ts';
import { statePaths } from '../../operator/gateway/state/state-directory.ts';
import { DenialLogProcess } from '../../operator/roles/denial-log/process.ts';
import { SILENT_VIEW } from '../../operator/roles/run/view.ts';
import { lineText } from '../fixtures/access-log-fixture.ts';
import { withFolder } from '../fixtures/denial-fixture.ts';
import { until } from '../support/until.ts';

/** One step of 2,048 rows, each of them 30,000 times 30,000 comparisons. */
const ENDLESS = `select sum(levenshtein(repeat('a', 30000) || range::varchar, repeat('b', 30000))) as n from range(2000)`;

test('a query that ignores its interruption ends the process; its caller reads why, and no row is lost', () =>
  withFolder(async (root) => {
    const paths = statePaths(root);
    await mkdir(paths.envoyLog, { recursive: true });
    await mkdir(paths.ingressLog, { recursive: true });
    const notified: string[] = [];
    const log = await startLog(root, (sentence) => void notified.push(sentence));
    try {
      const stored = async (): Promise<unknown> => {
        const answer = await queryDenials({
          ...paths,
          sql: 'select destination from access.outbound_network order by sequence',
        });
        return 'error' in answer ? answer.error : answer.rows.map(({ destination }) => destination);
      };
      const write = (name: string) =>
        appendFile(join(paths.envoyLog, 'access.log'), `${lineText({}, { authority: `${name}:443` })}\n`);
      await log.follow();
      await write('a.example.com');
      await log.drain();
      const { pid } = log;
      const asked = queryDenials({ ...paths, sql: ENDLESS });
      await write('b.example.com');
      expect(await asked).toEqual({ error: expect.stringContaining('the denial log starts again') });
      await write('c.example.com');
      await until('it is reported', () =>
        notified.some((sentence) => sentence.includes(`(pid ${pid}) is gone`)),
      );
      expect(notified[0]).toContain('ignores its time limit');
      await log.drain();
      expect(log.pid).not.toBe(pid);
      expect(await stored()).toEqual(['a.example.com', 'b.example.com', 'c.example.com']);
    } finally {
      await log.stop();
    }
  }));

function startLog(root: string, failure: (sentence: string) => void): Promise<DenialLogProcess> {
  const { database, querySocket, querySecret, envoyLog, ingressLog, ingressEnvoy, hits } = statePaths(root);
  return DenialLogProcess.start({
    gateway: 'local',
    accountId: 'account',
    database,
    querySocket,
    querySecret,
    queryTimeLimitMs: 300,
    spools: envoyLog,
    envoyAdminSocket: join(root, 'admin.sock'),
    inbound: {
      gateway: 'local-ingress',
      spools: ingressLog,
      envoyAdminSocket: join(ingressEnvoy, 'admin.sock'),
      hits,
    },
    rotateLogBytes: undefined,
    spoolBytes: 1e8,
    rowsPerSecond: 1000,
    retentionMs: 365 * 24 * 3_600_000,
    maxBytes: 1e9,
    shownPerSecond: 0,
    view: { ...SILENT_VIEW, failure },
    reopenDnsLog: () => Promise.resolve(),
  });
}
