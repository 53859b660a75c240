import type { KubernetesObject } from '../../lib/kubernetes/api-object.ts';
import { describeRemaining } from './remaining-pods.ts';

const pod = (name: string, metadata: object = {}, status: object = {}): KubernetesObject => ({
  ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name, ...metadata }, status },
});

const said = (stale: readonly KubernetesObject[], others: readonly KubernetesObject[] = []) =>
  describeRemaining({ stale, others }, undefined);

test('describeRemaining() says whether a pod runs, or what keeps it from going', () => {
  const deletionTimestamp = '2027-01-31T00:00:00Z';
  expect(
    said([
      pod('runs'),
      pod('goes', { deletionTimestamp }),
      pod('held', { deletionTimestamp, finalizers: ['example.com/hold'] }),
    ]),
  ).toEqual([
    'pod "runs" still runs, and nobody has deleted it',
    `pod "goes" is to be gone by ${deletionTimestamp}`,
    `pod "held" is to be gone by ${deletionTimestamp}, and waits for finalizers example.com/hold`,
  ]);
});

test('describeRemaining() says what new pods wait for, without what a terminal would obey', () => {
  const waiting = { reason: 'ImagePullBackOff', message: 'no image\u001b[2J' };
  const conditions = [
    { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'no node' },
    { type: 'Ready', status: 'False' },
  ];
  expect(
    said(
      [],
      [
        pod('pulls', {}, { containerStatuses: [{ name: 'main', state: { waiting } }] }),
        pod('pends', {}, { conditions }),
        pod(
          'unready',
          {},
          { conditions: [{ type: 'Ready', status: 'False', reason: 'ContainersNotReady' }] },
        ),
        pod('ready', {}, { conditions: [{ type: 'Ready', status: 'True' }] }),
      ],
    ),
  ).toEqual([
    'new pod "pulls" is not ready: ImagePullBackOff: no image\\u001b[2J',
    'new pod "pends" is not ready: Unschedulable: no node',
    'new pod "unready" is not ready: ContainersNotReady',
  ]);
});

test('describeRemaining() names five, and says what the controller cannot do', () => {
  const pods = Array.from({ length: 8 }, (_, at) => pod(`pod-${at}`));
  const conditions = [
    { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'denied' },
    { type: 'Available', status: 'True' },
  ];
  const owner = { ...pod('etl'), status: { conditions } };
  const sentences = describeRemaining({ stale: pods, others: [] }, owner);
  expect(sentences.slice(5)).toEqual([
    'and 3 more pods',
    'its controller cannot make new pods: FailedCreate: denied',
  ]);
});
