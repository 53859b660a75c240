// The log of requests from outside, as a process: lines in the spools of ingress become rows and counts, over crashes
// and restarts. No Envoy takes part; its spool is written here.
import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { queryDenials } from '../../operator/denials/query/query-denials.ts';
import { readHits } from '../../operator/denials/store/hits-file.ts';
import { SpoolWriter } from '../../operator/gateway/log/spool-writer.ts';
import { type StatePaths, statePaths } from '../../operator/gateway/state/state-directory.ts';
import type { InboundDenial } from '../../operator/model/inbound-denial.ts';
import { DenialLogProcess } from '../../operator/roles/denial-log/process.ts';
import { SILENT_VIEW } from '../../operator/roles/run/view.ts';
import { withFolder } from '../fixtures/denial-fixture.ts';
import { inboundText, sampleList, samplePlan } from '../fixtures/inbound-fixture.ts';
import { until } from '../support/until.ts';

const PARTNERS = sampleList('partners', 'BLOCK', ['192.0.2.0/24', '203.0.113.9']);
const PLAN = samplePlan('analytics', { lists: [PARTNERS] });
const ALLOWED = { enforced: 'NO_ALLOW_LIST', source: '198.51.100.1', code: 200 };

function startLog(
  { database, querySocket, querySecret, envoyLog, ingressLog, ingressEnvoy, hits }: StatePaths,
  shown: InboundDenial[],
  rotateLogBytes?: number,
): Promise<DenialLogProcess> {
  return DenialLogProcess.start({
    gateway: 'local',
    accountId: 'account',
    database,
    querySocket,
    querySecret,
    spools: envoyLog,
    envoyAdminSocket: join(ingressEnvoy, 'none.sock'),
    inbound: {
      gateway: 'local-ingress',
      spools: ingressLog,
      envoyAdminSocket: join(ingressEnvoy, 'none.sock'),
      hits,
    },
    rotateLogBytes,
    spoolBytes: 1e8,
    rowsPerSecond: 1000,
    retentionMs: 365 * 24 * 3_600_000,
    maxBytes: 1e9,
    shownPerSecond: 100,
    view: { ...SILENT_VIEW, inboundDenials: ({ denials }) => void shown.push(...denials) },
    reopenDnsLog: () => Promise.resolve(),
  });
}

interface Setting {
  readonly paths: StatePaths;
  readonly shown: InboundDenial[];
  readonly write: (...texts: readonly string[]) => Promise<void>;
  readonly rows: () => Promise<unknown>;
  readonly entries: () => Promise<unknown>;
}

function withState(work: (setting: Setting) => Promise<void>): Promise<void> {
  return withFolder(async (root) => {
    const paths = statePaths(root);
    await mkdir(paths.envoyLog, { recursive: true });
    await mkdir(paths.ingressLog, { recursive: true });
    const sql = `select source.ip as ip, entry, sequence::int as sequence, revision
      from system.access.inbound_network order by sequence`;
    await work({
      paths,
      shown: [],
      write: (...texts) => appendFile(join(paths.ingressLog, 'access.log'), `${texts.join('\n')}\n`),
      rows: async () => {
        const answer = await queryDenials({ ...paths, sql });
        return 'error' in answer ? answer.error : answer.rows;
      },
      entries: async () => {
        const [workspace] = (await readHits(paths.hits))?.workspaces ?? [];
        return workspace?.lists[0]?.entries.map(({ entry, hits }) => [entry, hits]);
      },
    });
  });
}

/** Nothing is read twice. */
async function expectAfterRestart({ paths, shown, rows, entries }: Omit<Setting, 'write'>): Promise<void> {
  const log = await startLog(paths, shown);
  try {
    log.rememberPlans([PLAN]);
    await log.follow();
    await log.drain();
    expect(await entries()).toEqual([
      ['192.0.2.0/24', 2],
      ['203.0.113.9', 1],
    ]);
    expect(await rows()).toHaveLength(3);
  } finally {
    await log.stop();
  }
}

test('lines become rows with their entries, and counts; a restart and a kill lose and repeat nothing', () =>
  withState(async ({ paths, shown, write, rows, entries }) => {
    const log = await startLog(paths, shown);
    try {
      log.rememberPlans([PLAN]);
      await log.follow();
      await write(inboundText(), inboundText(ALLOWED), inboundText({ source: '203.0.113.9' }));
      await log.drain();
      const first = [
        { ip: '192.0.2.7', entry: '192.0.2.0/24', sequence: 1, revision: 'r1' },
        { ip: '203.0.113.9', entry: '203.0.113.9', sequence: 2, revision: 'r1' },
      ];
      expect(await rows()).toEqual(first);
      expect(await entries()).toEqual([
        ['192.0.2.0/24', 1],
        ['203.0.113.9', 1],
      ]);
      await until('the terminal has them', () => shown.length === 2);
      const { pid } = log;
      process.kill(pid ?? 0, 'SIGKILL');
      await write(inboundText({ source: '192.0.2.8' }));
      await until('it was started again', () => log.pid !== undefined && log.pid !== pid);
      await log.drain();
      const third = { ip: '192.0.2.8', entry: '192.0.2.0/24', sequence: 3, revision: 'r1' };
      expect(await rows()).toEqual([...first, third]);
      expect(await entries()).toEqual([
        ['192.0.2.0/24', 2],
        ['203.0.113.9', 1],
      ]);
    } finally {
      await log.stop();
    }
    await expectAfterRestart({ paths, shown, rows, entries });
  }));

test('the rows of a former revision name its entries; those of one that nobody knows name none', () =>
  withState(async ({ paths, shown, write, rows }) => {
    const log = await startLog(paths, shown);
    try {
      log.rememberPlans([PLAN]);
      const [partners] = [sampleList('partners', 'BLOCK', ['0.0.0.0/0'])];
      log.rememberPlans([samplePlan('analytics', { revision: 'r2', lists: [partners] })]);
      await log.follow();
      await write(
        inboundText(),
        inboundText({ revision: 'r2' }),
        inboundText({ revision: 'r3' }),
        'no line of ours',
      );
      await log.drain();
      expect(await rows()).toEqual([
        { ip: '192.0.2.7', entry: '192.0.2.0/24', sequence: 1, revision: 'r1' },
        { ip: '192.0.2.7', entry: '0.0.0.0/0', sequence: 2, revision: 'r2' },
        { ip: '192.0.2.7', entry: null, sequence: 3, revision: 'r3' },
        // Says that one line could not be read.
        { ip: '*', entry: null, sequence: 4, revision: null },
      ]);
    } finally {
      await log.stop();
    }
  }));

test('our own servers have spools beside that of Envoy, which are rotated while they write', () =>
  withState(async ({ paths, shown, rows }) => {
    const log = await startLog(paths, shown, 65_536);
    const writer = new SpoolWriter({
      path: join(paths.ingressLog, 'servers.log'),
      counts: { dropped: 0 },
      onFailure: () => undefined,
      onDropping: () => undefined,
      onDropped: () => undefined,
    });
    try {
      log.rememberPlans([PLAN]);
      await log.follow();
      const ROWS = 900;
      for (let at = 0; at < ROWS; at += 1) {
        const time = new Date(Date.UTC(2026, 0, 1) + at * 1000).toISOString();
        writer.append(inboundText({ listener: 'authorize', time, path: `/${at}` }));
        if (at % 100 === 99) {
          await writer.flush();
          await log.drain();
        }
      }
      const stored = (await rows()) as readonly { readonly sequence: number }[];
      expect(stored.map(({ sequence }) => sequence)).toEqual(Array.from({ length: ROWS }, (_, at) => at + 1));
    } finally {
      await writer.close();
      await log.stop();
    }
  }));
