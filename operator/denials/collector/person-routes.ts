// What people ask the collector by HTTP: queries, and a backup.
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { BACKUP_PATH, BACKUP_TYPE, PARQUET_TYPE, QUERY_PATH } from '../wire/collector-wire.ts';
import type { AnswerBackup } from './answer-backup.ts';
import type { AnswerQuery } from './answer-query.ts';
import type { Caller, PersonCaller } from './caller.ts';
import { CollectorError } from './collector-error.ts';
import { readBody } from './read-body.ts';

export interface PersonAnswers {
  readonly answerQuery: AnswerQuery;
  readonly answerBackup: AnswerBackup;
}

const JSON_TYPE = 'application/json; charset=utf-8';

export function addPersonRoutes(
  server: Pick<FastifyInstance, 'route'>,
  callers: WeakMap<FastifyRequest, Caller>,
  { answerQuery, answerBackup }: PersonAnswers,
): void {
  server.route({
    method: 'POST',
    url: QUERY_PATH,
    handler: async (request, reply) => {
      const caller = personOf(callers, request);
      const gone = new AbortController();
      reply.raw.once('close', () => gone.abort());
      const body = await readBody(request.body as Buffer, request.headers['content-encoding']);
      const answer = await answerQuery(caller, body, gone.signal);
      if (answer instanceof Readable) return reply.type(PARQUET_TYPE).send(answer);
      const status = ('json' in answer ? answer.isError : 'error' in answer) ? 400 : 200;
      return reply
        .code(status)
        .type(JSON_TYPE)
        .send('json' in answer ? answer.json : answer);
    },
  });
  server.route({
    method: 'GET',
    url: BACKUP_PATH,
    handler: async (request, reply) =>
      reply.type(BACKUP_TYPE).send(await answerBackup(personOf(callers, request))),
  });
}

function personOf(callers: WeakMap<FastifyRequest, Caller>, request: FastifyRequest): PersonCaller {
  const caller = callers.get(request);
  if (caller?.kind === 'person') return caller;
  throw new CollectorError(403, 'Cannot answer a gateway: queries are for people');
}
