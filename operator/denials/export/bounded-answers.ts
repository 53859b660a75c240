// Answers of a bucket -> answers that are short and come soon, but for the object that a GET asks for, which is streamed to
// disk. An error is a few hundred bytes; whoever sends more says nothing that could be read.
import { Readable } from 'node:stream';

export interface BucketAnswer {
  readonly statusCode: number;
  body?: unknown;
}

const MOST_BYTES = 64 * 1024;
const MOST_MS = 30_000;

/** Replaces the body by one that is in memory: empty where it is longer, or not whole in time. */
export async function boundAnswer(answer: BucketAnswer, mostMs = MOST_MS): Promise<void> {
  const { body } = answer;
  if (!(body instanceof Readable)) return;
  const timer = setTimeout(() => body.destroy(new Error('the answer does not end')), mostMs);
  try {
    answer.body = Readable.from([await shortBody(body)]);
  } finally {
    clearTimeout(timer);
  }
}

async function shortBody(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += (chunk as Buffer).length;
    // Leaving the loop ends the stream and its connection.
    if (bytes > MOST_BYTES) return Buffer.alloc(0);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}
