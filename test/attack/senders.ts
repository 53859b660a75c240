// What attackers send, as data: by CONNECT, in absolute form, by the letter, as TLS, as DNS, or as a policy.
// In: what is special about a case. Out: its bytes, in turns.
import packet from 'dns-packet';
import { helloFor } from '../outside/client-hello.ts';
import type { Sent, SentByTcp, SentByUdp, SentToParser, Turn } from './attack-case.ts';

/** CONNECT, and once it was answered what is `inside`: TLS that names the host unless given. */
export function connect(authority: string, inside?: string | readonly string[]): SentByTcp {
  const bytes = inside ?? helloFor(hostOf(authority));
  return {
    sender: 'connect',
    to: 'proxy',
    turns: [
      once(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`),
      { afterAnswers: 1, pieces: [bytes].flat() },
    ],
  };
}

/** GET with the whole URL, and the Host that belongs to it unless `headers` has one. */
export function absolute(url: string, headers?: string): SentByTcp {
  const host = /^\w+:\/\/(?:[^/@]*@)?([^/?#]*)/.exec(url)?.[1] ?? '';
  const head = headers ?? `Host: ${host}\r\n`;
  return { sender: 'absolute', to: 'proxy', turns: [once(`GET ${url} HTTP/1.1\r\n${head}\r\n`)] };
}

/** Exactly these bytes; `later` ones when that many answers have come. */
export function raw(bytes: string | readonly string[], ...later: readonly Turn[]): SentByTcp {
  return { sender: 'raw', to: 'proxy', turns: [{ afterAnswers: 0, pieces: [bytes].flat() }, ...later] };
}

/** To the transparent TLS port. */
export function tls(bytes: string | readonly string[]): SentByTcp {
  return { sender: 'tls', to: 'tls', turns: [{ afterAnswers: 0, pieces: [bytes].flat() }] };
}

/** To the port for TLS on 8443, a further TLS port of the policy. */
export function tlsOn8443(bytes: string): SentByTcp {
  return { ...tls(bytes), to: 'tls-8443' };
}

/** Origin form, to the transparent HTTP port. */
export function http(host: string, path = '/', headers = ''): SentByTcp {
  const bytes = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${headers}\r\n`;
  return { sender: 'http', to: 'http', turns: [once(bytes)] };
}

export function slowly(sent: SentByTcp): SentByTcp {
  return { ...sent, isSlow: true };
}

export interface Question {
  readonly type?: string;
  /** Size that the client says it can take; none unless given. */
  readonly edns?: number;
}

export function dns(name: string, { type = 'A', edns }: Question = {}): SentByUdp {
  return { sender: 'dns', to: 'dns', datagrams: [questionFor(name, type, edns).toString('latin1')] };
}

/** The same over TCP; `pieces` of the message in segments of their own. */
export function dnsOverTcp(name: string, { type = 'A', edns }: Question = {}, pieces = 1): SentByTcp {
  const message = withLength(questionFor(name, type, edns)).toString('latin1');
  const size = Math.ceil(message.length / pieces);
  const parts = Array.from({ length: pieces }, (_, at) => message.slice(at * size, (at + 1) * size));
  return { sender: 'dns over tcp', to: 'dns', turns: [{ afterAnswers: 0, pieces: parts }] };
}

export function rawDns(...datagrams: readonly string[]): SentByUdp {
  return { sender: 'dns', to: 'dns', datagrams };
}

/** A DNS question with labels by the letter: those that dns-packet would not write. */
export function oddQuestion(labels: readonly string[], { type = 1, flags = 0x0100, count = 1 } = {}): string {
  const head = Buffer.from([0x12, 0x34, flags >> 8, flags & 255, 0, count, 0, 0, 0, 0, 0, 0]);
  const name = labels.map((label) => String.fromCharCode(label.length) + label).join('');
  return `${head.toString('latin1')}${name}\0${String.fromCharCode(type >> 8, type & 255)}\0\x01`;
}

/** A datagram to the port where QUIC would be. */
export function quic(): SentByUdp {
  const initial = `\xc0\0\0\0\x01\x08${'\x11'.repeat(8)}\0\0${'\0'.repeat(1180)}`;
  return { sender: 'quic', to: 'tls', datagrams: [initial] };
}

/** A policy with these fields of networkAccess, read as a person's file is. */
export function admission(access: Readonly<Record<string, unknown>>, shown: string): SentToParser {
  const spec = { egress: { networkAccess: { restrictionMode: 'RESTRICTED_ACCESS', ...access } } };
  const object = {
    apiVersion: 'sallyport.dev/v1alpha1',
    kind: 'NetworkPolicy',
    metadata: { name: 'p' },
    spec,
  };
  return { sender: 'admission', object, shown };
}

/** A policy that allows one destination. */
export function entry(destination: string): SentToParser {
  return admission({ allowedInternetDestinations: [{ destination }] }, destination);
}

/** For the table: the bytes as a string literal would have them, shortened. */
export function shownOf(sent: Sent): string {
  if (sent.sender === 'admission') return sent.shown;
  const bytes = 'datagrams' in sent ? sent.datagrams : sent.turns.flatMap(({ pieces }) => pieces);
  return JSON.stringify(bytes.join(''))
    .slice(1, -1)
    .replaceAll(/[\x7f-\xff]/g, (one) => `\\x${one.charCodeAt(0).toString(16)}`);
}

function once(bytes: string): Turn {
  return { afterAnswers: 0, pieces: [bytes] };
}

function hostOf(authority: string): string {
  return authority.replace(/:[^:\]]*$/, '');
}

function questionFor(name: string, type: string, edns: number | undefined): Buffer {
  const opt = {
    type: 'OPT',
    name: '.',
    udpPayloadSize: edns,
    flags: 0,
    options: [],
  } as unknown as packet.Answer;
  return packet.encode({
    type: 'query',
    id: 4660,
    flags: packet.RECURSION_DESIRED,
    questions: [{ type: type as packet.RecordType, name }],
    additionals: edns === undefined ? [] : [opt],
  });
}

function withLength(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}
