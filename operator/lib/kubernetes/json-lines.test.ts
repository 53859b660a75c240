import { jsonLines } from './json-lines.ts';

async function* chunksOf(bytes: Uint8Array, size: number): AsyncIterable<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

async function read(text: string, chunkSize: number): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const value of jsonLines(chunksOf(Buffer.from(text), chunkSize))) values.push(value);
  return values;
}

describe('jsonLines()', () => {
  it.each([1, 2, 3, 1000])('reads lines that come in chunks of %d bytes', async (size) => {
    expect(await read('{"a":"ä€😀"}\n\n[2]\n', size)).toEqual([{ a: 'ä€😀' }, [2]]);
  });

  it('takes a part of a line for an error', async () => {
    await expect(read('{"a":1}\n{"b":', 4)).rejects.toThrow('in the middle of a line');
    await expect(read('{"a":\n', 4)).rejects.toThrow(SyntaxError);
  });

  it('lets others have their turn in a long stream', async () => {
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
    }, 0);
    await read(`${JSON.stringify('x'.repeat(1000))}\n`.repeat(20_000), 1 << 30);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(5);
  });
});
