import { formatHostPort, parseHostPort } from './host-port.ts';

test.each([
  ['192.0.2.53', 53],
  ['2001:db8::53', 5353],
  ['localhost', 65_535],
])('parseHostPort() reads what formatHostPort() wrote of %s and %i', (host, port) => {
  expect(parseHostPort(formatHostPort(host, port))).toEqual({ host, port });
});

test.each([
  ['192.0.2.53', { host: '192.0.2.53', port: undefined }],
  ['2001:db8::53', { host: '2001:db8::53', port: undefined }],
  ['[2001:db8::53]', { host: '2001:db8::53', port: undefined }],
  ['192.0.2.53:x', { host: '192.0.2.53:x', port: undefined }],
  ['', { host: '', port: undefined }],
])('parseHostPort() of "%s"', (text, found) => {
  expect(parseHostPort(text)).toEqual(found);
});
