// What Node's own TLS client accepts is the truth about a chain.
import { webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import '../../lib/reflect-metadata.ts';
import { readGivenCertificate } from './given-certificate.ts';

const x509 = await import('@peculiar/x509');
const HOST = 'sallyport-collector.sallyport-system.svc';
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;

interface Issued {
  readonly pem: string;
  readonly name: string;
  readonly keys: webcrypto.CryptoKeyPair;
}

async function issue(name: string, issuer?: Issued): Promise<Issued> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const isLeaf = name === HOST;
  const certificate = await x509.X509CertificateGenerator.create(
    {
      ...{ subject: `CN=${name}`, issuer: `CN=${issuer?.name ?? name}`, signingAlgorithm: ALGORITHM },
      ...{ publicKey: keys.publicKey, signingKey: (issuer?.keys ?? keys).privateKey },
      ...{ notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + DAY_MS) },
      extensions: [
        new x509.BasicConstraintsExtension(!isLeaf, undefined, true),
        ...(isLeaf ? [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: HOST }])] : []),
      ],
    },
    webcrypto,
  );
  return { pem: `${certificate.toString('pem')}\n`, name, keys };
}

async function keyOf({ keys }: Issued): Promise<string> {
  const raw = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return x509.PemConverter.encode(raw, 'PRIVATE KEY');
}

async function isAcceptedByTls(cert: string, key: string, ca: string): Promise<boolean> {
  const server = createServer({ cert, key }, (socket) => socket.end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const socket = connect({ port, host: '127.0.0.1', servername: HOST, ca });
  const isAccepted = await once(socket, 'secureConnect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  server.close();
  return isAccepted;
}

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'certificate-'));
});

afterAll(() => rm(folder, { recursive: true }));

async function read(cert: string, key: string, ca: string, nowMs = Date.now()): Promise<string> {
  const files = { 'tls.crt': cert, 'tls.key': key, 'ca.crt': ca };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return readGivenCertificate({ directory: folder, host: HOST, nowMs }).then(
    () => 'accepted',
    ({ message }: Error) => message,
  );
}

test('a chain is accepted when a client that trusts its authority accepts it', async () => {
  const root = await issue('root');
  const middle = await issue('middle', root);
  const leaf = await issue(HOST, middle);
  const own = await issue(HOST);
  const stranger = await issue('root');
  const outcomes: string[] = [];
  for (const [cert, holder] of [
    [leaf.pem, leaf],
    [leaf.pem + middle.pem, leaf],
    [own.pem, own],
  ] as const)
    for (const ca of [root.pem, middle.pem, middle.pem + root.pem, stranger.pem, own.pem]) {
      const key = await keyOf(holder);
      const said = await read(cert, key, ca);
      const isAccepted = await isAcceptedByTls(cert, key, ca);
      outcomes.push(isAccepted ? 'accepted' : 'refused');
      expect(said).toMatch(isAccepted ? /^accepted$/ : /no root authority in "ca.crt" signed it/);
    }
  expect(outcomes.filter((one) => one === 'accepted')).toHaveLength(4);
});

test('what is wrong with a file is said', async () => {
  const [own, other] = [await issue(HOST), await issue('elsewhere.example')];
  const key = await keyOf(own);
  expect(await read(own.pem, key, 'none')).toContain('"ca.crt" has no certificate');
  expect(await read(other.pem, await keyOf(other), other.pem)).toContain(`it is not for "${HOST}"`);
  expect(await read(own.pem, key, own.pem, Date.now() + 2 * DAY_MS)).toContain('renew it');
  expect(await read(own.pem, await keyOf(other), own.pem)).toContain('Cannot use the certificate in');
  await rm(join(folder, 'ca.crt'));
  await expect(readGivenCertificate({ directory: folder, host: HOST, nowMs: Date.now() })).rejects.toThrow(
    'Cannot read "ca.crt" of the certificate',
  );
});
