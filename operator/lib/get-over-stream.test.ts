import { createServer } from 'node:http';
import { Duplex } from 'node:stream';
import { getOverStream } from './get-over-stream.ts';

const ASK = { host: 'collector', path: '/metrics', timeoutMs: 5000 };

/** The ends of a connection that is no socket. */
function streams(): readonly [Duplex, Duplex] {
  const ends: Duplex[] = [];
  for (const at of [0, 1])
    ends.push(
      new Duplex({
        read() {},
        write(chunk, _encoding, done) {
          ends[1 - at]?.push(chunk);
          done();
        },
        final(done) {
          ends[1 - at]?.push(null);
          done();
        },
      }),
    );
  return ends as unknown as readonly [Duplex, Duplex];
}

test('asks over a stream that is no socket', async () => {
  const [near, far] = streams();
  const server = createServer(({ url, headers }, response) => response.end(`${url} of ${headers.host}`));
  server.emit('connection', far);
  expect(await getOverStream(near, ASK)).toBe('/metrics of collector');
});

test('does not wait for ever', async () => {
  const [near] = streams();
  await expect(getOverStream(near, { ...ASK, timeoutMs: 50 })).rejects.toThrow('it does not answer');
});
