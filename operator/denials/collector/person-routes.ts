// What people ask the collector by HTTP: queries, and a backup. Who asks, and what they may read, is known before a body is.
import { fstatSync, type ReadStream } from 'node:fs';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import {
  BACKUP_PATH,
  BACKUP_TYPE,
  MOST_QUERY_BYTES,
  PARQUET_TYPE,
  QUERY_PATH,
} from '../wire/collector-wire.ts';
import type { AdmitPerson, Asker } from './admit-person.ts';
import type { AnswerBackup } from './answer-backup.ts';
import type { AnswerQuery } from './answer-query.ts';
import type { Caller, PersonCaller } from './caller.ts';
import { CollectorError } from './collector-error.ts';
import { readBody } from './read-body.ts';

export interface PersonAnswers {
  readonly admitPerson: AdmitPerson;
  readonly answerQuery: AnswerQuery;
  readonly answerBackup: AnswerBackup;
}

/** Of requests. */
export interface KnownCallers {
  /** As it was when the request came. */
  readonly then: (request: FastifyRequest) => Caller | undefined;
  /** Throws a CollectorError where nobody knows the caller any more. */
  readonly now: (request: FastifyRequest) => Promise<Caller>;
}

const JSON_TYPE = 'application/json; charset=utf-8';
/** An answer that is not sent by then takes memory or disk for somebody who does not read it. */
const SENDING_MS = 60_000;
const LEAST_BYTES_PER_MS = 500;

export function addPersonRoutes(
  server: Pick<FastifyInstance, 'route'>,
  callers: KnownCallers,
  { admitPerson, answerQuery, answerBackup }: PersonAnswers,
): void {
  const askers = new WeakMap<FastifyRequest, Asker>();
  const onRequest = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const person = personOf(callers.then(request));
    const again = async (): Promise<PersonCaller> => personOf(await callers.now(request));
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    askers.set(request, await admitPerson(person, gone.signal, again));
  };
  const askerOf = (request: FastifyRequest): Asker => askers.get(request) as Asker;
  server.route({
    method: 'POST',
    url: QUERY_PATH,
    bodyLimit: MOST_QUERY_BYTES,
    onRequest,
    handler: async (request, reply) => {
      const encoding = request.headers['content-encoding'];
      const body = await readBody(request.body as Buffer, encoding, MOST_QUERY_BYTES);
      const answer = await answerQuery(askerOf(request), body);
      const isError = 'file' in answer ? answer.isError : 'error' in answer;
      const isParquet = 'file' in answer && answer.format === 'parquet';
      reply.code(isError ? 400 : 200).type(isParquet ? PARQUET_TYPE : JSON_TYPE);
      return 'file' in answer ? sendFile(reply, answer.file) : sendText(reply, JSON.stringify(answer));
    },
  });
  server.route({
    method: 'GET',
    url: BACKUP_PATH,
    onRequest,
    handler: async (request, reply) =>
      sendFile(reply.type(BACKUP_TYPE), await answerBackup(askerOf(request))),
  });
}

/** It has no name any more: what it takes of the disk is given back when it is closed. */
function sendFile(reply: FastifyReply, file: ReadStream): FastifyReply {
  if (reply.raw.destroyed) file.destroy();
  endSending(reply, fstatSync((file as ReadStream & { readonly fd: number }).fd).size);
  return reply.send(file);
}

function sendText(reply: FastifyReply, text: string): FastifyReply {
  endSending(reply, text.length);
  return reply.send(text);
}

function endSending(reply: FastifyReply, bytes: number): void {
  // Its end has been, and would not be heard of.
  if (reply.raw.destroyed) return;
  const timer = setTimeout(() => reply.raw.destroy(), SENDING_MS + bytes / LEAST_BYTES_PER_MS);
  reply.raw.once('close', () => clearTimeout(timer));
}

function personOf(caller: Caller | undefined): PersonCaller {
  if (caller?.kind === 'person') return caller;
  throw new CollectorError(403, 'Cannot answer a gateway: queries are for people');
}
