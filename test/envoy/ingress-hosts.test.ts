// A host is the same in small and capital letters, by plain HTTP too: whoever writes it in another case reaches the
// same workspace, and meets the same lists.
import fc from 'fast-check';
import type { InboundLine } from '../../operator/model/inbound-line.ts';
import { ingressPlan, someRules } from '../fixtures/ingress-rules.ts';
import type { HttpResponse } from '../outside/http-exchange.ts';
import { IngressFixture, seenBy } from '../support/envoy/ingress-fixture.ts';

const SEED = Number(process.env['SEED'] ?? 13);
const RUNS = Number(process.env['RUNS'] ?? 150);

const HOSTS = ['app-1.eu.example', 'xn--bcher-kva.example', 'a.example', 'a.a.example', '1.example'];
const NOBODYS = ['example', 'b.example', 'a.example.example'];
const CLIENTS = ['127.0.0.1', '127.0.0.9', '127.0.0.10'];

const someCase = fc
  .tuple(
    fc.constantFrom(...HOSTS, ...NOBODYS),
    fc.constantFrom('', '.'),
    fc.constantFrom('', ':80', ':8080', ':x'),
  )
  .chain(([host, dot, port]) =>
    fc.record({
      lower: fc.constant(`${host}${dot}${port}`),
      asWritten: fc.mixedCase(fc.constant(host)).map((written) => `${written}${dot}${port}`),
      from: fc.constantFrom(...CLIENTS),
      isAbsolute: fc.boolean(),
    }),
  );
const cases = fc.sample(someCase, { seed: SEED, numRuns: RUNS });

let fixture: IngressFixture;
beforeAll(async () => {
  fixture = await IngressFixture.start();
  const rules = fc.sample(someRules, { seed: SEED, numRuns: HOSTS.length });
  await fixture.apply(HOSTS.map((host, at) => ingressPlan(`w${at}`, { ...rules[at], hosts: [host] })));
});
afterAll(() => fixture.stop());

function outcomeOf(line: InboundLine | undefined) {
  return [line?.workspace, line?.enforced, line?.shadow, line?.code];
}

type Case = (typeof cases)[number];

function ask({ from, isAbsolute }: Case, authority: string, path: string) {
  if (!isAbsolute) return fixture.ask({ host: authority, path, from });
  return fixture.ask({ host: 'elsewhere.example', path: `http://${authority}${path}`, from });
}

function told(answer: HttpResponse | undefined) {
  return [answer?.status, answer?.headers['x-sallyport-reason']];
}

test('in whatever case a host is written, the workspace and the verdict are the same', async () => {
  const logged: (readonly [string, string])[] = [];
  for (const [at, one] of cases.entries()) {
    const paths = [`/${at}/lower`, `/${at}/written`] as const;
    const lower = await ask(one, one.lower, paths[0]);
    const written = await ask(one, one.asWritten, paths[1]);
    expect({ ...one, told: told(written) }).toEqual({ ...one, told: told(lower) });
    // A malformed target is nowhere in the log.
    if (lower?.status !== 400) logged.push(paths);
    expect(seenBy(written)?.headers['host']).toBe(seenBy(lower)?.headers['host']);
  }
  const lines = await fixture.lines(logged.flat());
  for (const [lower, written] of logged) {
    expect(outcomeOf(lines.get(written))).toEqual(outcomeOf(lines.get(lower)));
  }
  const statuses = [...lines.values()].map(({ code }) => code);
  expect(statuses).toEqual(expect.arrayContaining([200, 403, 404]));
});

test('one connection asks for hosts of several workspaces, in any case', async () => {
  const kept = await Promise.all(['A.Example', 'a.eXample'].map((host) => fixture.keepAlive(host)));
  const expected = (await fixture.ask({ host: 'a.example' }))?.status;
  for (const connection of [...kept, ...kept]) expect(await connection.ask()).toBe(expected);
  for (const connection of kept) connection.close();
});
