// `sallyport denials --follow` into a pipe, while a run is active.
import { allow, DRY_RUN, workspaceYaml } from '../support/envoy/workspace-yaml.ts';
import { type Command, startSallyport } from './command-line.ts';
import { Scene } from './scene.ts';

let scene: Scene;
let following: Command;

beforeAll(async () => {
  scene = await Scene.open(['allowed.example.com'], {
    'alpha.yaml': workspaceYaml('alpha', allow(['allowed.example.com'])),
    'beta.yaml': workspaceYaml('b', DRY_RUN),
  });
  await scene.running();
  following = startSallyport(['denials', '--state', scene.state(), '--follow', '--since', '1d']);
});

afterAll(async () => {
  await following.end('SIGKILL');
  await scene.remove();
});

test('shows rows as they come, in columns that stay, under one header', async () => {
  await scene.asks('https://a.example.com/', 'b', 'DBSQL');
  await following.says(/ a\.example\.com:443 .* b-policy\n/);
  await scene.asks('https://a-rather-long-name.example.com/', 'alpha');
  await following.says(/ a-rather-long-name\.example\.com:443 .* alpha-policy\n/);
  const [headings = '', ...rows] = following.text.trimEnd().split('\n');
  expect(headings).toMatch(/^TIME .* POLICY$/);
  expect(rows).toHaveLength(2);
  const at = headings.indexOf('POLICY');
  expect(rows.map((row) => row.slice(at))).toEqual(['b-policy', 'alpha-policy']);
});

test('ends quietly when its reader has gone', async () => {
  following.closeOutput();
  await scene.asks('https://after.example.com/', 'alpha');
  expect(await following.ended()).toMatchObject({ status: 0, stderr: '' });
});
