// `sallyport explain` and `sallyport render` on examples/acme: they say, without starting anything, what a running
// gateway does.
import { cp, mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OUTSIDE_NAMES } from '../../examples/quickstart/questions.ts';
import { envoyBinary } from '../../operator/gateway/process/find-envoy.ts';
import { EGRESS_ORDER } from '../../operator/gateway/xds/delivery-order.ts';
import { forEachKind, type Resources } from '../../operator/gateway/xds/resource-kind.ts';
import { XdsEnvoy } from '../../operator/gateway/xds/xds-envoy.ts';
import type { Product } from '../../operator/model/product.ts';
import { xdsSocketPath } from '../../operator/render/envoy/ads.ts';
import type { Json, NamedResource } from '../../operator/render/envoy/envoy-config.ts';
import { versionsInEnvoy } from '../support/envoy/xds-fixture.ts';
import { until } from '../support/until.ts';
import { Command, type Ended, ROOT, sallyport } from './command-line.ts';
import { Scene } from './scene.ts';

const ACME = `${ROOT}examples/acme`;

let scene: Scene;

beforeAll(async () => {
  scene = await Scene.open(OUTSIDE_NAMES, {});
});

afterAll(() => scene.remove());

interface Row {
  readonly workspace: string;
  readonly product: Product;
  readonly url: string;
  readonly status: 0 | 1;
  readonly verdict: 'ALLOW' | 'DROP' | 'DRY_RUN_DENIAL';
  readonly rule: string | null;
}

const NOT_LISTED = { url: 'https://tracker.ads.example/', rule: null } as const;
const ROWS: readonly Row[] = [
  {
    workspace: 'fraud-models',
    product: 'ML_SERVING',
    url: 'https://weights.models.example/',
    status: 0,
    verdict: 'ALLOW',
    rule: 'allowedInternetDestinations "*.models.example" of NetworkPolicy/restricted',
  },
  {
    workspace: 'fraud-models',
    product: 'NOTEBOOKS',
    url: 'https://upload.models.example/',
    status: 1,
    verdict: 'DROP',
    rule: 'blockedInternetDestinations "upload.models.example" of NetworkPolicy/restricted',
  },
  {
    workspace: 'fraud-models',
    product: 'PROVISIONED_THROUGHPUT',
    url: 'https://packages.example/',
    status: 1,
    verdict: 'DROP',
    rule: 'allowedInternetDestinations "packages.example" of NetworkPolicy/restricted',
  },
  { workspace: 'analytics', product: 'DBSQL', status: 0, verdict: 'DRY_RUN_DENIAL', ...NOT_LISTED },
  { workspace: 'analytics', product: 'JOBS', status: 1, verdict: 'DROP', ...NOT_LISTED },
  {
    workspace: 'analytics',
    product: 'PIPELINES',
    url: 'https://acme-lake.s3.us-west-2.amazonaws.com/',
    status: 0,
    verdict: 'ALLOW',
    rule: 'externalLocations "s3://acme-lake" of Metastore/main',
  },
  {
    workspace: 'sandbox',
    product: 'GENERAL',
    url: 'http://packages.example/',
    status: 0,
    verdict: 'ALLOW',
    rule: 'allowedInternetDestinations "packages.example" of NetworkPolicy/default-policy',
  },
];

function explain(destination: string, ...options: readonly string[]): Promise<Ended> {
  return sallyport(['explain', ACME, destination, ...options]);
}

/** The text behind a label of an explanation. */
function lineOf({ stdout }: Ended, label: string): string | undefined {
  return new RegExp(`^${label} +(.*)$`, 'm').exec(stdout)?.[1];
}

describe('explain', () => {
  let run: Command;

  beforeAll(async () => {
    await cp(ACME, scene.folder, { recursive: true });
    run = await scene.running();
    expect(run.text).not.toContain('Problem');
  });

  afterAll(() => run.end('SIGINT'));

  test.each(ROWS)('says of $workspace/$product and $url what the gateway does', async (row) => {
    const { workspace, product, url } = row;
    const explained = await explain(url, '--workspace', workspace, '--product', product);
    expect(explained).toMatchObject({ status: row.status, stderr: '' });
    expect(lineOf(explained, 'Verdict')).toBe(row.verdict);
    expect(lineOf(explained, 'Rule')).toBe(row.rule ?? '-');
    const passes = (await scene.asks(url, workspace, product)).outcome === 'ok';
    expect(passes).toBe(row.status === 0);
  });

  test('agrees with the denial log about reason, rule and revision', async () => {
    const denied = ROWS.filter(({ verdict }) => verdict !== 'ALLOW');
    const rows = async (): Promise<readonly Record<string, unknown>[]> => {
      const { stdout } = await sallyport(['denials', '--state', scene.state(), '--json']);
      const lines = stdout.split('\n').slice(0, -1);
      return lines.map((line) => JSON.parse(line) as Record<string, unknown>).toReversed();
    };
    await until('every denial is in the log', async () => (await rows()).length === denied.length);
    const logged = await rows();
    for (const [at, { url, workspace, product, rule }] of denied.entries()) {
      const explained = await explain(url, '--workspace', workspace, '--product', product);
      expect(logged[at]).toMatchObject({ workspace, product, rule, revision: lineOf(explained, 'Revision') });
      expect(lineOf(explained, 'Reason')).toMatch(new RegExp(`^${String(logged[at]?.['reason'])}: \\w`));
    }
  });
});

describe('explain without an answer', () => {
  test.each([
    [
      ['ftp://x', '--workspace', 'sandbox'],
      'Cannot read destination "ftp://x": write a host such as "example.com", "example.com:8443" or "http://example.com"',
    ],
    [
      ['example.com', '--workspace', 'sandbax'],
      `Cannot find workspace "sandbax" in "${ACME}": the folder has "analytics", "fraud-models", "sandbox"`,
    ],
    [
      ['example.com', '--workspace', 'sandbox', '--product', 'SQL'],
      /^error: option '--product <product>' argument 'SQL' is invalid\. Allowed choices are DBSQL, /,
    ],
  ])('%j ends with status 2', async ([destination = '', ...options], message) => {
    const { status, stdout, stderr } = await explain(destination, ...options);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr.trimEnd()).toEqual(message instanceof RegExp ? expect.stringMatching(message) : message);
  });

  test('a folder that is not there ends with status 2', async () => {
    const ended = await sallyport(['explain', '/nowhere', 'example.com', '--workspace', 'sandbox']);
    const stderr =
      'Cannot read folder "/nowhere": it does not exist; name a folder of YAML, for example "examples/acme"\n';
    expect(ended).toEqual({ status: 2, stdout: '', stderr });
  });
});

describe('render', () => {
  let out: string;
  let envoy: XdsEnvoy | undefined;

  afterAll(() => envoy?.stop());

  beforeAll(async () => {
    out = join(scene.directory, 'rendered');
    await mkdir(out);
  });

  test('writes files for examples/acme, which has no problem, and starts nothing', async () => {
    const listen = ['--listen-address', scene.outside.listenAddress, '--ports', '20000-20999'];
    const ended = await sallyport(['render', ACME, '--out', out, ...listen]);
    expect(ended).toEqual({
      status: 0,
      stderr: '',
      stdout: `Wrote 3 tables and 33 egress listeners to ${out}\n`,
    });
    expect((await readdir(out)).toSorted()).toEqual([
      'bootstrap.json',
      'clusters.json',
      'endpoints.json',
      'listeners.json',
      'plans.json',
      'routes',
      'rtds',
      'tables.json',
    ]);
  });

  test('writes a bootstrap that Envoy accepts', async () => {
    const binary = await envoyBinary(process.env['PATH'] ?? '');
    const validated = await new Command(binary, [
      '--mode',
      'validate',
      '-c',
      join(out, 'bootstrap.json'),
    ]).ended();
    expect(validated).toMatchObject({ status: 0, stdout: expect.stringContaining('OK') as string });
  });

  test('writes resources that Envoy accepts, all of them', async () => {
    const read = async (file: string): Promise<unknown> =>
      JSON.parse(await readFile(join(out, file), 'utf8'));
    const named = (bodies: unknown): readonly NamedResource[] =>
      (bodies as readonly (Json & { readonly name: string })[]).map((body) => ({ name: body.name, body }));
    const tables = (await readdir(join(out, 'routes'))).map((name) => read(`routes/${name}`));
    const resources: Resources = {
      ...forEachKind(() => []),
      listener: named(await read('listeners.json')),
      cluster: named(await read('clusters.json')),
      route: named(await Promise.all(tables)),
    };
    envoy = new XdsEnvoy({
      directory: out,
      binary: await envoyBinary(process.env['PATH'] ?? ''),
      concurrency: 1,
      bootstrap: (await read('bootstrap.json')) as Json,
      delivery: { socketPath: xdsSocketPath({ directory: out }), order: EGRESS_ORDER },
      onStart: () => undefined,
    });
    expect((await envoy.serve(resources)).result).toEqual({ status: 'applied' });
    const running = await versionsInEnvoy(out);
    expect(Object.keys(running.route)).toHaveLength(tables.length);
    expect(Object.keys(running.listener)).toHaveLength(resources.listener.length);
  });

  test('ends with status 1 where there is no folder, and with 2 for a bad option', async () => {
    expect(await sallyport(['render', '/nowhere', '--out', out])).toMatchObject({ status: 1, stdout: '' });
    const bad = await sallyport(['render', ACME, '--out', out, '--ports', 'all']);
    expect(bad).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^--ports: Cannot accept/) as string,
    });
  });
});
