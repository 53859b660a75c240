// What the API server answers is in test/apiserver/collector-callers.test.ts; here, how long an answer counts.
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { COLLECTOR_AUDIENCE } from '../../model/system-names.ts';
import { authenticateByApiServer } from './authenticate-callers.ts';

const REMEMBER_MS = 10_000;
const GATEWAY = {
  ...{ authenticated: true, audiences: [COLLECTOR_AUDIENCE] },
  user: {
    username: 'system:serviceaccount:sallyport-system:sallyport-gateway',
    extra: {
      'authentication.kubernetes.io/pod-name': ['gw-1'],
      'authentication.kubernetes.io/pod-uid': ['u'],
    },
  },
};

/** A gateway that calls with pauses; from some moment on its pod is gone, and maybe the API server away. */
class Scene {
  nowMs = 1000;
  asked = 0;
  isGone = false;
  isAway = false;
  readonly #authenticate = authenticateByApiServer({
    api: {
      request: async () => {
        this.asked += 1;
        if (this.isAway) throw new Error('away');
        return { status: this.isGone ? { authenticated: false } : GATEWAY };
      },
    },
    systemNamespace: 'sallyport-system',
    rememberMs: REMEMBER_MS,
    nowMs: () => this.nowMs,
  });

  async isLetIn(): Promise<boolean> {
    const caller = await this.#authenticate({ token: 't', certificate: undefined }).catch(() => undefined);
    // What goes on behind the answer has ended.
    await turn();
    return caller?.kind === 'gateway';
  }
}

const pauses = fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 30 });

test('whoever calls all the time is let in for some seconds after its pod is gone, and never for longer than an answer counts', () =>
  fc.assert(
    fc.asyncProperty(pauses, fc.boolean(), async (before, isAway) => {
      const scene = new Scene();
      for (const pauseMs of before) {
        expect(await scene.isLetIn()).toBe(true);
        scene.nowMs += pauseMs;
      }
      expect(await scene.isLetIn()).toBe(true);
      [scene.isGone, scene.isAway] = [true, isAway];
      const goneMs = scene.nowMs;
      for (; scene.nowMs < goneMs + 2 * REMEMBER_MS; scene.nowMs += 250) {
        const sinceMs = scene.nowMs - goneMs;
        if (sinceMs < REMEMBER_MS / 2 - 2000) expect(await scene.isLetIn()).toBe(true);
        else if (sinceMs > REMEMBER_MS) expect(await scene.isLetIn()).toBe(false);
        else await scene.isLetIn();
      }
    }),
    { seed: 16 },
  ));

test('an API server is asked twice at most while an answer counts', async () => {
  const scene = new Scene();
  for (let at = 0; at < 10 * REMEMBER_MS; at += 100, scene.nowMs += 100) await scene.isLetIn();
  expect(scene.asked).toBeLessThanOrEqual(20);
});
