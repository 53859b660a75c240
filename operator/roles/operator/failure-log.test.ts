import { NoLongerLeader } from '../../deliver/kubernetes/object-writer.ts';
import { PodRefused } from '../../deliver/kubernetes/pod-write-memory.ts';
import { FailureLog } from './failure-log.ts';

const failureOf = (kind: string, error: Error = new Error('no')) => ({
  item: { kind, metadata: { namespace: 'team', name: 'x' } },
  error,
});

it('log() says one failure of a kind in 10 s, and how many it left out since', () => {
  const lines: unknown[] = [];
  const log = new FailureLog({
    error: (_message, fields) => void lines.push([fields?.['object'], fields?.['othersSince']]),
  });
  const pods = Array.from({ length: 120 }, () => failureOf('Pod'));
  for (const atMs of [0, 5000, 9999, 10_000]) log.log([...pods, failureOf('Service')], atMs);
  expect(lines).toEqual([
    ['Pod/team/x', 0],
    ['Service/team/x', 0],
    ['Pod/team/x', 359],
    ['Service/team/x', 2],
  ]);
});

it('log() says nothing of a lost lease, nor again of a pod that was not asked for again', () => {
  const lines: string[] = [];
  const log = new FailureLog({ error: (message) => void lines.push(message) });
  const waiting = new PodRefused('too large', { retryAtMs: 1, isNew: false });
  log.log([failureOf('Pod', new NoLongerLeader()), failureOf('Pod', waiting)], 0);
  expect(lines).toEqual([]);
});
