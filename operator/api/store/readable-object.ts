// What the parser of our kinds says against an object that somebody wants to store: the same that the operator or the
// folder reader would say afterwards.
import { parseObject } from '../../model/parse-object.ts';
import { invalid } from '../api-error.ts';
import type { StoredObject } from './object-store.ts';

/** Throws an ApiError with all Problems of an object that would not be read. */
export function refuseUnreadable(object: StoredObject): void {
  const parsed = parseObject(object);
  if (parsed.status !== 'unreadable') return;
  throw invalid(
    parsed.problems
      .map(({ field, message }) => (field === undefined ? message : `${field}: ${message}`))
      .join('; '),
  );
}
