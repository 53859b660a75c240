// What attempts send, with the token that identifies each. In: the value under test, by the letter
// (Latin-1). Out: turns of bytes.
import { clientHello } from '../../outside/client-hello.ts';
import { dns } from '../senders.ts';
import type { Probe } from './probe.ts';

export type Bytes = Pick<Probe, 'entry' | 'turns' | 'isDatagram'>;

/** An extension that means nothing, whose body a server finds in the ClientHello. */
const TOKEN_EXTENSION = 0x7a7a;

export function helloWith(name: string | null, token: string): string {
  const body = Buffer.from(token, 'latin1');
  return clientHello({ ...(name === null ? {} : { names: [name] }), extensions: [[TOKEN_EXTENSION, body]] });
}

export interface InTunnel {
  readonly token: string;
  /** Null: a ClientHello without a name. Undefined: no TLS, only bytes. */
  readonly sni: string | null | undefined;
}

/** CONNECT to exactly this, and what is inside once it was answered. */
export function proxyConnect(authority: string, { token, sni }: InTunnel, headers = ''): Bytes {
  const head = `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${headers}\r\n`;
  const inside = sni === undefined ? `${token}\r\n` : helloWith(sni, token);
  return {
    entry: 'proxy',
    turns: [
      { afterAnswers: 0, pieces: [head] },
      { afterAnswers: 1, pieces: [inside] },
    ],
  };
}

/** GET of the whole URL; its Host is the authority unless given. */
export function absoluteForm(authority: string, token: string, host = authority): Bytes {
  return oneTurn('proxy', `GET http://${authority}/${token} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
}

/** GET of a path, to the port for plain HTTP or to the proxy. */
export function originForm(entry: 'http' | 'proxy', host: string, token: string): Bytes {
  return oneTurn(entry, `GET /${token} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
}

export function transparentTls(name: string | null, token: string, entry: 'tls' | 'tls-8443' = 'tls'): Bytes {
  return oneTurn(entry, helloWith(name, token));
}

export function question(name: string, type = 'A'): Bytes {
  const { datagrams } = dns(name, { type });
  return { entry: 'dns', turns: [{ afterAnswers: 0, pieces: datagrams }], isDatagram: true };
}

export function oneTurn(entry: Probe['entry'], bytes: string): Bytes {
  return { entry, turns: [{ afterAnswers: 0, pieces: [bytes] }] };
}
