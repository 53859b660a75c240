// The body of a request, within limits that are checked before anything is parsed: JSON, packed by gzip or not.
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { MOST_BODY_BYTES } from '../wire/collector-wire.ts';
import { CollectorError } from './collector-error.ts';

const unpack = promisify(gunzip);
/** Unpacked at once: each further piece is a turn of another thread. */
const PIECE_BYTES = 1024 * 1024;

/** Throws a CollectorError. */
export async function readBody(
  bytes: Buffer,
  encoding: string | undefined,
  mostBytes = MOST_BODY_BYTES,
): Promise<unknown> {
  const plain = await plainBytes(bytes, encoding, mostBytes);
  try {
    return JSON.parse(plain.toString('utf8'));
  } catch (cause) {
    throw new CollectorError(400, 'Cannot read the body: it is no JSON', cause);
  }
}

export function tooLong(limit: number): CollectorError {
  return new CollectorError(413, `Cannot accept a body of more than ${limit} bytes: send less at once`);
}

async function plainBytes(bytes: Buffer, encoding: string | undefined, mostBytes: number): Promise<Buffer> {
  if (encoding === undefined || encoding === 'identity') {
    if (bytes.length > mostBytes) throw tooLong(mostBytes);
    return bytes;
  }
  if (encoding !== 'gzip')
    throw new CollectorError(415, `Cannot read encoding "${encoding}": send the body as it is, or as gzip`);
  try {
    return await unpack(bytes, { maxOutputLength: mostBytes, chunkSize: Math.min(PIECE_BYTES, mostBytes) });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLong(mostBytes);
    throw new CollectorError(400, 'Cannot read the body: it is no gzip', cause);
  }
}
