// Every error of the server as Databricks' clients read it: JSON with a text as error_code, never empty.
import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply } from 'fastify';
import { ApiError } from '../api-error.ts';
import { Contended } from '../store/access-lock.ts';
import { MAX_BODY_BYTES } from './body-parser.ts';

/** `onFault` gets what is a fault of ours, whose text is not for the client. */
export function toApiError(error: unknown, onFault: (error: unknown) => void): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof Contended) return new ApiError('RESOURCE_CONFLICT', error.message);
  const { statusCode, message, code } = error as Partial<FastifyError>;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new ApiError('INVALID_REQUEST', `Cannot accept a body of more than ${MAX_BODY_BYTES} bytes`, {
      status: 413,
    });
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new ApiError('INVALID_REQUEST', message ?? 'Cannot accept this request', { status: statusCode });
  }
  onFault(error);
  return new ApiError(
    'INTERNAL_ERROR',
    'Cannot answer this request: the server has an error, which is in its log',
  );
}

export function sendError(reply: FastifyReply, error: ApiError): void {
  void reply.code(error.status).headers(error.headers).send(error.body());
}

const STATUSES: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};
const PHRASES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
};

/** What is no HTTP has no reply object, only its socket. */
export function answerNoHttp({ code = '' }: NodeJS.ErrnoException, socket: Socket): void {
  if (code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = STATUSES[code] ?? 400;
  const error = new ApiError('INVALID_REQUEST', `Cannot read this request (${code})`, { status });
  const body = JSON.stringify(error.body());
  socket.end(
    `HTTP/1.1 ${status} ${PHRASES[status]}\r\ncontent-type: application/json; charset=utf-8\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
