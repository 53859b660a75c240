// One validated line of a watch: an invalid event is an error, and so is an ERROR event of the server.
import type { KubernetesObject } from '../../lib/kubernetes/api-object.ts';
import { ApiFailure } from '../../lib/kubernetes/kubernetes-api.ts';

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: KubernetesObject;
}

interface Status {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly retryAfterSeconds?: number };
}

const INITIAL_END = 'k8s.io/initial-events-end';
const TYPES: readonly unknown[] = ['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK'];

export function checkEvent(value: unknown): WatchEvent {
  const { type, object } = (value ?? {}) as { readonly type?: unknown; readonly object?: KubernetesObject };
  if (type === 'ERROR') throw failureOf((object ?? {}) as Status);
  if (TYPES.includes(type) && object?.metadata !== undefined) return value as WatchEvent;
  throw new Error('The watch sent a line that is no event');
}

function failureOf({ code = 500, reason = '', message = 'The watch failed', details }: Status): ApiFailure {
  const seconds = details?.retryAfterSeconds;
  return new ApiFailure(message, {
    status: code,
    reason,
    retryAfterMs: seconds === undefined ? undefined : seconds * 1000,
  });
}

/** Ends the list that a watch begins with. */
export function isInitialEnd({ type, object }: WatchEvent): boolean {
  return type === 'BOOKMARK' && object.metadata.annotations?.[INITIAL_END] === 'true';
}
