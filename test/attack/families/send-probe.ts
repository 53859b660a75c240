// Sends one attempt from an address of its own and returns what its sender saw.
import { exchange, hear } from '../converse.ts';
import type { Probe } from './probe.ts';
import type { ProbeScene } from './probe-scene.ts';

export interface Seen {
  /** "403", "200 hello", "200 closed", "NXDOMAIN". */
  readonly answer: string;
  /** Of the first answer's header. */
  readonly reason: string | undefined;
  /** Whether a server's own bytes, or an address from the DNS, came back. */
  readonly gotThrough: boolean;
}

const LIMIT_MS = 8000;
const DATAGRAM_LIMIT_MS = 3000;
const TUNNEL_OPEN = '200';

/** A server's: "200" too, where there is no tunnel that could be meant by it. */
const FROM_A_SERVER = ['hello', 'echo', 'banner'];

export async function sendProbe(probe: Probe, localAddress: string, scene: ProbeScene): Promise<Seen> {
  const place = scene.placeOf(probe.lane, probe.entry);
  const { turns } = probe;
  if (probe.isDatagram) {
    const datagrams = turns.flatMap(({ pieces }) => pieces);
    const conversation = { ...place, localAddress, answers: 1, limitMs: DATAGRAM_LIMIT_MS };
    const answer = await exchange(datagrams, conversation);
    return { answer, reason: undefined, gotThrough: / (?:A|AAAA|CNAME|TXT|HTTPS) /.test(answer) };
  }
  const isTunnel = turns.length > 1;
  const conversation = { ...place, localAddress, answers: turns.length, limitMs: LIMIT_MS };
  const isRefusal = ([first]: readonly string[]): boolean =>
    isTunnel && first !== undefined && first !== TUNNEL_OPEN;
  const { words, bytes } = await hear(turns, { ...conversation, isRefusal });
  const gotThrough =
    words.some((word) => FROM_A_SERVER.includes(word)) ||
    (isTunnel ? words[1] === TUNNEL_OPEN : words[0] === TUNNEL_OPEN);
  return {
    answer: words.join(' '),
    reason: /^x-sallyport-reason: (\S+)/im.exec(bytes)?.[1],
    gotThrough,
  };
}
