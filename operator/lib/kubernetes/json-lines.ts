// A stream of bytes with one JSON value per line -> the values, as they come. A line that is not JSON, or incomplete at
// the end, is an error: a part must not be taken for the whole.
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';

/** So many bytes are parsed at once; then the event loop gets a turn. */
const TURN_BYTES = 256 * 1024;

export async function* jsonLines(body: AsyncIterable<Uint8Array>): AsyncIterable<unknown> {
  const decoder = new TextDecoder();
  let rest = '';
  let parsedBytes = 0;
  for await (const chunk of body) {
    const text = decoder.decode(chunk, { stream: true });
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line !== '') yield JSON.parse(line);
      parsedBytes += line.length;
      if (parsedBytes < TURN_BYTES) continue;
      parsedBytes = 0;
      await yieldToEventLoop();
    }
  }
  if (rest.trim() !== '') throw new Error('the stream ended in the middle of a line');
}
