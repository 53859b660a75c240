// `npm run clients`: real clients in a network namespace that sees one lane of a gateway, as an isolated pod does.
// Prints what each shows where it is allowed and where it is denied, and exits with 1 where one got somewhere else.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { formatTable } from '../../operator/lib/text-table.ts';
import type { Product } from '../../operator/model/product.ts';
import { SallyportProcess } from '../bench/sallyport-process.ts';
import { startOutsideServers } from '../outside/outside-servers.ts';
import { allow, workspaceYaml } from '../support/envoy/workspace-yaml.ts';
import { until } from '../support/until.ts';
import { type Destinations, startDestinations } from './destinations.ts';
import { LANE_ADDRESS, PodNetwork } from './pod-network.ts';
import {
  BUCKET_HOST,
  type ClientPlace,
  environmentOf,
  placeIn,
  REAL_CLIENTS,
  type RealClient,
  TRUST_STORE_PASSWORD,
} from './real-clients.ts';
import { ServiceForwarder } from './service-forwarder.ts';

const run = promisify(execFile);
const WORKSPACE = 'team';
// Each client has hosts of its own: the same question from the same pod is one row for some seconds.
const ALLOWED = '*.packages.example.com';
const DENIED = '*.evil.example.net';
const [OWN_BUCKET, OTHER_BUCKET] = [`acme-data${BUCKET_HOST}`, `other-data${BUCKET_HOST}`];
const NAMES = [ALLOWED, DENIED, OWN_BUCKET, OTHER_BUCKET];
const PROXY = `http://${LANE_ADDRESS}:3128`;
const SHOWN_CHARACTERS = 110;
const ROW_LIMIT_MS = 30_000;

/**
 * One way through a gateway. Dry-run pods look up real addresses and go there by themselves, so only the proxy is
 * tried.
 */
const LANES = [
  { lane: 'enforced', product: 'JOBS', withoutProxy: true },
  { lane: 'sealed', product: 'PROVISIONED_THROUGHPUT', withoutProxy: true },
  { lane: 'dry-run', product: 'DBSQL', withoutProxy: false },
] as const satisfies readonly { lane: string; product: Product; withoutProxy: boolean }[];

type Lane = (typeof LANES)[number];

interface Attempt {
  readonly client: RealClient;
  readonly lane: Lane;
  readonly host: string;
  readonly isListed: boolean;
  readonly proxy: string | undefined;
}

interface Scene {
  readonly pod: PodNetwork;
  readonly place: ClientPlace;
  readonly destinations: Destinations;
  readonly sallyport: SallyportProcess;
}

const work = await mkdtemp(join(tmpdir(), 'sallyport-clients-'));
const rows: string[][] = [];
let failures = 0;
const stops: (() => Promise<unknown>)[] = [() => rm(work, { recursive: true, force: true })];
try {
  await runAll();
} finally {
  for (const stop of stops.toReversed()) await stop();
}
process.stdout.write(
  `${formatTable([['LANE', 'CLIENT', 'WAY', 'HOST', 'EXIT', 'ROW', 'WHAT IT SHOWS'], ...rows]).join('\n')}\n`,
);
process.stdout.write(`${rows.length - failures} as they should be, ${failures} not\n`);
process.exitCode = failures === 0 ? 0 : 1;

async function runAll(): Promise<void> {
  say('Python packages, a wheel, a trust store');
  const place = placeIn(work);
  const wheel = await preparePython(place);
  const outside = await startOutsideServers({ names: [] });
  stops.push(() => outside.stop());
  const destinations = await startDestinations({ outside, names: NAMES, wheel });
  stops.push(() => destinations.stop());
  await trust(place, destinations.caPem);
  const pod = await PodNetwork.create();
  stops.push(() => pod.remove());
  await mkdir(join(work, 'yaml'));
  await writeFile(join(work, 'yaml/team.yaml'), workspaceYaml(WORKSPACE, policy()));
  const reach = { resolver: outside.resolver, openRange: outside.openRange, listenAddress: LANE_ADDRESS };
  const sallyport = new SallyportProcess({
    folder: join(work, 'yaml'),
    state: join(work, 'state'),
    outside: reach,
  });
  stops.push(() => sallyport.stop());
  await sallyport.start();
  const forwarder = await ServiceForwarder.start(LANE_ADDRESS);
  stops.push(() => forwarder.stop());
  for (const lane of LANES) {
    forwarder.leadTo((await sallyport.proxy(WORKSPACE, lane.product)).port);
    for (const client of REAL_CLIENTS) {
      for (const attempt of attemptsOf(client, lane)) {
        await tryOut(attempt, { pod, place, destinations, sallyport });
      }
    }
  }
}

function policy(): Readonly<Record<string, unknown>> {
  return {
    ...allow([ALLOWED]),
    allowedStorageDestinations: [
      { storageDestinationType: 'AWS_S3', bucketName: 'acme-data', region: 'us-west-2' },
    ],
    policyEnforcement: { enforcementMode: 'DRY_RUN', dryRunModeProductFilter: ['DBSQL'] },
  };
}

function attemptsOf(client: RealClient, lane: Lane): readonly Attempt[] {
  const label = `${client.slug}-${lane.lane}`;
  const [listed, unlisted] = client.slug === 'boto3' ? [OWN_BUCKET, OTHER_BUCKET] : [ALLOWED, DENIED];
  const hosts = [
    { host: listed.replace('*', label), isListed: true },
    { host: unlisted.replace('*', label), isListed: false },
  ];
  const proxies = [...(client.readsProxyVariables ? [PROXY] : []), ...(lane.withoutProxy ? [undefined] : [])];
  return hosts.flatMap((host) => proxies.map((proxy) => ({ client, lane, ...host, proxy })));
}

async function tryOut({ client, lane, host, isListed, proxy }: Attempt, scene: Scene): Promise<void> {
  say(`${lane.lane}: ${client.name}, ${host}`);
  const { pod, place, destinations, sallyport } = scene;
  const before = { reached: destinations.requestsFor(host), rows: await rowsFor(sallyport, host) };
  const { exitCode, output } = await pod.exec(client.command(host, place), environmentOf(proxy, place));
  const isAllowed = isListed && (lane.lane !== 'sealed' || host === OWN_BUCKET);
  const passes = isAllowed || lane.lane === 'dry-run';
  const hasRow = await hasNewRow(sallyport, host, { from: before.rows, isExpected: !isAllowed });
  const hasReached = destinations.requestsFor(host) > before.reached;
  const isRight = (exitCode === 0) === passes && hasReached === passes && hasRow !== isAllowed;
  if (!isRight) failures += 1;
  rows.push([
    lane.lane,
    client.name,
    proxy === undefined ? 'no proxy' : 'proxy',
    host,
    `${exitCode}${isRight ? '' : ' WRONG'}`,
    hasRow ? 'yes' : 'no',
    shown(output),
  ]);
}

/** Rows come a moment after the connection. */
async function hasNewRow(
  sallyport: SallyportProcess,
  host: string,
  { from, isExpected }: { readonly from: number; readonly isExpected: boolean },
): Promise<boolean> {
  const isThere = async (): Promise<boolean> => (await rowsFor(sallyport, host)) !== from;
  if (!isExpected) return isThere();
  return until(`a row names ${host}`, isThere, ROW_LIMIT_MS).then(
    () => true,
    () => false,
  );
}

async function rowsFor(sallyport: SallyportProcess, host: string): Promise<number> {
  const sql = `SELECT count(*)::INTEGER AS rows FROM access.outbound_network WHERE destination = '${host}'`;
  return Number((await sallyport.query(sql))[0]?.['rows']);
}

/** The last line that says something. */
function shown(output: string): string {
  const lines = output.split('\n').map((line) => line.trim());
  return (lines.findLast((line) => line !== '') ?? '').slice(0, SHOWN_CHARACTERS);
}

async function preparePython({ python }: ClientPlace): Promise<Buffer> {
  const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
  await run('python3', ['-m', 'venv', join(work, 'venv')]);
  await run(python, ['-m', 'pip', 'install', '-q', '--require-hashes', '-r', here('./requirements.txt')]);
  const wheel = join(work, 'demo-1.0-py3-none-any.whl');
  await run(python, [here('./programs/make_wheel.py'), wheel]);
  return readFile(wheel);
}

async function trust({ caFile, trustStore, folder }: ClientPlace, caPem: string): Promise<void> {
  await mkdir(folder);
  await writeFile(caFile, caPem);
  const store = ['-keystore', trustStore, '-storetype', 'PKCS12', '-storepass', TRUST_STORE_PASSWORD];
  await run('keytool', ['-importcert', '-noprompt', '-alias', 'stand-in', '-file', caFile, ...store]);
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
