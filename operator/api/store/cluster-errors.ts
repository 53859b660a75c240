// What the API server answered -> what our caller gets. Its own sentence stays, since it names the user and the right
// that is missing.
import type { ApiFailure } from '../../lib/kubernetes/kubernetes-api.ts';
import { ApiError, invalid, unavailable } from '../api-error.ts';
import { unauthenticated } from '../http/credentials.ts';
import { Contended } from './access-lock.ts';

/** Somebody else was first, which the caller of the store tries again, or an error for the client. */
export function apiErrorOf(failure: ApiFailure): ApiError | Contended {
  const { status, message, retryAfterMs } = failure;
  switch (status) {
    case 401:
      return unauthenticated('Cannot accept this token: it is unknown or has expired');
    case 403:
      return new ApiError('PERMISSION_DENIED', message);
    case 404:
      return new Contended(message, { isMissing: true });
    case 409:
      return new Contended(message, { isMissing: false });
    case 400:
    case 413:
    case 422:
      return invalid(message);
    case 429:
      return new ApiError('REQUEST_LIMIT_EXCEEDED', message, {
        headers: { 'retry-after': String(Math.max(1, Math.ceil((retryAfterMs ?? 1000) / 1000))) },
      });
    default:
      return unavailable(message);
  }
}
