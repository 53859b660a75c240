// kubectl sallyport against a collector in a pod: a denial of a real pod is listed with its name, through a port that the
// kubelet forwards.
import { join } from 'node:path';
import { runProgram } from '../support/cluster/run-program.ts';
import { ROOT, tryKubectl } from '../support/nodes/commands.ts';
import { install, resolversInUse } from '../support/nodes/installation.ts';
import { until } from '../support/until.ts';

const HOST = 'not-allowed.example.com';
const DENIED = 'ws-a';

const PROGRAM = join(ROOT, 'operator/kubectl-sallyport.ts');

const sallyport = (...args: readonly string[]) => runProgram(process.execPath, [PROGRAM, ...args]);

const COLLECTOR = { 'collector.enabled': true, 'collector.storage.persistent': false };

let resolvers: Readonly<Record<string, readonly string[]>> = {};

beforeAll(async () => {
  resolvers = { 'gateway.resolvers': await resolversInUse() };
  await install({ ...resolvers, ...COLLECTOR });
}, 300_000);

afterAll(() => install(resolvers), 300_000);

test('a denial is listed with its pod, and explained', async () => {
  const ask = ['-n', DENIED, 'exec', 'deploy/client', '--', 'curl', '-s', '-m', '5', `https://${HOST}/`];
  let pod = '';
  await until(
    'the denial is in the log',
    async () => {
      await tryKubectl(ask);
      const { stdout } = await sallyport('denials', '-n', DENIED, '-o', 'json', '--since', '10m');
      const rows = stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as { readonly destination: string; readonly pod: string | null });
      pod = rows.find((row) => row.destination === HOST)?.pod ?? '';
      return pod !== '';
    },
    120_000,
  );
  expect(pod).toMatch(/^client-/);
  const explained = await sallyport('explain', `pod/${pod}`, HOST, '-n', DENIED);
  expect(explained).toMatchObject({ code: 1, stdout: expect.stringContaining('DESTINATION_NOT_ALLOWED') });
  const status = await sallyport('status');
  expect(status.stdout).toMatch(/^Collector, outbound: 99 of 100 batches stored within /m);
});
