// A gateway of a release that configured Envoy by files was killed and left its Envoy: the next one, over xDS, replaces
// that Envoy, and nobody reaches what only the former configuration allowed once the new one is in force.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EnvoyConfig, Json, NamedResource } from '../../operator/render/envoy/envoy-config.ts';
import {
  ask,
  type EnvoyFixture,
  envoyFixture,
  joinConfigs,
  workspaceConfig,
} from '../support/envoy/envoy-fixture.ts';
import { freePorts } from '../support/free-ports.ts';
import { until } from '../support/until.ts';

const FOLDERS = ['cds', 'lds', 'rds'];

let fixture: EnvoyFixture;

beforeEach(async () => {
  fixture = await envoyFixture();
});

afterEach(() => fixture.remove());

/** As the former release wrote them: one file for all listeners, one for all clusters, and one for each table. */
async function writeFormerFiles({ directory }: EnvoyFixture, config: EnvoyConfig): Promise<void> {
  for (const folder of FOLDERS) await mkdir(join(directory, folder));
  const source = (path: string): Json => ({ path_config_source: { path: join(directory, path) } });
  const write = async (path: string, ...resources: readonly NamedResource[]): Promise<void> => {
    const text = JSON.stringify({ resources: resources.map(({ body }) => body) });
    await writeFile(join(directory, path), text);
  };
  for (const table of config.routeTables) await write(`rds/${table.name}.json`, table);
  await write('cds/clusters.json', ...config.clusters);
  const byFile = config.egressListeners.map((listener) =>
    onTable(listener, source(`rds/${listener.routes}.json`)),
  );
  await write('lds/listeners.json', ...config.internalListeners, ...byFile);
  const path = join(directory, 'bootstrap.json');
  const bootstrap = JSON.parse(await readFile(path, 'utf8')) as Json;
  const dynamic_resources = {
    lds_config: source('lds/listeners.json'),
    cds_config: source('cds/clusters.json'),
  };
  await writeFile(path, JSON.stringify({ ...bootstrap, dynamic_resources }));
}

function onTable({ name, body }: NamedResource, configSource: Json): NamedResource {
  const text = JSON.stringify(body, (key, value: unknown) =>
    key === 'config_source' ? configSource : value,
  );
  return { name, body: JSON.parse(text) as Json };
}

test('an Envoy that was configured by files is replaced, and its files go', async () => {
  const [kept = 0, revoked = 0] = await freePorts(2);
  const { directory } = fixture;
  const of = (name: string, port: number, text: string): EnvoyConfig =>
    workspaceConfig(directory, name, port, text);
  await writeFormerFiles(fixture, joinConfigs(of('a', kept, 'former'), of('b', revoked, 'former')));
  const former = fixture.supervisor();
  await former.start();
  const { pid = 0 } = former;
  await until(
    'it serves',
    async () => (await ask(revoked)) === '200 former' && (await ask(kept)) === '200 former',
  );
  await former.release();

  const answers: string[] = [];
  let isOver = false;
  const client = (async () => {
    while (!isOver) answers.push(`a ${await ask(kept)}`, `b ${await ask(revoked)}`);
  })();
  const egress = fixture.egress();
  expect(await egress.apply(of('a', kept, 'new'))).toEqual({ status: 'applied' });
  expect(egress.envoy.startedAs).toBe('started');
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  await until('the new world answers', () => answers.includes('a 200 new'));
  isOver = true;
  await client;

  expect(answers.slice(answers.indexOf('a 200 new')).filter((answer) => /former/.test(answer))).toEqual([]);
  const between = answers.filter((answer) => !/^(?:[ab] (?:200 former|ECONN.*)|a 200 new)$/.test(answer));
  expect(between).toEqual([]);
  expect(await ask(revoked)).toBe('ECONNREFUSED');
  expect((await readdir(directory)).filter((name) => FOLDERS.includes(name))).toEqual([]);
});
