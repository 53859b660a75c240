// An image build for model serving that fetches its dependencies with a real pip, given nothing but proxy variables:
// what is allowed arrives, and what is denied is named where people read: in pip's own output and in the denial log.
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Destinations, startDestinations } from '../clients/destinations.ts';
import { type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import { allow, workspaceYaml } from '../support/envoy/workspace-yaml.ts';

const run = promisify(execFile);
const ALLOWED = 'pypi.example.com';
const WHEEL = 'demo-1.0-py3-none-any.whl';
const PORTS = { http: 80, https: 443 } as const;
type Scheme = keyof typeof PORTS;

let folder: string;
let fixture: GatewayFixture;
let index: Destinations;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-ml-build-'));
  const makeWheel = fileURLToPath(new URL('../clients/programs/make_wheel.py', import.meta.url));
  await run('python3', [makeWheel, join(folder, WHEEL)]);
  fixture = await startGateway({
    names: [],
    files: { 'serving.yaml': workspaceYaml('serving', allow([ALLOWED])) },
  });
  index = await startDestinations({
    outside: fixture.outside,
    names: [ALLOWED, '*.evil.example.net'],
    wheel: await readFile(join(folder, WHEEL)),
  });
  await writeFile(join(folder, 'ca.pem'), index.caPem);
});

afterAll(async () => {
  await index.stop();
  await fixture.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Said {
  readonly exitCode: number;
  readonly output: string;
  readonly files: readonly string[];
}

/** Never throws: how a build fails is what is tested. */
async function pipDownload(what: readonly string[]): Promise<Said> {
  const { host, port } = fixture.client('serving', 'ML_BUILD').proxy;
  const proxy = `http://${host}:${port}`;
  const target = await mkdtemp(join(folder, 'target-'));
  const words = ['-m', 'pip', 'download', '--no-deps', '--no-cache-dir', '--disable-pip-version-check'];
  const options = ['--retries', '1', '--cert', join(folder, 'ca.pem'), '-d', target];
  const { PATH, HOME } = process.env;
  // Indexes that this machine itself is configured to use are not asked.
  const env = { PATH, HOME, PIP_CONFIG_FILE: '/dev/null', http_proxy: proxy, https_proxy: proxy };
  const said = await run('python3', [...words, ...options, ...what], { env }).then(
    ({ stdout, stderr }) => ({ exitCode: 0, output: stdout + stderr }),
    ({ code, stdout, stderr }) => ({ exitCode: code, output: stdout + stderr }),
  );
  return { ...said, files: await readdir(target) };
}

function fromIndex(scheme: Scheme, host: string): readonly string[] {
  return ['--index-url', `${scheme}://${host}/simple/`, '--trusted-host', host, 'demo'];
}

function fromUrl(scheme: Scheme, host: string): readonly string[] {
  return [`demo @ ${scheme}://${host}/files/${WHEEL}`];
}

test.each([
  ['http', 'index', fromIndex],
  ['https', 'index', fromIndex],
  ['https', 'URL', fromUrl],
] as const)('a build gets a dependency over %s from an allowed %s', async (scheme, _what, from) => {
  const { exitCode, files } = await pipDownload(from(scheme, ALLOWED));
  expect([exitCode, files]).toEqual([0, [WHEEL]]);
});

const NO_TUNNEL = 'Tunnel connection failed: 403 Forbidden';

// pip shows a status, not the page that comes with it, and of an index that answers 403 only that it was asked: then
// the row of the log has the reason. The name is always there.
test.each([
  ['http', 'index', fromIndex, ['Looking in indexes: http://HOST/simple/', 'No matching distribution found']],
  ['https', 'index', fromIndex, ['Looking in indexes: https://HOST/simple/', NO_TUNNEL]],
  ['http', 'URL', fromUrl, ['HTTP error 403 while getting http://HOST/', 'Forbidden']],
  ['https', 'URL', fromUrl, ["HTTPSConnectionPool(host='HOST', port=443)", NO_TUNNEL]],
] as const)('over %s, a denied %s fails the build, by name', async (scheme, what, from, parts) => {
  const destination = `${what}-${scheme}.evil.example.net`.toLowerCase();
  const { exitCode, output, files } = await pipDownload(from(scheme, destination));
  expect([exitCode === 0, files, index.requestsFor(destination)]).toEqual([false, [], 0]);
  for (const part of parts) expect(output).toContain(part.replace('HOST', destination));
  const [denial] = await fixture.denialsWith({ destination });
  expect(denial).toMatchObject({
    accessType: 'DROP',
    networkSourceType: 'ML Build',
    product: 'ML_BUILD',
    workspace: 'serving',
    port: PORTS[scheme],
    reason: 'DESTINATION_NOT_ALLOWED',
  });
});
