import { EnvoyNotRunning, EnvoySilent, type OpenConnections } from '../gateway/process/envoy-admin.ts';
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
  let answer: Record<string, Partial<OpenConnections>> | Error = {};
  let questions = 0;
  const cuts = new TunnelCuts({
    file,
    internalConnections: async () => {
      questions += 1;
      if (answer instanceof Error) throw answer;
      const full = Object.entries(answer).map(([name, connections]) => {
        return [name, { open: 0, starting: 0, ...connections }] as const;
      });
      return new Map(full);
    },
  });
  return {
    file,
    cuts,
    questions: () => questions,
    envoyHas: (connections: typeof answer) => {
      answer = connections;
    },
  };
}

test('a guard with tunnels is cut half a second after its tables, one without never', async () => {
  const { file, cuts, envoyHas, questions } = scene({ [A]: 1, [B]: 1 });
  envoyHas({ [A]: { open: 2 } });
  expect(cuts.dueAtMs).toBe(Number.POSITIVE_INFINITY);
  cuts.inForce(1000);
  expect(cuts.dueAtMs).toBe(1500);
  await cuts.look(1499);
  expect(questions()).toBe(0);
  await cuts.look(1500);
  expect(file.memory).toMatchObject({ revoked: {}, generations: { [A]: 1 } });
  expect(cuts.dueAtMs).toBe(Number.POSITIVE_INFINITY);
});

test.each(['raw-acme-0', A])('tunnels of %s end those of the guard', async (name) => {
  const { file, cuts, envoyHas } = scene({ [A]: 1 });
  envoyHas({ [name]: { open: 1 } });
  cuts.inForce(0);
  await cuts.look(500);
  expect(file.memory.generations).toEqual({ [A]: 1 });
});

test('a connection that was on its way in is cut when it must have arrived', async () => {
  const { file, cuts, envoyHas } = scene({ [A]: 1 });
  envoyHas({ [A]: { starting: 1 } });
  cuts.inForce(0);
  await cuts.look(500);
  expect(file.memory).toMatchObject({ revoked: { [A]: 1 }, generations: {} });
  expect(cuts.dueAtMs).toBe(5500);
  envoyHas({ [A]: { open: 1, starting: 1 } });
  await cuts.look(5500);
  expect(file.memory).toMatchObject({ revoked: {}, generations: { [A]: 1 } });
  expect(cuts.dueAtMs).toBe(Number.POSITIVE_INFINITY);
});

test('another revocation neither postpones a look nor goes without its own', async () => {
  const { file, cuts, envoyHas } = scene({ [A]: 1 });
  envoyHas({ [A]: { open: 1 } });
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
