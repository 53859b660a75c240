// A ClientHello made by hand, so that a test decides every byte of what a TLS client says first.
// In: server names as bytes, and what else shall be odd about it. Out: TLS records as Latin-1 text, ready to be sent.
// A server that is asked for TLS 1.3 in earnest can answer it; nothing here can finish a handshake.
import { randomBytes } from 'node:crypto';

export interface ClientHello {
  /** Server names, Latin-1; no extension at all without them. More than one is against the standard. */
  readonly names?: readonly string[];
  /** Type of each name; 0, host_name, is the only one that exists. */
  readonly nameType?: number;
  /** The extension is there twice: these names come second. */
  readonly secondNames?: readonly string[];
  /** Other extensions, as type and body. */
  readonly extensions?: readonly (readonly [type: number, body: Buffer])[];
  /** Bytes of the handshake message per TLS record; one record unless given. */
  readonly recordBytes?: number;
  /** Of the record; 0x0301 unless given, as clients send for the sake of old middle boxes. */
  readonly recordVersion?: number;
}

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const LEGACY_VERSION = 0x0303;
const CIPHERS = [0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030];
const SERVER_NAME = 0;
export const PADDING = 21;
export const ENCRYPTED_CLIENT_HELLO = 0xfe0d;
/** One of the values that mean nothing, which clients send so that servers get used to the unknown. */
export const GREASE = 0x3a3a;

export function clientHello(hello: ClientHello = {}): string {
  const message = handshake(hello);
  const size = hello.recordBytes ?? message.length;
  const records: Buffer[] = [];
  for (let from = 0; from < message.length; from += size) {
    records.push(record(message.subarray(from, from + size), hello.recordVersion ?? 0x0301));
  }
  return Buffer.concat(records).toString('latin1');
}

/** The usual one of a client that asks for this name. */
export function helloFor(name: string): string {
  return clientHello({ names: [name] });
}

/**
 * Body of an extension "encrypted_client_hello" as it looks from outside: which keys, and bytes that nobody can read.
 */
export function encryptedHelloBody(): Buffer {
  const head = Buffer.from([0, 0, 1, 0, 1, 7]);
  return Buffer.concat([head, withLength(randomBytes(32)), withLength(randomBytes(160))]);
}

function handshake({ names, nameType = 0, secondNames, extensions = [] }: ClientHello): Buffer {
  const all = [
    ...(names === undefined ? [] : [extension(SERVER_NAME, serverNames(names, nameType))]),
    ...STANDARD_EXTENSIONS,
    extension(KEY_SHARE, keyShare()),
    ...extensions.map(([type, body]) => extension(type, body)),
    ...(secondNames === undefined ? [] : [extension(SERVER_NAME, serverNames(secondNames, nameType))]),
  ];
  const body = Buffer.concat([
    uint16(LEGACY_VERSION),
    randomBytes(32),
    Buffer.concat([Buffer.from([32]), randomBytes(32)]),
    withLength(Buffer.concat(CIPHERS.map(uint16))),
    Buffer.from([1, 0]),
    withLength(Buffer.concat(all)),
  ]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE((CLIENT_HELLO << 24) | body.length);
  return Buffer.concat([length, body]);
}

const KEY_SHARE = 51;
const X25519 = 29;

const STANDARD_EXTENSIONS: readonly Buffer[] = [
  // supported_groups, signature_algorithms, supported_versions, psk_key_exchange_modes, ALPN
  extension(10, withLength(Buffer.concat([X25519, 23].map(uint16)))),
  extension(13, withLength(Buffer.concat([0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501].map(uint16)))),
  extension(43, Buffer.from([4, 3, 4, 3, 3])),
  extension(45, Buffer.from([1, 1])),
  extension(16, withLength(Buffer.from('\x08http/1.1', 'latin1'))),
];

function keyShare(): Buffer {
  return withLength(Buffer.concat([uint16(X25519), withLength(randomBytes(32))]));
}

function serverNames(names: readonly string[], type: number): Buffer {
  const entries = names.map((name) =>
    Buffer.concat([Buffer.from([type]), withLength(Buffer.from(name, 'latin1'))]),
  );
  return withLength(Buffer.concat(entries));
}

function extension(type: number, body: Buffer): Buffer {
  return Buffer.concat([uint16(type), withLength(body)]);
}

function record(fragment: Buffer, version: number): Buffer {
  return Buffer.concat([Buffer.from([HANDSHAKE]), uint16(version), withLength(fragment)]);
}

function withLength(bytes: Buffer): Buffer {
  return Buffer.concat([uint16(bytes.length), bytes]);
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}
