// An Event about a pod of a workspace.
import type { KubernetesMeta } from '../../lib/kubernetes/api-object.ts';
import { PODS } from '../../model/cluster-resources.ts';
import { truncatedNote } from '../../model/event-note.ts';
import type { EventRecorder } from './event-recorder.ts';
import type { EventToRecord } from './event-requests.ts';

export type Recorder = Pick<EventRecorder, 'record'>;

type Said = Pick<EventToRecord, 'type' | 'reason' | 'action' | 'note'>;

export function podEvent(
  { namespace = '', name, uid = '' }: Pick<KubernetesMeta, 'namespace' | 'name' | 'uid'>,
  said: Said,
): EventToRecord {
  const regarding = { apiVersion: PODS.apiVersion, kind: PODS.kind, namespace, name, uid };
  return { namespace, regarding, ...said, note: truncatedNote(said.note) };
}
