// A reflector keeps in step with a real API server, whatever a hostile proxy between them does: what it holds in the
// end is what the API server says when it is asked directly.
import { pathOf } from '../../operator/lib/kubernetes/api-object.ts';
import type { KubernetesApi } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import type { Answer, LineFault } from '../support/cluster/hostile-proxy.ts';
import { CONFIG_MAPS, ReflectorScene, type Seen, SHORT } from '../support/cluster/reflector-scene.ts';
import { until } from '../support/until.ts';

let scene: ReflectorScene;

beforeAll(async () => {
  scene = await ReflectorScene.start();
}, CONTROL_PLANE_TIMEOUT_MS);
afterAll(() => scene?.stop());
afterEach(() => scene.end());

const LINE_FAULTS: readonly LineFault[] = [
  { how: 'reset' },
  { how: 'truncate' },
  { how: 'silence' },
  { how: 'duplicate', times: 6 },
  { how: 'repeat-previous', times: 2 },
  { how: 'reorder' },
  { how: 'drop', times: 3 },
  { how: 'delay', delayMs: 400, times: 3 },
  { how: 'error-event', code: 410, reason: 'Expired' },
  { how: 'error-event', code: 500, reason: 'InternalError' },
  { how: 'error-event', code: 504, reason: 'Too large resource version: 9, current: 8' },
];

describe('a watch', () => {
  it.each(LINE_FAULTS)('loses nothing to %j', async (fault) => {
    await scene.begin('kept', 'gone', 'again');
    // Only a list can tell that an event was lost.
    const relistMs = fault.how === 'drop' ? 0 : 600_000;
    const { converged } = await scene.watch({ timings: { ...SHORT, relistMs } });

    scene.proxy.disturb({ ...fault, only: 'watches' });
    await scene.changeMuch();

    await converged();
    expect(scene.proxy.pendingFaults()).toBe(0);
  });

  const answers: readonly Answer[] = [
    { status: 410, reason: 'Expired', times: 2 },
    { status: 429, reason: 'TooManyRequests', retryAfterSeconds: 1 },
    { status: 500, reason: 'InternalError', times: 2 },
    { status: 503 },
  ];

  it.each(answers)('loses nothing when it is answered $status', async (answer) => {
    await scene.begin('kept', 'gone', 'again');
    const { converged, failures } = await scene.watch();

    scene.proxy.answer({ ...answer, only: 'watches' });
    scene.proxy.disconnect();
    await scene.changeMuch();

    // A list may bring everything before the watch has met the last fault.
    await until('every fault has happened', () => scene.proxy.pendingFaults() === 0);
    await converged();
    const notified = failures.flatMap(({ error, retryInMs }) =>
      'status' in error ? [[error.status, retryInMs]] : [],
    );
    expect(notified).toContainEqual([answer.status, expect.any(Number)]);
  });

  it('waits as long as Retry-After says', async () => {
    await scene.begin('kept');
    const { converged, failures } = await scene.watch();

    scene.proxy.answer({ status: 429, retryAfterSeconds: 2, only: 'watches' });
    scene.proxy.disconnect();
    await scene.write('kept', 'second');

    await converged();
    const waits = failures.map(({ retryInMs }) => retryInMs);
    expect(waits.filter((waitMs) => waitMs >= 2000 && waitMs <= 2500)).not.toEqual([]);
  });

  it('lists anew after a place in the history that the API server has forgotten', async () => {
    await scene.begin('kept', 'gone', 'again');
    // It remembers what happened since its start.
    await scene.controlPlane.stopApiServer();
    await scene.controlPlane.startApiServer();
    let forgotten = 1;
    const api: KubernetesApi = {
      request: (request) => scene.proxied.request(request),
      stream: (request) => {
        const { resourceVersion } = request.query ?? {};
        if (resourceVersion === undefined || forgotten-- <= 0) return scene.proxied.stream(request);
        return scene.proxied.stream({ ...request, query: { ...request.query, resourceVersion: '1' } });
      },
      close: () => scene.proxied.close(),
    };
    const { converged, failures } = await scene.watch({ api });

    await scene.changeMuch();

    await converged();
    expect(failures).toMatchObject([{ error: { status: 410, reason: 'Expired' }, retryInMs: 0 }]);
  });

  it('continues when the API server is back, and never waits longer than 5 s before it asks', async () => {
    await scene.begin('kept', 'gone', 'again');
    const { converged, reflector, failures } = await scene.watch();
    const before = reflector.items();

    await scene.controlPlane.stopApiServer();
    await until('three attempts have failed', () => failures.length >= 3);
    expect(reflector.items()).toBe(before);
    await scene.controlPlane.startApiServer();
    await scene.changeMuch();

    await converged();
    expect(Math.max(...failures.map(({ retryInMs }) => retryInMs))).toBeLessThanOrEqual(5_000);
  });

  it('continues after every stream fell silent', async () => {
    await scene.begin('kept', 'gone', 'again');
    const { converged, failures } = await scene.watch();

    scene.proxy.fallSilent();
    await scene.changeMuch();
    await until('two attempts have failed', () => failures.length >= 2);
    scene.proxy.heal();

    await converged();
  });
});

describe('a list', () => {
  it.each<Answer>([
    { status: 410, times: 2 },
    { status: 429, retryAfterSeconds: 1 },
    { status: 500, times: 2 },
  ])('is tried again when it is answered $status', async (answer) => {
    await scene.begin('kept', 'gone');
    scene.proxy.answer(answer);

    const { converged } = scene.watchSoon();

    await converged();
    expect(scene.proxy.pendingFaults()).toBe(0);
  });

  it.each<LineFault>([{ how: 'reset' }, { how: 'truncate' }, { how: 'error-event', code: 500, reason: '' }])(
    'that suffers $how in the middle takes nothing away',
    async (fault) => {
      await scene.begin('one', 'two', 'three');
      const { reflector, converged, failures } = await scene.watch();
      const before = reflector.items();

      scene.proxy.disturb({ how: 'duplicate', only: 'streamed lists' });
      scene.proxy.disturb({ ...fault, only: 'streamed lists' });
      scene.proxy.answer({ status: 410, reason: 'Expired', only: 'watches' });
      await until('two attempts have failed', () => failures.length >= 2);
      expect(reflector.items()).toBe(before);
      await scene.remove('two');

      await converged();
    },
  );

  it('comes in pages where the API server cannot stream it', async () => {
    await scene.begin('kept', 'gone', 'again');
    scene.proxy.answer({ status: 422, reason: 'Invalid', only: 'streamed lists' });
    const { converged, failures } = await scene.watch();

    await scene.changeMuch();

    await converged();
    expect(failures).toEqual([]);
    expect(scene.proxy.requests().some(({ url }) => url.includes('limit=500'))).toBe(true);
  });
});

describe('items()', () => {
  it('is the same array, and the same items, while nothing changes', async () => {
    await scene.begin('one', 'two');
    const { reflector, converged } = await scene.watch({ timings: { ...SHORT, relistMs: 0 } });
    const before = reflector.items();

    const heardAtMs = reflector.progress().heardAtMs ?? 0;
    await until('it is heard again', () => (reflector.progress().heardAtMs ?? 0) > heardAtMs + 2500);
    expect(reflector.items()).toBe(before);

    await scene.write('two', 'second');
    await converged();
    expect(reflector.items().find(({ name }) => name === 'one')).toBe(
      before.find(({ name }) => name === 'one'),
    );
  });

  it('leaves out what cannot be transformed, and continues', async () => {
    await scene.begin('good', 'bad');
    const transform = ({ metadata }: { readonly metadata: { readonly name: string } }): Seen => {
      if (metadata.name === 'bad') throw new Error('no good');
      return { name: metadata.name, uid: '', value: '' };
    };
    const { reflector, failures } = await scene.watch({ transform });

    expect(reflector.items().map(({ name }) => name)).toEqual(['good']);
    expect(failures.map(({ error }) => error.message)).toEqual([
      expect.stringMatching(/^Cannot read ConfigMap ".+\/bad"$/),
    ]);
  });
});

describe('stop()', () => {
  it('ends the watch, and nothing is reported after it', async () => {
    await scene.begin('one');
    const { reflector, failures } = await scene.watch();

    await reflector.stop();
    const asked = scene.proxy.requests().length;
    await scene.write('one', 'second');
    await scene.direct.request({ method: 'GET', path: pathOf(CONFIG_MAPS) });

    expect(reflector.items().map(({ value }) => value)).toEqual(['first']);
    expect(scene.proxy.requests()).toHaveLength(asked);
    expect(failures).toEqual([]);
  });
});
