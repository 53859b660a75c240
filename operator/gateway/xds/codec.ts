// Envoy's resources as JSON -> bytes, and the messages of incremental xDS. All types come from one set of descriptors
// (hack/envoy-types.sh); there is no generated code.
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { createFileRegistry, type DescMessage, fromBinary, type JsonValue } from '@bufbuild/protobuf';
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import type { Json, NamedResource } from '../../render/envoy/envoy-config.ts';
import { JsonEncoder } from './json-encoder.ts';

const DESCRIPTORS = join(import.meta.dirname, 'envoy-types.binpb.gz');

export interface EncodedResource {
  readonly name: string;
  /** Hash of the content. */
  readonly version: string;
  /** As a response has it: name, version and content. */
  readonly entry: Uint8Array;
}

/** A DeltaDiscoveryRequest, as far as the server needs it. */
export interface DeltaRequest {
  readonly typeUrl: string;
  readonly resourceNamesSubscribe: readonly string[];
  readonly resourceNamesUnsubscribe: readonly string[];
  readonly initialResourceVersions: Readonly<Record<string, string>>;
  readonly responseNonce: string;
  readonly errorDetail?: { readonly message: string };
}

/** A DeltaDiscoveryResponse. */
export interface DeltaResponse {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly entries: readonly Uint8Array[];
  readonly removed: readonly string[];
}

interface StoredEntry {
  readonly name: string;
  readonly version: string;
  readonly resource?: { readonly typeUrl: string; readonly value: Uint8Array };
}

interface StoredResponse {
  readonly typeUrl: string;
  readonly resources: readonly StoredEntry[];
}

const registry = createFileRegistry(
  fromBinary(FileDescriptorSetSchema, gunzipSync(readFileSync(DESCRIPTORS))),
);
const encoder = new JsonEncoder(registry);
const REQUEST = messageType('envoy.service.discovery.v3.DeltaDiscoveryRequest');
const INTERNAL_LISTENER = messageType('envoy.config.listener.v3.Listener').fields.find(
  ({ name }) => name === 'internal_listener',
);
const RESPONSE = messageType('envoy.service.discovery.v3.DeltaDiscoveryResponse');

/** By the body, since most bodies are the same objects from one change to the next. */
const encoded = new WeakMap<Json, EncodedResource>();

/** Throws, with a sentence for people, for what is no resource of Envoy. */
export function encodeResource({ name, body }: NamedResource): EncodedResource {
  const known = encoded.get(body);
  if (known?.name === name) return known;
  const resource = encodeBody(name, body);
  encoded.set(body, resource);
  return resource;
}

/** The whole entry, since all of them together may be megabytes, and one change asks for all. */
function encodeBody(name: string, body: Json): EncodedResource {
  const { '@type': typeUrl, ...json } = body as { readonly '@type': string };
  const type = messageType(typeUrl.slice(typeUrl.indexOf('/') + 1));
  const value = encoder.encode(type, json as JsonValue);
  const version = hashOf(value);
  return { name, version, entry: entryOf(name, version, typeUrl, value) };
}

function hashOf(content: Uint8Array): string {
  return hash('sha256', content, 'hex').slice(0, 16);
}

export function decodeRequest(bytes: Uint8Array): DeltaRequest {
  return fromBinary(REQUEST, bytes) as unknown as DeltaRequest;
}

export function encodeResponse({ typeUrl, nonce, entries, removed }: DeltaResponse): Buffer {
  const writer = new BinaryWriter().tag(1, WireType.LengthDelimited).string(nonce);
  for (const entry of entries) writer.tag(2, WireType.LengthDelimited).bytes(entry);
  writer.tag(4, WireType.LengthDelimited).string(typeUrl).tag(5, WireType.LengthDelimited).string(nonce);
  for (const name of removed) writer.tag(6, WireType.LengthDelimited).string(name);
  return Buffer.from(writer.finish());
}

/** The entries of an encoded response of this type; throws for bytes that are none, or not as they were encoded. */
export function decodeEntries(bytes: Uint8Array, typeUrl: string): readonly EncodedResource[] {
  const response = fromBinary(RESPONSE, bytes) as unknown as StoredResponse;
  // The type comes after the entries: without it some may be missing.
  if (response.typeUrl !== typeUrl) throw new Error(`It is of type "${response.typeUrl}", not "${typeUrl}"`);
  return response.resources.map((entry) => decodeEntry(entry, typeUrl));
}

function decodeEntry({ name, version, resource }: StoredEntry, typeUrl: string): EncodedResource {
  if (resource?.typeUrl !== typeUrl || hashOf(resource.value) !== version)
    throw new Error(`The content of "${name}" is not as it was written`);
  return { name, version, entry: entryOf(name, version, typeUrl, resource.value) };
}

function entryOf(name: string, version: string, typeUrl: string, value: Uint8Array): Uint8Array {
  return new BinaryWriter()
    .tag(1, WireType.LengthDelimited)
    .string(version)
    .tag(2, WireType.LengthDelimited)
    .fork()
    .tag(1, WireType.LengthDelimited)
    .string(typeUrl)
    .tag(2, WireType.LengthDelimited)
    .bytes(value)
    .join()
    .tag(3, WireType.LengthDelimited)
    .string(name)
    .finish();
}

/** Of an encoded listener: whether only other listeners reach it. */
export function isInternalListener({ entry }: EncodedResource): boolean {
  const content = fieldOf(fieldOf(entry, 2), 2);
  return fieldOf(content, INTERNAL_LISTENER?.number) !== undefined;
}

/** The first such field of a message, which must hold a message. */
function fieldOf(message: Uint8Array | undefined, field: number | undefined): Uint8Array | undefined {
  const reader = new BinaryReader(message ?? new Uint8Array());
  while (reader.pos < reader.len) {
    const [found, type] = reader.tag();
    if (found === field) return reader.bytes();
    reader.skip(type, found);
  }
  return undefined;
}

function messageType(name: string): DescMessage {
  const found = registry.getMessage(name);
  if (found === undefined) throw new Error(`Unknown type "${name}": add it to hack/envoy-types/types.txt`);
  return found;
}
