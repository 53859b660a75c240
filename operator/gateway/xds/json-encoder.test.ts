import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import {
  createFileRegistry,
  type DescField,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonValue,
  ScalarType,
  toBinary,
} from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { JsonEncoder } from './json-encoder.ts';

const SEED = Number(process.env['SEED'] ?? 20_262);
const RUNS = Number(process.env['RUNS'] ?? 300);
const DEEPEST = 5;
const TYPES = [
  'envoy.config.listener.v3.Listener',
  'envoy.config.cluster.v3.Cluster',
  'envoy.config.route.v3.RouteConfiguration',
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
  'envoy.extensions.filters.http.rbac.v3.RBAC',
];

const file = readFileSync(join(import.meta.dirname, 'envoy-types.binpb.gz'));
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, gunzipSync(file)));
const encoder = new JsonEncoder(registry);

function typeNamed(name: string): DescMessage {
  const found = registry.getMessage(name);
  if (found === undefined) throw new Error(`No type "${name}"`);
  return found;
}

type Json = fc.Arbitrary<JsonValue>;

const NUMBERS: Json = fc.constantFrom(0, 1, 127, 128, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, -1, 0.5);
const TEXTS: Json = fc.oneof(fc.constantFrom('', '0', 'x'.repeat(200), 'é€'), fc.string());
/** Of no use to most fields. */
const STRAY: Json = fc.constantFrom<JsonValue>(null, {}, [], 'stray', 7, true, [null], { stray: 1 });

function scalarOf(scalar: ScalarType): Json {
  if (scalar === ScalarType.STRING) return TEXTS;
  return scalar === ScalarType.BOOL ? fc.boolean() : NUMBERS;
}

function fieldValue(field: DescField, depth: number): Json {
  switch (field.fieldKind) {
    case 'scalar':
      return scalarOf(field.scalar);
    case 'enum':
      return fc.constantFrom(...field.enum.values.flatMap(({ name, number }) => [name, number]));
    case 'message':
      return messageOf(field.message, depth + 1);
    case 'map':
      return fc.dictionary(
        fc.string(),
        field.mapKind === 'message' ? messageOf(field.message, depth + 1) : TEXTS,
        { maxKeys: 2 },
      );
    case 'list': {
      const item = field.listKind === 'message' ? messageOf(field.message, depth + 1) : TEXTS;
      return fc.array(field.listKind === 'scalar' ? scalarOf(field.scalar) : item, { maxLength: 2 });
    }
  }
}

function wellKnown(name: string, depth: number): Json | undefined {
  if (name === 'google.protobuf.Any') return anyOf(depth);
  if (name === 'google.protobuf.Struct') return fc.dictionary(fc.string(), fc.oneof(TEXTS, STRAY, NUMBERS));
  if (name === 'google.protobuf.Duration') return fc.constantFrom('0s', '1s', '0.25s', '-3s');
  if (name.startsWith('google.protobuf.')) return fc.oneof(NUMBERS, TEXTS, fc.boolean(), STRAY);
  return undefined;
}

function anyOf(depth: number): Json {
  const known = [...TYPES, 'google.protobuf.StringValue', 'google.protobuf.Struct', 'unknown.Type'];
  return fc.constantFrom(...known).chain((name) => {
    const type = registry.getMessage(name);
    const content = type === undefined ? fc.constant({}) : messageOf(type, depth + 1);
    return content.map((json) => {
      const fields = name.startsWith('google.') ? { value: json } : (json as Record<string, JsonValue>);
      return { '@type': `type.googleapis.com/${name}`, ...fields };
    });
  });
}

/** JSON that is mostly of this type: some fields, few of them with a value that none of it may have. */
function messageOf(type: DescMessage, depth = 0): Json {
  const special = wellKnown(type.typeName, depth);
  if (special !== undefined) return special;
  if (depth >= DEEPEST) return fc.constant({});
  return fc.subarray([...type.fields], { maxLength: Math.min(4, type.fields.length) }).chain((fields) => {
    const values = fields.map(
      (field) => [field.name, fc.oneof({ weight: 40, arbitrary: fieldValue(field, depth) }, STRAY)] as const,
    );
    return fc.record(Object.fromEntries(values)) as Json;
  });
}

/** Undefined where it throws. */
function bytesOf(encode: () => Uint8Array): string | undefined {
  try {
    return Buffer.from(encode()).toString('hex');
  } catch {
    return undefined;
  }
}

const messageWithType = fc
  .constantFrom(...TYPES.map(typeNamed))
  .chain((type) => messageOf(type).map((json) => ({ type, json })));

test('gives the bytes of the library for any JSON, and throws where that does', () => {
  const seen = { messages: 0, faults: 0 };
  fc.assert(
    fc.property(messageWithType, ({ type, json }) => {
      const wanted = bytesOf(() => toBinary(type, fromJson(type, json, { registry })));
      seen[wanted === undefined ? 'faults' : 'messages'] += 1;
      expect(bytesOf(() => encoder.encode(type, json))).toBe(wanted);
    }),
    { seed: SEED, numRuns: RUNS },
  );
  expect(Math.min(seen.messages, seen.faults)).toBeGreaterThan(RUNS / 10);
});

test('an error is the one of the library, and leaves nothing behind', () => {
  const type = typeNamed('envoy.config.listener.v3.Listener');
  const broken = { name: 'a', filter_chains: [{ nonsense: 1 }] };
  expect(() => encoder.encode(type, broken)).toThrow('key "nonsense" is unknown');
  const whole = { name: 'b' };
  expect(encoder.encode(type, whole)).toEqual(toBinary(type, fromJson(type, whole, { registry })));
});
