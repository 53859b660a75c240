import { PassThrough } from 'node:stream';
import { ByteReader } from './byte-reader.ts';
import { formatRequestHead, mergeHeaders, readResponse } from './http-exchange.ts';

function readerOf(...pieces: readonly string[]): ByteReader {
  const stream = new PassThrough();
  const reader = new ByteReader(stream);
  for (const piece of pieces) stream.write(piece);
  stream.end();
  return reader;
}

test('formatRequestHead() writes one line for each value of a header', () => {
  const head = formatRequestHead({
    method: 'GET',
    target: 'http://a/',
    version: '1.1',
    headers: { Host: ['a', 'b'] },
  });
  expect(head).toBe('GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n');
});

test('mergeHeaders() replaces our own header by one in another spelling', () => {
  expect(mergeHeaders({ Host: 'ours', Accept: '*/*' }, { host: 'theirs' })).toEqual({
    Accept: '*/*',
    host: 'theirs',
  });
});

describe('readResponse()', () => {
  test('reads a body of the announced length, however the bytes are split', async () => {
    const reader = readerOf('HTTP/1.1 200 OK\r', '\nContent-Le', 'ngth: 5\r\n\r\nhel', 'lo and more');
    await expect(readResponse(reader, 'GET')).resolves.toMatchObject({ status: 200, body: 'hello' });
  });

  test('reads chunks and skips the trailer', async () => {
    const head = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';
    const reader = readerOf(head, '3\r\nabc\r\n', '2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n');
    await expect(readResponse(reader, 'GET')).resolves.toMatchObject({ body: 'abcde' });
  });

  test('reads to the end where no length is announced', async () => {
    const reader = readerOf('HTTP/1.0 403 Forbidden\r\nX-A: 1\r\nX-A: 2\r\n\r\n', 'no', 'pe');
    await expect(readResponse(reader, 'GET')).resolves.toEqual({
      status: 403,
      headers: { 'x-a': '1, 2' },
      body: 'nope',
    });
  });

  test('skips an informational response', async () => {
    const reader = readerOf('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n');
    await expect(readResponse(reader, 'GET')).resolves.toMatchObject({ status: 204, body: '' });
  });

  test('rejects an answer that breaks off', async () => {
    const reader = readerOf('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe');
    await expect(readResponse(reader, 'GET')).rejects.toMatchObject({ code: 'ENDED' });
  });

  test('rejects what is no HTTP and quotes it', async () => {
    await expect(readResponse(readerOf('SSH-2.0-x\r\n'), 'GET')).rejects.toThrow('"SSH-2.0-x\\r\\n"');
  });
});
