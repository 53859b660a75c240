// The Authorization header -> the token in it: Bearer, or Basic with the user "token" as of old Databricks clients.
import { ApiError } from '../api-error.ts';

/** What a token may consist of (RFC 6750); anything else could become a header of its own. */
const TOKEN = /^[A-Za-z0-9._~+/-]{1,16384}=*$/;
const HEADER = /^(bearer|basic) +(\S+) *$/i;

/** Throws an ApiError where there is none. */
export function tokenOf(authorization: string | undefined): string {
  const [, scheme = '', value = ''] = HEADER.exec(authorization ?? '') ?? [];
  const token = scheme.toLowerCase() === 'basic' ? passwordOf(value) : value;
  if (TOKEN.test(token)) return token;
  throw unauthenticated(
    'Cannot find a token: send "Authorization: Bearer TOKEN", or Basic with the user "token" and the token as password',
  );
}

export function unauthenticated(message: string): ApiError {
  return new ApiError('UNAUTHENTICATED', message, { headers: { 'www-authenticate': 'Bearer' } });
}

function passwordOf(encoded: string): string {
  const text = Buffer.from(encoded, 'base64').toString('latin1');
  return text.startsWith('token:') ? text.slice('token:'.length) : '';
}
