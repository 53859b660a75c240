// A changed list: the next request on an open connection meets it, long streams of that workspace end within seconds
// where access became narrower, and nobody else notices.
import { narrowsIngress } from '../../operator/compile/ingress/narrows-ingress.ts';
import type { IngressRules } from '../../operator/model/ingress-plan.ts';
import { ingressPlan } from '../fixtures/ingress-rules.ts';
import { IngressFixture } from '../support/envoy/ingress-fixture.ts';

const CLIENT = '127.0.0.1';
const COLLEAGUE = '127.0.0.2';

let fixture: IngressFixture;
beforeAll(async () => {
  fixture = await IngressFixture.start();
});
afterAll(() => fixture.stop());

function allowing(...ipAddresses: string[]): IngressRules {
  const list = { label: 'l', listType: 'ALLOW', mode: 'ENFORCED', enabled: true } as const;
  return { enableIpAccessLists: true, lists: [{ ...list, listId: 'offices', ipAddresses }] };
}

const BEFORE = allowing(CLIENT, COLLEAGUE);
const NARROWER = allowing(COLLEAGUE);

/** "lab" as given, beside a neighbour that stays as it is. */
async function deploy(rules: IngressRules, generation: number): Promise<void> {
  const plans = [
    ingressPlan('lab', { ...rules, revision: `r${generation}` }),
    ingressPlan('neighbour', BEFORE),
  ];
  await fixture.apply(plans, { generations: new Map([['lab', generation]]) });
}

test('a client that loses access: its next request is denied, its stream ends, others go on', async () => {
  await deploy(BEFORE, 0);
  expect(narrowsIngress(BEFORE, NARROWER)).toBe(true);
  const kept = await fixture.keepAlive('lab.example', CLIENT);
  const neighbour = await fixture.keepAlive('neighbour.example', CLIENT);
  expect([await kept.ask(), await neighbour.ask()]).toEqual([200, 200]);
  const [own, other] = await Promise.all(
    ['lab.example', 'neighbour.example'].map((host) => fixture.webSocket(host, CLIENT)),
  );
  expect([await own?.echo('one'), await other?.echo('two')]).toEqual(['one', 'two']);

  const download = await fixture.endless('lab.example', CLIENT);

  const requests = shortRequests(() => fixture.ask({ host: 'lab.example', from: COLLEAGUE }));
  await deploy(NARROWER, 1);
  expect(await kept.ask()).toBe(403);
  const next = await fixture.webSocket('lab.example', COLLEAGUE);
  expect(await next.echo('at once')).toBe('at once');
  await Promise.all([own?.closed, download.closed]);
  expect(new Set(await requests.stop())).toEqual(new Set([200]));
  expect(await other?.echo('still here')).toBe('still here');
  expect(await next.echo('and here')).toBe('and here');
  expect(await neighbour.ask()).toBe(200);
  for (const { close } of [kept, neighbour, next]) close();
  other?.close();
});

test('where generations begin anew, as after a damaged file of them, all streams of before end', async () => {
  await deploy(BEFORE, 1);
  const [own, other] = await Promise.all(
    ['lab.example', 'neighbour.example'].map((host) => fixture.webSocket(host, CLIENT)),
  );
  const download = await fixture.endless('lab.example', CLIENT);
  expect(await own?.echo('one')).toBe('one');
  await deploy(NARROWER, Date.now());
  await Promise.all([own?.closed, download.closed]);
  const next = await fixture.webSocket('lab.example', COLLEAGUE);
  expect([await next.echo('at once'), await other?.echo('still here')]).toEqual(['at once', 'still here']);
  next.close();
  other?.close();
});

test('an upgrade passes on no word that removes headers on the way', async () => {
  await deploy(BEFORE, 1);
  for (const connection of ['Upgrade', 'Upgrade, X-Forwarded-For', 'x-real-ip, upgrade, keep-alive']) {
    const stream = await fixture.webSocket('lab.example', CLIENT, connection).catch(() => undefined);
    if (stream?.status === 101) expect(stream.connectionSeen).toBe('upgrade');
    else expect(connection).not.toBe('Upgrade');
    stream?.close();
  }
  const headers = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'];
  expect((await fixture.ask({ host: 'lab.example', headers }))?.status).toBe(200);
});

test('a host that two plans name for a moment belongs to the first, and closes nobody else', async () => {
  const plans = [
    ingressPlan('lab', BEFORE),
    ingressPlan('thief', { ...BEFORE, hosts: ['lab.example', 'thief.example'] }),
  ];
  await fixture.apply(plans, { generations: new Map([['lab', 1]]) });
  const reached = async (host: string) =>
    (await fixture.lines([`/at-${host}`])).get(`/at-${host}`)?.workspace;
  for (const host of ['lab.example', 'thief.example']) await fixture.ask({ host, path: `/at-${host}` });
  expect([await reached('lab.example'), await reached('thief.example')]).toEqual(['lab', 'thief']);
});

test('a list that gets wider closes nothing', async () => {
  await deploy(NARROWER, 1);
  const stream = await fixture.webSocket('lab.example', COLLEAGUE);
  const denied = await fixture.keepAlive('lab.example', CLIENT);
  expect(await denied.ask()).toBe(403);
  expect(narrowsIngress(NARROWER, BEFORE)).toBe(false);
  await deploy(BEFORE, 1);
  expect(await denied.ask()).toBe(200);
  expect(await stream.echo('still here')).toBe('still here');
  stream.close();
  denied.close();
});

test('a change of one workspace sends Envoy its routes, and no listener', async () => {
  await deploy(BEFORE, 1);
  const before = await fixture.xds.versions();
  await deploy(allowing(CLIENT, COLLEAGUE, '10.0.0.0/8'), 1);
  const after = await fixture.xds.versions();
  const changed = (['cluster', 'secret', 'route', 'listener'] as const).flatMap((kind) =>
    Object.keys(after[kind]).filter((name) => after[kind][name] !== before[kind][name]),
  );
  expect(changed).toEqual(['routes-lab']);
});

/** One after the other until stopped; resolves with their statuses. */
function shortRequests(ask: () => Promise<{ readonly status: number } | undefined>) {
  let isStopped = false;
  const statuses: (number | undefined)[] = [];
  const running = (async () => {
    while (!isStopped) statuses.push((await ask())?.status);
  })();
  return {
    stop: async () => {
      isStopped = true;
      await running;
      return statuses;
    },
  };
}
