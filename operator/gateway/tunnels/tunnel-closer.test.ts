import { NO_TUNNELS, type TunnelMemory } from '../../render/envoy/tunnel-memory.ts';
import { EnvoyNotRunning, EnvoySilent } from '../process/envoy-admin.ts';
import { TunnelCloser } from './tunnel-closer.ts';

const [A, B] = ['acme/0', 'acme/1'];
/** Two listeners of one tunnel check, and one that is all of another. */
const LISTENERS = [
  { name: 'tls-a', body: {}, tunnelCheck: A },
  { name: 'raw-a', body: {}, tunnelCheck: A },
  { name: 'tls-b', body: {}, tunnelCheck: B },
  { name: 'shared', body: {} },
];

/** Envoy's answer and the file are those of this test; the memory's own rules are the real ones. */
function scene(revoked: TunnelMemory['revoked']) {
  const file = {
    memory: { ...NO_TUNNELS, revocations: 9, revoked } as TunnelMemory,
    keep: async (memory: TunnelMemory) => {
      file.memory = memory;
    },
  };
  let answer: readonly string[] | Error = [];
  let questions = 0;
  const tunnelCloser = new TunnelCloser({
    file,
    listenersInUse: async () => {
      questions += 1;
      if (answer instanceof Error) throw answer;
      return new Set(answer);
    },
  });
  return {
    file,
    tunnelCloser,
    questions: () => questions,
    /** Listeners with connections. */
    envoyHas: (listeners: typeof answer) => {
      answer = listeners;
    },
  };
}

test('a tunnel check with tunnels is closed half a second after its tables, one without never', async () => {
  const { file, tunnelCloser, envoyHas, questions } = scene({ [A]: 1, [B]: 1 });
  envoyHas(['tls-a', 'shared']);
  expect(tunnelCloser.dueAtMs).toBe(Number.POSITIVE_INFINITY);
  tunnelCloser.inForce(LISTENERS, 1000);
  expect(tunnelCloser.dueAtMs).toBe(1500);
  await tunnelCloser.check(1499);
  expect(questions()).toBe(0);
  await tunnelCloser.check(1500);
  expect(file.memory).toMatchObject({ revoked: {}, generations: { [A]: 1 } });
  expect(tunnelCloser.dueAtMs).toBe(Number.POSITIVE_INFINITY);
});

test.each([
  [['tls-a'], { [A]: 1 }],
  [['raw-a'], { [A]: 1 }],
  [['tls-b', 'shared'], { [B]: 1 }],
])('connections of %j close the tunnels of their own tunnel check: %j', async (inUse, generations) => {
  const { file, tunnelCloser, envoyHas } = scene({ [A]: 1, [B]: 1 });
  envoyHas(inUse);
  tunnelCloser.inForce(LISTENERS, 0);
  await tunnelCloser.check(500);
  expect(file.memory).toMatchObject({ revoked: {}, generations });
});

test('a tunnel check that the configuration no longer has counts as one with tunnels', async () => {
  const { file, tunnelCloser } = scene({ [A]: 1 });
  tunnelCloser.inForce(LISTENERS.slice(2), 0);
  await tunnelCloser.check(500);
  expect(file.memory).toMatchObject({ revoked: {}, generations: { [A]: 1 } });
});

test('another revocation neither postpones a check nor skips its own', async () => {
  const { file, tunnelCloser, envoyHas } = scene({ [A]: 1 });
  envoyHas(['tls-a', 'shared']);
  tunnelCloser.inForce(LISTENERS, 0);
  file.memory = { ...file.memory, revoked: { [A]: 2 } };
  tunnelCloser.inForce(LISTENERS, 400);
  tunnelCloser.inForce(LISTENERS, 450);
  expect(tunnelCloser.dueAtMs).toBe(500);
  await tunnelCloser.check(500);
  expect(file.memory).toMatchObject({ revoked: { [A]: 2 }, generations: { [A]: 1 } });
  expect(tunnelCloser.dueAtMs).toBe(900);
  await tunnelCloser.check(900);
  expect(file.memory).toMatchObject({ revoked: {}, generations: { [A]: 2 } });
});

test('an Envoy that does not answer is asked again, one that does not run has no tunnels', async () => {
  const { file, tunnelCloser, envoyHas } = scene({ [A]: 1 });
  envoyHas(new EnvoySilent('busy'));
  tunnelCloser.inForce(LISTENERS, 0);
  await tunnelCloser.check(500);
  expect(tunnelCloser.dueAtMs).toBe(1500);
  envoyHas(new EnvoyNotRunning('gone'));
  await tunnelCloser.check(1500);
  expect(file.memory).toMatchObject({ revoked: {}, generations: {} });
});
