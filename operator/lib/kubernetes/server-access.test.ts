import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serverAccess } from './server-access.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sallyport-account-'));
  await writeFile(join(directory, 'ca.crt'), 'authority');
  await writeFile(join(directory, 'token'), 'first\n');
});
afterEach(() => rm(directory, { recursive: true }));

const podServer = 'https://10.0.0.1:6443';
const ASK = "Cannot find out how to reach the API server from the pod's service account: name a kubeconfig";

test('a token and an authority that were replaced are read', async () => {
  const { server, credentials } = await serverAccess({ podServer }, directory);
  expect(server.origin).toBe(podServer);
  expect(await credentials()).toEqual({
    headers: { authorization: 'Bearer first' },
    ca: Buffer.from('authority'),
  });
  await writeFile(join(directory, 'token'), 'second');
  await writeFile(join(directory, 'ca.crt'), 'other');
  expect(await credentials()).toEqual({
    headers: { authorization: 'Bearer second' },
    ca: Buffer.from('other'),
  });
});

test('anonymous, it sends no token', async () => {
  const { credentials } = await serverAccess({ podServer, isAnonymous: true }, directory);
  expect(await credentials()).toEqual({ headers: {}, ca: Buffer.from('authority') });
});

test('outside of a pod, or without its files, it asks for a kubeconfig', async () => {
  await expect(serverAccess({}, directory)).rejects.toThrow(ASK);
  await rm(join(directory, 'token'));
  await expect(serverAccess({ podServer }, directory)).rejects.toThrow(ASK);
});

test('a kubeconfig without a cluster is named', async () => {
  const kubeconfig = join(directory, 'kubeconfig');
  await writeFile(kubeconfig, '{}');
  await expect(serverAccess({ kubeconfig })).rejects.toThrow(`kubeconfig "${kubeconfig}"`);
});
