import { isAgentAway, type PodStatus } from './pod-status.ts';

const AT = (second: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();

/** A gateway pod whose Envoy runs since second 10. */
function status(
  agentSince: number | undefined,
  unreadySince: number,
  envoySince: number | undefined = 10,
): PodStatus {
  const stateOf = (since: number | undefined) => ({
    state: since === undefined ? { terminated: {} } : { running: { startedAt: AT(since) } },
  });
  return {
    conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: AT(unreadySince) }],
    initContainerStatuses: [{ name: 'agent', ...stateOf(agentSince) }],
    containerStatuses: [{ name: 'envoy', ...stateOf(envoySince) }],
  };
}

describe('isAgentAway() of a pod that is not ready is', () => {
  it.each([
    ['true while the agent is gone', status(undefined, 30), true],
    ['true while the next agent starts', status(31, 30), true],
    ['true where all of that was in one second', status(30, 30), true],
    ['false once that agent was ready and is not any more', status(31, 40), false],
    ['false of a pod that starts: Envoy came after the agent', status(8, 5), false],
    ['false of a pod that became unready with the same agent', status(8, 40), false],
    ['false where nothing is known', {}, false],
  ] as const)('%s', (_what, found, wanted) => {
    expect(isAgentAway(found)).toBe(wanted);
  });

  it('false where Envoy is gone too', () => {
    const { containerStatuses: _, ...rest } = status(undefined, 30);
    expect(isAgentAway({ ...rest, containerStatuses: [{ name: 'envoy', state: { terminated: {} } }] })).toBe(
      false,
    );
  });
});
