// Secrets and scopes that a real Envoy rejects while a probe asks a hundred times a second, as in rejected-faults.test.ts.
// The secrets are the product's own: a certificate of version 2 with the extensions of version 3 passes every check but
// Envoy's. Nothing that it renders makes Envoy reject a scope, so those are the test's. RUNS is how often.
import { X509Certificate } from 'node:crypto';
import { request } from 'node:http';
import { forEachKind, type Resources } from '../../operator/gateway/xds/resource-kind.ts';
import { type Certificate, certificateProblem } from '../../operator/model/certificate.ts';
import type { IngressPlan } from '../../operator/model/ingress-plan.ts';
import { ingressPlan } from '../fixtures/ingress-rules.ts';
import { type CertificateAuthority, createCertificateAuthority } from '../outside/certificates.ts';
import { FaultProbe, type Reached, type Watched } from '../support/envoy/fault-probe.ts';
import { FaultTable } from '../support/envoy/fault-table.ts';
import { visit } from '../support/envoy/ingress-client.ts';
import { IngressFixture } from '../support/envoy/ingress-fixture.ts';
import { XdsFixture } from '../support/envoy/xds-fixture.ts';
import { askingListener, resourceOf, type Surroundings, WIDTH } from '../support/envoy/xds-world.ts';
import { freePorts } from '../support/free-ports.ts';
import { until } from '../support/until.ts';

const RUNS = Number(process.env['RUNS'] ?? 0);
const TIMES = Math.max(1, Math.ceil(RUNS / 10));
const LIMIT_MS = 120_000 + TIMES * 60_000;

const table = new FaultTable();
let authority: CertificateAuthority;

beforeAll(async () => {
  authority = await createCertificateAuthority();
});

afterAll(() => {
  if (RUNS > 0) process.stderr.write(table.text);
});

async function whileProbed<Asked extends Watched>(
  probe: FaultProbe<Asked>,
  fault: string,
  happens: () => Promise<void>,
): Promise<void> {
  await happens();
  await probe.settled();
  await probe.asked();
  table.add(fault, probe.take());
  expect(probe.faults).toEqual([]);
}

describe('secrets', () => {
  const CLIENTS = ['127.0.0.1', '127.0.0.2', '127.0.0.3'];
  const HOSTS = ['lab.example', 'neighbour.example'];
  let fixture: IngressFixture;
  let probe: FaultProbe;
  let edition = 0;

  beforeAll(async () => {
    fixture = await IngressFixture.start();
    await fixture.apply(plans(), { certificates: await certificates() });
    const watched = HOSTS.flatMap((name) => CLIENTS.map((way) => ({ name, workspace: 'https', way })));
    probe = new FaultProbe(watched, reach);
    wantEdition();
    await probe.settled();
  }, 60_000);

  afterAll(async () => {
    await probe.stop();
    await fixture.stop();
  });

  async function reach({ name: host, way: from }: Watched): Promise<Reached> {
    const at = `127.0.0.1:${fixture.settings.tlsPort}`;
    const { status, text } = await visit({ at, host, from, ca: authority.caPem });
    return { isReached: status === 200, why: `${status} ${text}` };
  }

  /** The first client always is allowed, of the others one. */
  const allowedClients = (): string[] => [CLIENTS[0] ?? '', CLIENTS[1 + (edition % 2)] ?? ''];

  function wantEdition(): void {
    probe.want(({ way }) => allowedClients().includes(way));
  }

  function plans(...more: readonly string[]): readonly IngressPlan[] {
    const list = {
      label: 'l',
      listType: 'ALLOW',
      mode: 'ENFORCED',
      enabled: true,
      listId: 'offices',
    } as const;
    const lists = [{ ...list, ipAddresses: allowedClients() }];
    return ['lab', 'neighbour', ...more].map((name) => ingressPlan(name, { lists, revision: `r${edition}` }));
  }

  /** Each is another one in each edition, since text around a certificate counts for nothing. */
  async function certificates(): Promise<Map<string, Certificate>> {
    const made = HOSTS.map(async (host) => {
      const { cert, key } = await authority.leafFor(host);
      const certificate = { certificateChain: `edition ${edition}\n${cert}`, privateKey: key };
      return [host.replace('.example', ''), certificate] as const;
    });
    return new Map(await Promise.all(made));
  }

  async function oddCertificate(host: string): Promise<Certificate> {
    const { cert, key } = await authority.leafFor(host);
    const bytes = Buffer.from(new X509Certificate(cert).raw);
    const version = bytes.indexOf(Buffer.from([0xa0, 3, 2, 1, 2]));
    bytes[version + 4] = 1;
    const lines = `edition ${edition}\n-----BEGIN CERTIFICATE-----\n${bytes.toString('base64')}\n-----END CERTIFICATE-----\n`;
    const odd = { certificateChain: lines.replaceAll(/\S{64}/g, '$&\n'), privateKey: key };
    expect(certificateProblem(odd)).toBeUndefined();
    return odd;
  }

  test.each([
    ['of a workspace that has one', 'lab', []],
    ['of a new workspace', 'new', ['new']],
  ] as const)(
    'a certificate %s',
    async (which, owner, more) => {
      for (let time = 0; time < TIMES; time += 1) {
        await whileProbed(probe, `rejected: certificate ${which}`, async () => {
          edition += 1;
          wantEdition();
          const odd = await oddCertificate(`${owner}.example`);
          const all = new Map([...(await certificates()), [owner, odd]]);
          const heldBack = await fixture.offer(plans(...more), { certificates: all });
          const isFormer = owner === 'lab';
          expect(heldBack).toContainEqual(expect.objectContaining({ kind: 'secret', isFormer }));
          await probe.settled();
          await probe.asked();
          edition += 1;
          wantEdition();
          await fixture.apply(plans(), { certificates: await certificates() });
        });
      }
    },
    LIMIT_MS,
  );
});

describe('scopes', () => {
  let around: Surroundings;
  let fixture: XdsFixture;
  let probe: FaultProbe;
  const editions = [0, 0];

  beforeAll(async () => {
    around = { ports: await freePorts(WIDTH + 1), leaf: await authority.leafFor('app.example.com') };
    fixture = await XdsFixture.make();
    await fixture.applier.apply(world());
    await fixture.envoy.start();
    expect((await fixture.applier.apply(world())).result).toEqual({ status: 'applied' });
    // The keys of scopes, which change from edition to edition.
    const watched = ['0 0', '0 1', '1 0', '1 1'].map((name) => ({ name, workspace: 'scope', way: 'http' }));
    probe = new FaultProbe(watched, reach);
    wantEditions();
    await probe.settled();
  }, 60_000);

  afterAll(async () => {
    await probe.stop();
    await fixture.remove();
  });

  function reach({ name }: Watched): Promise<Reached> {
    return new Promise((resolve) => {
      const headers = { 'x-scope': name };
      const asked = request({ host: '127.0.0.1', port: around.ports[WIDTH], headers, agent: false });
      asked.on('response', (response) => {
        response.resume();
        resolve({ isReached: response.statusCode === 200, why: `${response.statusCode}` });
      });
      asked.on('error', (error) => resolve({ isReached: false, why: error.message }));
      asked.end();
    });
  }

  function wantEditions(): void {
    probe.want(({ name }) => editions.some((edition, at) => name === `${at} ${edition}`));
  }

  /** `rejected`: the scope whose wanted version Envoy rejects. */
  function world(rejected?: number): Resources {
    const scopes = editions.map((edition, at) => {
      const health = at === rejected ? 'rejected' : 'good';
      return resourceOf({ kind: 'scope', at }, { health, edition }, around);
    });
    const routes = editions.map((_edition, at) =>
      resourceOf({ kind: 'route', at }, { health: 'good', edition: 1 }, around),
    );
    return { ...forEachKind(() => []), scope: scopes, route: routes, listener: [askingListener(around)] };
  }

  test(
    'a scope',
    async () => {
      for (let time = 0; time < TIMES; time += 1) {
        const rejected = time % 2;
        const other = 1 - rejected;
        await whileProbed(probe, 'rejected: a scope', async () => {
          // The rejected one has no key at all: the former one stays.
          editions[other] = 1 - (editions[other] ?? 0);
          wantEditions();
          const { result } = await fixture.applier.apply(world(rejected));
          const heldBack = [{ kind: 'scope', name: `scope/${rejected}`, isFormer: true }];
          expect(result).toMatchObject({ status: 'heldBack', heldBack });
          await probe.settled();
          await probe.asked();
          editions[rejected] = 1 - (editions[rejected] ?? 0);
          wantEditions();
          await until('all is in force', async () => {
            return (await fixture.applier.apply(world())).result.status === 'applied';
          });
        });
      }
    },
    LIMIT_MS,
  );
});
