// Forwards questions to other name servers: those of dry-run lanes, and those for endpoints of Services. One question
// is sent once, however many wait for it, and its answer is cached for its TTL. Never rejects.
import { randomInt } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { askNameServer, type NameServer, type SentQuery } from './ask-name-server.ts';
import { HEADER_BYTES, TYPE } from './dns-codes.ts';
import type { DnsQuery } from './dns-query.ts';
import { EDNS_BYTES, type ResponseBody } from './dns-response.ts';
import { readEndpoints } from './endpoint-answer.ts';
import { agedBody, type ForwardedAnswer, NO_ANSWER, readForwarded } from './forwarded-answer.ts';

interface NameServers {
  readonly outside: readonly NameServer[];
  readonly cluster: readonly NameServer[];
}

/** For endpoints the cluster's server is asked, and only they are passed on of its answer. */
export type ForwardTarget = keyof NameServers | 'endpoints';

export interface NameForwarderOptions extends NameServers {
  /** Whether an endpoint may have this address. */
  readonly isInside: (address: string) => boolean;
}

interface Kept {
  readonly answer: ForwardedAnswer;
  readonly atMs: number;
}

/** Shorter in all than the five seconds after which clients ask again. */
const TIMEOUT_MS = 1500;
const ATTEMPTS = 3;
const MAX_KEPT = 10_000;
const MAX_WAITING = 512;
const RECURSION_DESIRED = 0x01;

export class NameForwarder {
  readonly #options: NameForwarderOptions;
  readonly #kept = new LRUCache<string, Kept>({ max: MAX_KEPT });
  readonly #waiting = new Map<string, Promise<ResponseBody>>();

  constructor(options: NameForwarderOptions) {
    this.#options = options;
  }

  /** At once where the answer is known. */
  ask(to: ForwardTarget, query: DnsQuery, nowMs: number): ResponseBody | Promise<ResponseBody> {
    const key = `${to} ${query.type} ${query.name}`;
    const kept = this.#kept.get(key);
    const ageSeconds = kept === undefined ? 0 : Math.floor(Math.max(0, nowMs - kept.atMs) / 1000);
    if (kept !== undefined && ageSeconds < kept.answer.ttlSeconds) return agedBody(kept.answer, ageSeconds);
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) return waiting;
    if (this.#waiting.size >= MAX_WAITING) return NO_ANSWER.body;
    const asked = this.#askAll(to, query).then((answer) => {
      this.#waiting.delete(key);
      if (answer.ttlSeconds > 0) this.#kept.set(key, { answer, atMs: nowMs });
      return answer.body;
    });
    this.#waiting.set(key, asked);
    return asked;
  }

  /** One server after the other, and the first ones again, until one answers. */
  async #askAll(to: ForwardTarget, query: DnsQuery): Promise<ForwardedAnswer> {
    const { isInside, ...lists } = this.#options;
    const servers = lists[to === 'endpoints' ? 'cluster' : to];
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const server = servers[attempt % servers.length];
      if (server === undefined) break;
      try {
        const sent = queryOf(query);
        const bytes = await askNameServer(server, sent, TIMEOUT_MS);
        const answer =
          to === 'endpoints' ? readEndpoints(bytes, query, isInside) : readForwarded(bytes, sent.questionEnd);
        if (answer !== undefined) return answer;
      } catch {
        // The next one may answer.
      }
    }
    return NO_ANSWER;
  }
}

/** Nothing of the client's query but its question, in lower case; id and EDNS are ours. */
function queryOf({ bytes, questionEnd }: DnsQuery): SentQuery {
  const option = Buffer.alloc(11);
  option.writeUInt16BE(TYPE.OPT, 1);
  option.writeUInt16BE(EDNS_BYTES, 3);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(randomInt(0x1_0000), 0);
  header[2] = RECURSION_DESIRED;
  header[5] = 1;
  header[11] = 1;
  return { bytes: Buffer.concat([header, lowerCase(bytes, questionEnd), option]), questionEnd };
}

/** The question; only its name has letters. */
function lowerCase(bytes: Buffer, questionEnd: number): Buffer {
  const question = Buffer.from(bytes.subarray(HEADER_BYTES, questionEnd));
  const nameEnd = question.length - 4;
  for (let at = 0; at < nameEnd; at++) {
    const byte = question[at] ?? 0;
    // A label is shorter than any letter's code, so lengths stay what they are.
    if (byte >= 0x41 && byte <= 0x5a) question[at] = byte + 0x20;
  }
  return question;
}
