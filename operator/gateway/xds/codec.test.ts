import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { decodeEntry, missingIn } from '../../../test/fixtures/decoded-resource.ts';
import { type EgressWorld, egressWorld, renderEditions } from '../../../test/fixtures/egress-worlds.ts';
import { ingressWorld } from '../../../test/fixtures/ingress-worlds.ts';
import { createCertificateAuthority } from '../../../test/outside/certificates.ts';
import type { Json, NamedResource } from '../../render/envoy/envoy-config.ts';
import { renderIngress } from '../../render/envoy/ingress/render-ingress.ts';
import { egressResources } from '../egress/egress-resources.ts';
import { decodeEntries, encodeResource, encodeResponse } from './codec.ts';
import { RESOURCE_KINDS, type Resources, TYPE_URLS } from './resource-kind.ts';

const SEED = Number(process.env['SEED'] ?? 20_262);
const RUNS = Number(process.env['RUNS'] ?? 10);

const TYPES = join(import.meta.dirname, '../../../hack/envoy-types/types.txt');

/** Types that the gateway reads and writes itself, not by JSON. */
const OF_XDS = ['envoy.service.discovery.v3.DeltaDiscoveryRequest'];

const TYPE = /"@type":"type\.googleapis\.com\/([^"]*)"/g;
/** Of everything that was encoded. */
const seenTypes = new Set<string>(OF_XDS);
/** Bodies that were looked at: many are the same object in the next edition. */
const seen = new WeakSet<Json>();

/** A sentence for each resource of which something is lost on its way. */
function losses(resources: Resources): readonly string[] {
  return RESOURCE_KINDS.flatMap((kind) =>
    resources[kind].flatMap((resource) => {
      if (seen.has(resource.body)) return [];
      seen.add(resource.body);
      return lossesOf(resource, TYPE_URLS[kind]).map((loss) => `${kind} "${resource.name}": ${loss}`);
    }),
  );
}

function lossesOf({ name, body }: NamedResource, typeUrl: string): readonly string[] {
  const { entry, version } = encodeResource({ name, body });
  for (const [, type = ''] of JSON.stringify(body).matchAll(TYPE)) seenTypes.add(type);
  const decoded = decodeEntry(entry);
  const again = encodeResource({ name, body: decoded });
  const response = encodeResponse({ typeUrl, nonce: '1', entries: [entry], removed: [] });
  const [arrived] = decodeEntries(response, typeUrl);
  return [
    ...missingIn(decoded, body),
    ...(again.version === version ? [] : ['what was read is encoded to other bytes']),
    ...(arrived?.version === version && Buffer.compare(arrived.entry, entry) === 0
      ? []
      : ['it does not arrive']),
  ];
}

test('whatever is rendered for egress is encoded, and nothing of it is lost', () => {
  const replay = (world: EgressWorld): void => {
    const editions = renderEditions(world, '/run/sallyport', '127.0.0.1');
    expect(editions.flatMap(({ envoy }) => losses(egressResources(envoy)))).toEqual([]);
  };
  fc.assert(fc.property(egressWorld, replay), { seed: SEED, numRuns: RUNS });
});

test('whatever is rendered for ingress is encoded, and nothing of it is lost', async () => {
  const { cert, key } = await (await createCertificateAuthority()).leafFor('app.example');
  const given = { directory: '/run/sallyport', address: '::', httpPort: 80, tlsPort: 443 };
  const worlds = ingressWorld(given, { certificateChain: cert, privateKey: key });
  fc.assert(
    fc.property(worlds, (input) => expect(losses(renderIngress(input))).toEqual([])),
    { seed: SEED, numRuns: RUNS * 10 },
  );
});

test('descriptors are there for what is rendered, and for nothing else', () => {
  const listed = readFileSync(TYPES, 'utf8').trim().split('\n');
  expect([...seenTypes].filter((type) => !type.startsWith('google.')).toSorted()).toEqual(listed);
});
