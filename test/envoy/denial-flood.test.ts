// A flood of denied requests with Hosts of 29 kB: each is counted, and the log stays small.
// `npm run bench -- flood` floods for longer, and measures what another workspace feels of it.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { logBytes } from '../bench/log-size.ts';
import { floodLongHosts } from '../bench/long-host-flood.ts';
import { SallyportProcess } from '../bench/sallyport-process.ts';
import { askDns } from '../outside/dns-client.ts';
import { type OutsideServers, startOutsideServers } from '../outside/outside-servers.ts';
import { workspaceYaml } from '../support/envoy/workspace-yaml.ts';
import { until } from '../support/until.ts';

/** So many once made DuckDB give its database up. */
const REQUESTS = 3000;
/** They have 87 MB. */
const GROWN_BYTES = 5_000_000;
const MOST_LENGTH = 300;

let directory: string;
let state: string;
let outside: OutsideServers;
let sallyport: SallyportProcess;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sallyport-'));
  state = join(directory, 'state');
  const folder = join(directory, 'folder');
  await mkdir(folder);
  for (const name of ['greedy', 'modest']) {
    await writeFile(join(folder, `${name}.yaml`), workspaceYaml(name, {}));
  }
  outside = await startOutsideServers({ names: [] });
  sallyport = new SallyportProcess({ folder, state, outside });
  await sallyport.start();
});

afterAll(async () => {
  await sallyport.stop();
  await outside.stop();
  await rm(directory, { recursive: true, force: true });
});

async function counted(workspace: string) {
  const [row] = await sallyport.query(`SELECT coalesce(sum(repeats), 0)::INT AS "repeats",
    count(*)::INT AS "rows", coalesce(max(length(destination)), 0)::INT AS "longest"
    FROM system.access.outbound_network WHERE workspace = '${workspace}'`);
  return row as { readonly repeats: number; readonly rows: number; readonly longest: number };
}

test(`${REQUESTS} denials with long Hosts are counted, in a log that stays small; another workspace has its row`, async () => {
  const before = await logBytes(state);
  const { host, port } = await sallyport.nameServer('modest');
  const ledger = await floodLongHosts(await sallyport.proxy('greedy'), (asked) => asked >= REQUESTS);
  await askDns({ server: `${host}:${port}`, name: 'asked.example.org' });
  expect(ledger).toEqual({ denied: REQUESTS, unanswered: 0 });
  await until('each is counted', async () => (await counted('greedy')).repeats >= REQUESTS);
  await until('the other one has its row', async () => (await counted('modest')).rows > 0);
  const { repeats, rows, longest } = await counted('greedy');
  expect(repeats).toBe(REQUESTS);
  expect(rows).toBeLessThan(REQUESTS);
  expect(longest).toBeLessThan(MOST_LENGTH);
  expect((await logBytes(state)) - before).toBeLessThan(GROWN_BYTES);
  expect(await counted('modest')).toMatchObject({ repeats: 1, rows: 1 });
});
