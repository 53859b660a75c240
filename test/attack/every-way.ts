// One host, asked for on every way through the gateway: by CONNECT, in absolute form, by SNI, by Host.
// In: the host and the expected result. Out: a case per way.
import type { Reason } from '../../operator/model/reason.ts';
import { helloFor } from '../outside/client-hello.ts';
import { type AttackCase, attack, denied, type Wanted } from './attack-case.ts';
import { absolute, connect, http, tls } from './senders.ts';

export type Way = 'CONNECT' | 'absolute form' | 'SNI' | 'Host';

export interface Asked {
  readonly number: string;
  readonly title: string;
  /** As it is sent. */
  readonly host: string;
  /** The server that answers; or why none does, and what the row calls the destination (the host unless given). */
  readonly reaches?: string;
  readonly reason?: Reason;
  readonly destination?: string;
}

const ALL_WAYS: readonly Way[] = ['CONNECT', 'absolute form', 'SNI', 'Host'];

export function everyWay(asked: Asked, ways: readonly Way[] = ALL_WAYS): readonly AttackCase[] {
  const { number, title } = asked;
  return ways.map((way) =>
    attack(number, `${title}, by ${way}`, sentBy(way, asked.host), wantedOf(asked, way)),
  );
}

function sentBy(way: Way, host: string) {
  switch (way) {
    case 'CONNECT':
      return connect(`${host}:443`);
    case 'absolute form':
      return absolute(`http://${host}/`);
    case 'SNI':
      return tls(helloFor(host));
    case 'Host':
      return http(host);
  }
}

/** What a client sees that is let through, and one that is not. */
const ANSWERS: Readonly<Record<Way, readonly [yes: string, no: string]>> = {
  CONNECT: ['200 hello', '403'],
  'absolute form': ['200', '403'],
  SNI: ['hello', 'closed'],
  Host: ['200', '403'],
};

function wantedOf({ host, reaches, reason, destination = host }: Asked, way: Way): Wanted {
  const [yes, no] = ANSWERS[way];
  if (reason === undefined)
    return { verdict: 'A', answer: yes, reaches: reaches === undefined ? [] : [reaches] };
  const port = way === 'CONNECT' || way === 'SNI' ? 443 : 80;
  return denied(reason, { destination, port }, no);
}
