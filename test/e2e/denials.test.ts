// `sallyport denials` as a user types it, while a run is active (it answers) and after it has stopped (the file does).
import { join } from 'node:path';
import { allow, DRY_RUN, workspaceYaml } from '../support/envoy/workspace-yaml.ts';
import { until } from '../support/until.ts';
import { type Command, type Ended, sallyport } from './command-line.ts';
import { Scene } from './scene.ts';

/** As the product page prints it. */
const PAGE_QUERY = `select * from system.access.outbound_network
where event_time >= current_timestamp() - interval 2 hour
sort by event_time desc`;

let scene: Scene;
let command: Command;

beforeAll(async () => {
  scene = await Scene.open(['allowed.example.com', 'tracker.example.com'], {
    'alpha.yaml': workspaceYaml('alpha', allow(['allowed.example.com'])),
    'beta.yaml': workspaceYaml('beta', DRY_RUN),
    'quiet.yaml': workspaceYaml('quiet', DRY_RUN),
  });
  command = await scene.running(['--account-id', 'acme']);
  for (const host of ['allowed.example.com', 'first.example.com', 'second.example.com']) {
    await scene.asks(`https://${host}/`, 'alpha');
  }
  await scene.asks('https://tracker.example.com/', 'beta', 'DBSQL');
  await until('three rows are in the log', async () => (await rowsOf()).length === 3);
});

afterAll(() => scene.remove());

function denials(...options: readonly string[]): Promise<Ended> {
  return sallyport(['denials', '--state', scene.state(), ...options]);
}

async function rowsOf(...options: readonly string[]): Promise<readonly Record<string, unknown>[]> {
  const { stdout } = await denials('--json', ...options);
  const lines = stdout.split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

async function destinationsOf(...options: readonly string[]): Promise<readonly unknown[]> {
  return (await rowsOf(...options)).map((row) => row['destination']);
}

describe.each([
  ['while a run is active', () => Promise.resolve()],
  ['after the run has stopped', () => command.end('SIGINT')],
])('%s', (_when, prepare) => {
  beforeAll(async () => {
    await prepare();
  });

  test('denials lists what was denied, newest first', async () => {
    const { status, stdout, stderr } = await denials();
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const time = '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ';
    const lines = [
      'TIME +ACCESS_TYPE +WORKSPACE +NETWORK_SOURCE_TYPE +DESTINATION:PORT +REASON +RULE +POLICY',
      `${time} +DRY_RUN_DENIAL +beta +DBSQL +tracker\\.example\\.com:443 +DESTINATION_NOT_ALLOWED +- +beta-policy`,
      `${time} +DROP +alpha +General Compute +second\\.example\\.com:443 +DESTINATION_NOT_ALLOWED +- +alpha-policy`,
      `${time} +DROP +alpha +General Compute +first\\.example\\.com:443 +DESTINATION_NOT_ALLOWED +- +alpha-policy`,
    ];
    expect(stdout).toMatch(new RegExp(`^${lines.join('\\n')}\\n$`));
  });

  test.each([
    [
      ['--since', '2h'],
      ['tracker.example.com', 'second.example.com', 'first.example.com'],
    ],
    [['--workspace', 'beta'], ['tracker.example.com']],
    [
      ['--workspace', 'id-of-alpha', '--since', '1d'],
      ['second.example.com', 'first.example.com'],
    ],
    [['--workspace', 'quiet'], []],
  ])('denials %j picks rows', async (options, destinations) => {
    expect(await destinationsOf(...options)).toEqual(destinations);
  });

  test('denials says that it found none', async () => {
    for (const workspace of ['quiet', 'id-of-quiet']) {
      expect(await denials('--workspace', workspace)).toEqual({
        status: 0,
        stdout: 'No denials found\n',
        stderr: '',
      });
    }
  });

  test.each([[[]], [['--json']], [['--inbound']]])(
    'denials %j says that there is no such workspace',
    async (options) => {
      expect(await denials('--workspace', 'nobody', ...options)).toEqual({
        status: 1,
        stdout: '',
        stderr: `Cannot find workspace "nobody" in "${scene.state()}": known are "alpha", "beta", "quiet"\n`,
      });
    },
  );

  test('denials --sql answers the query of the product page', async () => {
    const { status, stdout } = await denials('--sql', PAGE_QUERY);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^ACCOUNT_ID +WORKSPACE_ID +EVENT_ID +DESTINATION_TYPE +DESTINATION +/);
    expect(stdout.split('\n')).toHaveLength(5);
    expect(await destinationsOf('--sql', PAGE_QUERY)).toEqual([
      'tracker.example.com',
      'second.example.com',
      'first.example.com',
    ]);
  });

  test('denials --json has every column of a row', async () => {
    const [row] = await rowsOf('--workspace', 'beta');
    expect(row).toMatchObject({
      account_id: 'acme',
      workspace_id: 'id-of-beta',
      destination_type: 'DNS',
      destination: 'tracker.example.com',
      dns_event: { domain_name: 'tracker.example.com', rcode: null },
      storage_event: null,
      access_type: 'DRY_RUN_DENIAL',
      network_source_type: 'DBSQL',
      reason: 'DESTINATION_NOT_ALLOWED',
      port: 443,
      sequence: 3,
    });
    expect(row?.['event_time']).toMatch(/^\d{4}-.*Z$/);
  });

  test.each([
    [
      ['--since', 'yesterday'],
      2,
      '--since: Cannot read duration "yesterday": write a number and s, m, h or d, for example "2h"',
    ],
    [
      ['--sql', 'select 1', '--since', '2h'],
      2,
      'Cannot combine --sql with --since: put the condition into the query',
    ],
    [['--sql', 'selec 1'], 1, 'Cannot read the query: syntax error at or near "selec"'],
    [
      ['--sql', 'select * from nowhere'],
      1,
      /^Cannot run the query: Catalog Error: Table with name nowhere does not exist; the log has system\.access\.outbound_network,/,
    ],
    [
      ['--sql', 'delete from system.access.outbound_network'],
      1,
      /^Cannot run "delete from .*": only SELECT is allowed, for example "select \* from system\.access\./,
    ],
    [
      ['--sql', "select * from read_csv('/etc/passwd')"],
      1,
      /^Cannot read from function "read_csv": FROM takes tables of the denial log/,
    ],
  ])('denials %j says what is wrong', async (options, status, message) => {
    const ended = await denials(...options);
    expect(ended).toMatchObject({ status, stdout: '' });
    expect(ended.stderr.trimEnd()).toEqual(
      message instanceof RegExp ? expect.stringMatching(message) : message,
    );
  });
});

test('denials without a state directory says where it looked, and makes none', async () => {
  const state = join(scene.directory, 'nowhere');
  const stderr = `No denial log in "${join(state, 'denials.duckdb')}": start "sallyport run …" first\n`;
  expect(await sallyport(['denials', '--state', state])).toEqual({ status: 1, stdout: '', stderr });
  expect(await sallyport(['denials', '--state', state])).toMatchObject({ status: 1, stderr });
});
