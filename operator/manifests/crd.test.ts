import { findSchemaFaults, placesOf } from '../../test/fixtures/schema-faults.ts';
import { KINDS } from '../model/kinds.ts';
import { CEL_RULES, type KindDescription } from '../model/kubernetes-object.ts';
import { networkPolicyKind } from '../model/network-policy.ts';
import { type JsonObject, renderCrd } from './crd.ts';

interface Version {
  readonly subresources?: unknown;
  readonly additionalPrinterColumns: readonly { readonly jsonPath: string }[];
  readonly schema: { readonly openAPIV3Schema: JsonObject };
}

interface Crd {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly names: JsonObject;
    readonly scope: string;
    readonly versions: readonly [Version];
  };
}

function crdOf(kind: KindDescription): Crd {
  return renderCrd(kind) as unknown as Crd;
}

function schemaOf(kind: KindDescription): JsonObject {
  return crdOf(kind).spec.versions[0].schema.openAPIV3Schema;
}

/** Rules by the path of what they judge. */
function rulesOf(kind: KindDescription): Readonly<Record<string, unknown>> {
  const places = placesOf(schemaOf(kind)).filter(({ schema }) => schema[CEL_RULES] !== undefined);
  return Object.fromEntries(
    places.map(({ path, schema }) => [
      path,
      (schema[CEL_RULES] as { rule: string }[]).map(({ rule }) => rule),
    ]),
  );
}

/** Without those that stand for a pattern. */
function ownRules(rules: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.keys(rules).filter((path) => !/^self\.matches\("[^"]*"\)$/.test(String(rules[path])));
}

const kinds = KINDS.map((kind) => [kind.kind, kind] as const);

describe('renderCrd()', () => {
  it.each(kinds)('gives %s a schema that the API server takes, and that has limits everywhere', (_, kind) => {
    expect(findSchemaFaults(schemaOf(kind))).toEqual([]);
  });

  it.each(kinds)('gives a sentence for every pattern of what people write in %s', (_, kind) => {
    const isWritten = (path: string): boolean => path.startsWith('spec.') && kind.status !== undefined;
    const bare = placesOf(schemaOf(kind)).filter(
      ({ path, schema }) => isWritten(path) && 'pattern' in schema,
    );
    expect(bare.filter(({ schema }) => schema['format'] !== 'date-time')).toEqual([]);
  });

  it.each(kinds)('gives %s columns that stand in its schema', (_, kind) => {
    const version = crdOf(kind).spec.versions[0];
    const paths = placesOf(version.schema.openAPIV3Schema).map(({ path }) => `.${path}`);
    const columns = version.additionalPrinterColumns.map(({ jsonPath }) =>
      jsonPath.replace(/\[\?.*\]/, '[]'),
    );
    expect(paths).toEqual(
      expect.arrayContaining(columns.filter((path) => path !== '.metadata.creationTimestamp')),
    );
  });

  it.each(kinds)('gives %s a status subresource exactly where it has a status', (_, kind) => {
    expect(crdOf(kind).spec.versions[0].subresources !== undefined).toBe(kind.status !== undefined);
  });

  it('names NetworkPolicy so that it differs from the built-in kind', () => {
    const { metadata, spec } = crdOf(networkPolicyKind);
    expect(metadata.name).toBe('networkpolicies.sallyport.dev');
    expect(spec.scope).toBe('Cluster');
    expect(spec.names).toMatchObject({
      shortNames: ['snp'],
      categories: ['sallyport'],
      singular: 'networkpolicy',
    });
  });

  it.each([
    ['PolicyAssignment', {}, undefined],
    ['NetworkPolicy', undefined, ['spec']],
  ])('lets %s leave out its spec only where defaults fill it', (name, fallback, required) => {
    const schema = kinds.filter(([kind]) => kind === name).map(([, kind]) => schemaOf(kind))[0];
    expect(schema?.['required']).toEqual(required);
    expect(schema).toHaveProperty('properties.spec.type', 'object');
    expect((schema?.['properties'] as { spec: JsonObject }).spec['default']).toEqual(fallback);
  });

  it('puts every rule on the thing that it judges', () => {
    const found = Object.assign({}, ...KINDS.map((kind) => ({ [kind.kind]: ownRules(rulesOf(kind)) })));
    expect(found).toEqual({
      NetworkPolicy: [
        '',
        'spec.egress.networkAccess',
        'spec.egress.networkAccess.allowedStorageDestinations[]',
        'spec.staleWorkloads.afterSeconds',
      ],
      PolicyAssignment: [],
      Metastore: ['spec.externalLocations[]'],
      PrivateEndpoint: ['spec.addressRanges[]'],
      WorkspaceConf: ['', 'spec.ingress.backends[].address'],
      IngressPlan: [],
      IpAccessList: ['spec.ipAddresses[]'],
      EgressTable: [],
      WorkspacePlan: [],
      GatewayReport: [],
      CallerReport: [],
    });
  });

  it('writes the rules of NetworkPolicy in CEL', () => {
    expect(rulesOf(networkPolicyKind)).toMatchObject({
      '': ['size(self.metadata.name) <= 32'],
      'spec.egress.networkAccess.allowedStorageDestinations[]': [
        "self.storageDestinationType != 'AWS_S3' || (has(self.bucketName) && has(self.region))",
        "self.storageDestinationType != 'AZURE_STORAGE' || (has(self.azureStorageAccount) && has(self.azureStorageService))",
        "self.storageDestinationType != 'GOOGLE_CLOUD_STORAGE' || (has(self.bucketName))",
      ],
    });
  });

  it('rejects a rule whose path is not in the schema', () => {
    const rule = { path: 'spec.nowhere', rule: 'true', message: 'never' };
    expect(() => renderCrd({ ...networkPolicyKind, rules: [rule] })).toThrow(
      'Cannot place rule "true": the schema has no property "nowhere"',
    );
  });
});
