import { type AddressInfo, createServer, type Server } from 'node:net';
import { isPortFree, portProblem } from './port-probe.ts';

let server: Server;
let port: number;

beforeEach(async () => {
  server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});

test('portProblem() names the endpoint that another process has', async () => {
  expect(await portProblem('127.0.0.1', port)).toBe(
    `Cannot listen on "127.0.0.1:${port}": another process has this port, stop it or choose another port range`,
  );
  await new Promise((resolve) => server.close(resolve));
  expect(await portProblem('127.0.0.1', port)).toBeUndefined();
});

test('isPortFree() distinguishes loopback addresses', async () => {
  expect(await isPortFree('127.0.0.1', port)).toBe(false);
  expect(await isPortFree('127.0.0.7', port)).toBe(true);
  await new Promise((resolve) => server.close(resolve));
});

test('portProblem() says that an address is not of this machine', async () => {
  await new Promise((resolve) => server.close(resolve));
  expect(await portProblem('192.0.2.1', port)).toContain('this machine does not have the address');
});
