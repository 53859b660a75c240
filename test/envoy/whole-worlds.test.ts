// Whatever people write: a real Envoy accepts everything that is rendered of it, one world after the other, and runs
// exactly that. SEED and RUNS choose other worlds.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { EGRESS_RULES, egressResources, placeKeys } from '../../operator/gateway/egress/egress-resources.ts';
import { ConnectionLimits } from '../../operator/gateway/process/connection-limits.ts';
import { envoyBinary } from '../../operator/gateway/process/find-envoy.ts';
import { encodeResource } from '../../operator/gateway/xds/codec.ts';
import { EGRESS_ORDER, INGRESS_ORDER } from '../../operator/gateway/xds/delivery-order.ts';
import { RESOURCE_KINDS, type Resources } from '../../operator/gateway/xds/resource-kind.ts';
import { XdsEnvoy, type XdsEnvoyOptions } from '../../operator/gateway/xds/xds-envoy.ts';
import { compareText } from '../../operator/model/snapshot.ts';
import { xdsSocketPath } from '../../operator/render/envoy/ads.ts';
import { renderBootstrap } from '../../operator/render/envoy/bootstrap.ts';
import { renderIngressBootstrap } from '../../operator/render/envoy/ingress/ingress-bootstrap.ts';
import { renderIngress } from '../../operator/render/envoy/ingress/render-ingress.ts';
import { decodeEntry } from '../fixtures/decoded-resource.ts';
import { egressWorld, renderEditions } from '../fixtures/egress-worlds.ts';
import { ingressWorld } from '../fixtures/ingress-worlds.ts';
import { createCertificateAuthority } from '../outside/certificates.ts';
import { resourcesInEnvoy, versionsInEnvoy } from '../support/envoy/xds-fixture.ts';
import { freePorts } from '../support/free-ports.ts';
import { until } from '../support/until.ts';

const SEED = Number(process.env['SEED'] ?? 20_263);
const RUNS = Number(process.env['RUNS'] ?? 4);
/** Nobody else listens there. */
const ADDRESS = `127.${1 + (process.pid % 250)}.77.1`;
const LIMITS = { maxConnections: 1000, envoyMemoryBytes: 2 ** 30 };

let directory = '';
let envoy: XdsEnvoy | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sallyport-worlds-'));
  await mkdir(join(directory, 'log'));
});

afterEach(async () => {
  await envoy?.stop();
  await rm(directory, { recursive: true, force: true });
});

async function makeEnvoy(
  bootstrap: XdsEnvoyOptions['bootstrap'],
  delivery: Omit<XdsEnvoyOptions['delivery'], 'socketPath'>,
): Promise<XdsEnvoy> {
  envoy = new XdsEnvoy({
    ...{ directory, bootstrap, concurrency: 1, binary: await envoyBinary(process.env['PATH'] ?? '') },
    delivery: { ...delivery, socketPath: xdsSocketPath({ directory }), drainMs: 0 },
    onStart: () => undefined,
  });
  return envoy;
}

/** What each resource says, by kind and name, in whatever order its fields stand. */
function meaningOf(resources: Resources): ReadonlyMap<string, string> {
  return new Map(
    RESOURCE_KINDS.flatMap((kind) =>
      resources[kind].map((one) => {
        const json = decodeEntry(encodeResource(one).entry);
        return [`${kind} ${one.name}`, JSON.stringify(inOrder(json))] as const;
      }),
    ),
  );
}

function inOrder(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(inOrder);
  if (typeof json !== 'object' || json === null) return json;
  const entries = Object.entries(json).map(([key, value]) => [key, inOrder(value)] as const);
  return Object.fromEntries(entries.toSorted(([one], [other]) => compareText(one, other)));
}

/** Everything is in force, and what was there before goes. Envoy shows of secrets only which version it has. */
async function expectServed(to: XdsEnvoy, resources: Resources): Promise<void> {
  expect(await to.serve(resources)).toEqual({ result: { status: 'applied' }, unsaved: [] });
  const wanted = meaningOf({ ...resources, secret: [] });
  let found = meaningOf(await resourcesInEnvoy(directory));
  await until('nothing else is left', async () => {
    found = meaningOf(await resourcesInEnvoy(directory));
    return found.size <= wanted.size;
  });
  expect([...found.keys()].toSorted()).toEqual([...wanted.keys()].toSorted());
  expect([...wanted].filter(([name, meaning]) => found.get(name) !== meaning)).toEqual([]);
  const { secret } = await versionsInEnvoy(directory);
  // Without a port for TLS nothing asks for them.
  const asking = JSON.stringify(resources.listener);
  const asked = resources.secret.filter(({ name }) => asking.includes(`"${name}"`));
  for (const one of asked) expect(secret[one.name]).toBe(encodeResource(one).version);
}

test('Envoy accepts whatever is rendered for egress, and runs it', async () => {
  const one = async (world: Parameters<typeof renderEditions>[0]): Promise<void> => {
    const settings = { ...world.settings, directory };
    const running = await makeEnvoy(renderBootstrap(settings), {
      ...{ order: EGRESS_ORDER, rules: EGRESS_RULES, placesOf: placeKeys },
    });
    const onFailure = (error: Error): void => {
      throw error;
    };
    const limits = new ConnectionLimits({
      settings,
      active: () => running.admin.activeConnections(),
      onFailure,
    });
    for (const { envoy: config, egressListeners } of renderEditions(world, directory, ADDRESS)) {
      await limits.serve(egressListeners);
      await expectServed(running, egressResources(config));
    }
    await running.stop();
  };
  await fc.assert(fc.asyncProperty(egressWorld, one), { seed: SEED, numRuns: RUNS, endOnFailure: true });
}, 600_000);

test('Envoy accepts whatever is rendered for ingress, and runs it', async () => {
  const { cert, key } = await (await createCertificateAuthority()).leafFor('app.example');
  const [httpPort, tlsPort] = await freePorts(2);
  const given = { directory, address: '127.0.0.1', httpPort, tlsPort };
  const running = await makeEnvoy(
    renderIngressBootstrap({ directory, ...LIMITS, maxConnectionsPerListener: 1000 }),
    { order: INGRESS_ORDER },
  );
  await fc.assert(
    fc.asyncProperty(ingressWorld(given, { certificateChain: cert, privateKey: key }), (input) =>
      expectServed(running, renderIngress(input)),
    ),
    { seed: SEED, numRuns: RUNS * 3, endOnFailure: true },
  );
}, 600_000);
