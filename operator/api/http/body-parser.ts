// The body of a request: JSON, whatever curl calls it. Its "-d" without a header says that it is a form.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ApiError } from '../api-error.ts';
import { parseStrictJson } from './strict-json.ts';

/** 2,500 destinations have some 300 KB. */
export const MAX_BODY_BYTES = 2 * 1024 * 1024;

const JSON_TYPES = /^(?:application\/json|application\/x-www-form-urlencoded)\s*(?:;.*)?$/i;

export function installBodyParser(server: FastifyInstance): void {
  server.removeAllContentTypeParsers();
  const options = { parseAs: 'buffer', bodyLimit: MAX_BODY_BYTES } as const;
  server.addContentTypeParser('*', options, (request, body: Buffer, done) => {
    // R111: the page's example of DELETE has one.
    if (request.method === 'DELETE' || body.length === 0) return done(null, undefined);
    const fault = faultOfType(request);
    if (fault !== undefined) return done(fault);
    const parsed = parseStrictJson(body);
    if ('value' in parsed) return done(null, parsed.value);
    return done(new ApiError('MALFORMED_REQUEST', `Cannot read the body as JSON: ${parsed.fault}`));
  });
}

function faultOfType({ headers }: FastifyRequest): ApiError | undefined {
  const type = headers['content-type'] ?? '';
  if (type === '' || JSON_TYPES.test(type)) return undefined;
  return new ApiError('INVALID_REQUEST', `Cannot accept a body of type "${type}": send application/json`, {
    status: 415,
  });
}
