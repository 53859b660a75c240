import { EnvoyNotRunning, EnvoySilent } from '../gateway/process/envoy-admin.ts';
import { NO_TUNNELS, type TunnelMemory } from '../render/envoy/tunnel-memory.ts';
import { TunnelCuts } from './tunnel-cuts.ts';

const [A, B] = ['guard-acme-0', 'guard-acme-1'];

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
  const cuts = new TunnelCuts({
    file,
    listenersInUse: async () => {
      questions += 1;
      if (answer instanceof Error) throw answer;
      return new Set(answer);
    },
  });
  return {
    file,
    cuts,
    questions: () => questions,
    /** Listeners with connections. */
    envoyHas: (listeners: typeof answer) => {
      answer = listeners;
    },
  };
}

test('a guard with tunnels is cut half a second after its tables, one without never', async () => {
  const { file, cuts, envoyHas, questions } = scene({ [A]: 1, [B]: 1 });
  envoyHas([A]);
  expect(cuts.dueAtMs).toBe(Number.POSITIVE_INFINITY);
  cuts.inForce(1000);
  expect(cuts.dueAtMs).toBe(1500);
  await cuts.look(1499);
  expect(questions()).toBe(0);
  await cuts.look(1500);
  expect(file.memory).toMatchObject({ revoked: {}, generations: { [A]: 1 } });
  expect(cuts.dueAtMs).toBe(Number.POSITIVE_INFINITY);
});

test.each([
  [A, A],
  ['raw-acme-0', A],
  ['private-raw-1f', 'private-tls-1f'],
  ['private-http-1f', 'private-tls-1f'],
])('connections of %s end the tunnels of %s', async (name, guard) => {
  const { file, cuts, envoyHas } = scene({ [guard]: 1 });
  envoyHas([name]);
  cuts.inForce(0);
  await cuts.look(500);
  expect(file.memory.generations).toEqual({ [guard]: 1 });
});

test('another revocation neither postpones a look nor goes without its own', async () => {
  const { file, cuts, envoyHas } = scene({ [A]: 1 });
  envoyHas([A]);
  cuts.inForce(0);
  file.memory = { ...file.memory, revoked: { [A]: 2 } };
  cuts.inForce(400);
  cuts.inForce(450);
  expect(cuts.dueAtMs).toBe(500);
  await cuts.look(500);
  expect(file.memory).toMatchObject({ revoked: { [A]: 2 }, generations: { [A]: 1 } });
  expect(cuts.dueAtMs).toBe(900);
  await cuts.look(900);
  expect(file.memory).toMatchObject({ revoked: {}, generations: { [A]: 2 } });
});

test('an Envoy that does not answer is asked again, one that does not run has no tunnels', async () => {
  const { file, cuts, envoyHas } = scene({ [A]: 1 });
  envoyHas(new EnvoySilent('busy'));
  cuts.inForce(0);
  await cuts.look(500);
  expect(cuts.dueAtMs).toBe(1500);
  envoyHas(new EnvoyNotRunning('gone'));
  await cuts.look(1500);
  expect(file.memory).toMatchObject({ revoked: {}, generations: {} });
});
