// The secret that callers of the denial log's process present: random, new at each start, in a file that only the user
// of the process can read. A socket that is exposed to others, by a mount or an inherited descriptor, is not enough.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { attemptWrite } from '../../lib/atomic-file.ts';

const BYTES = 32;
const SCHEME = 'Bearer ';

/** Why a caller with this header is rejected, or null. */
export type CallerCheck = (authorization: string | undefined) => string | null;

/** Writes a new secret; the former one is void. Where it cannot be written, that is said, and nobody can present it. */
export async function newQuerySecret(
  path: string,
  onUnwritten: (sentence: string) => void = () => undefined,
): Promise<CallerCheck> {
  const secret = randomBytes(BYTES).toString('hex');
  await rm(path, { force: true });
  // "wx" follows no link, so the secret is in a file of ours.
  const unwritten = await attemptWrite(path, () => writeFile(path, secret, { mode: 0o600, flag: 'wx' }));
  if (unwritten !== undefined)
    onUnwritten(`${unwritten}, and start again: until then nobody can query denials`);
  const expected = digest(SCHEME + secret);
  return (authorization) => {
    if (timingSafeEqual(digest(authorization ?? ''), expected)) return null;
    const what = authorization === undefined ? 'no secret' : 'another secret than this one';
    return `Cannot answer a caller who presents ${what}: use "sallyport denials" as the user who runs sallyport, or send "Authorization: ${SCHEME}" and the text of "${path}", which is new at each start`;
  };
}

/** The header of a request; undefined where there is no secret. */
export async function authorizationFrom(path: string): Promise<string | undefined> {
  try {
    return SCHEME + (await readFile(path, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Of the same length for each text, so that the comparison takes constant time. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
