// The tokens of `sallyport run`: a YAML file that its user edits, read again when it has changed. Written once, with
// one token of an administrator. A file that others may read, or that cannot be read, lets nobody in.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { open } from 'node:fs/promises';
import { load } from 'js-yaml';
import { z } from 'zod';
import { problemOfIssue } from '../../model/schema-problem.ts';
import { unavailable } from '../api-error.ts';
import { unauthenticated } from '../http/credentials.ts';

const tokenSchema = z
  .strictObject({
    name: z.string().min(1).max(253),
    token: z.string().min(16).max(16_384).optional(),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional(),
    admin: z.boolean().default(false),
    workspaces: z.array(z.string()).default([]),
    expiresAt: z.iso.datetime().optional(),
  })
  .refine(({ token, sha256 }) => (token === undefined) !== (sha256 === undefined), {
    message: 'Cannot accept this entry: it needs either "token" or "sha256", the hash of one in hexadecimal',
  });

const fileSchema = z.strictObject({ tokens: z.array(tokenSchema).max(10_000) });

/** Of one caller; an administrator may do everything, others administer the named workspaces (name or id). */
export type TokenHolder = Pick<z.infer<typeof tokenSchema>, 'name' | 'admin' | 'workspaces'>;

interface KnownToken {
  readonly holder: TokenHolder;
  readonly hash: Buffer;
  readonly expiresAtMs: number;
}

interface KnownFile {
  readonly version: string;
  readonly tokens: readonly KnownToken[];
}

const OTHERS = 0o077;

export class TokenFile {
  readonly path: string;
  readonly #onFault: (sentence: string) => void;
  #known: KnownFile | undefined;

  constructor(path: string, onFault: (sentence: string) => void) {
    this.path = path;
    this.#onFault = onFault;
  }

  /** Makes the file, with a token of an administrator, where there is none; resolves with whether it did. */
  async ensure(): Promise<boolean> {
    try {
      const file = await open(this.path, 'wx', 0o600);
      await file.writeFile(firstText(randomBytes(32).toString('base64url'))).finally(() => file.close());
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw new Error(`Cannot write token file "${this.path}": ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  /** Throws an ApiError for a token that is not in the file, or has expired. */
  async holderOf(token: string, nowMs: number): Promise<TokenHolder> {
    const hash = hashOf(token);
    const found = (await this.#tokens()).find((known) => timingSafeEqual(known.hash, hash));
    if (found !== undefined && nowMs < found.expiresAtMs) return found.holder;
    throw unauthenticated('Cannot accept this token: it is unknown or has expired');
  }

  async #tokens(): Promise<readonly KnownToken[]> {
    try {
      const file = await open(this.path, 'r');
      try {
        const { mtimeMs, size, ino, mode } = await file.stat();
        if ((mode & OTHERS) !== 0)
          throw new Error('others than its owner may read it; run "chmod 600" on it');
        const version = `${ino} ${size} ${mtimeMs}`;
        if (this.#known?.version !== version) {
          this.#known = { version, tokens: parseTokens(await file.readFile('utf8')) };
        }
        return this.#known.tokens;
      } finally {
        await file.close();
      }
    } catch (error) {
      this.#onFault(
        `Cannot read token file "${this.path}": ${(error as Error).message}; nobody may use the API`,
      );
      throw unavailable('Cannot read the tokens of this API: see the output of "sallyport run"');
    }
  }
}

function parseTokens(text: string): readonly KnownToken[] {
  const value = load(text);
  const parsed = fileSchema.safeParse(value);
  if (parsed.success) return parsed.data.tokens.map(knownToken);
  const problems = parsed.error.issues.map((issue) => problemOfIssue(issue, value));
  throw new Error(
    problems.map(({ field, message }) => (field === undefined ? message : `${field}: ${message}`)).join('; '),
  );
}

function knownToken({ token, sha256, expiresAt, name, admin, workspaces }: z.infer<typeof tokenSchema>) {
  return {
    holder: { name, admin, workspaces },
    hash: sha256 === undefined ? hashOf(token ?? '') : Buffer.from(sha256, 'hex'),
    expiresAtMs: expiresAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(expiresAt),
  };
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function firstText(token: string): string {
  return `# Tokens of the REST API of "sallyport run". A change counts at once.
#   name: of the person or program, shown nowhere but as a number (created_by)
#   token, or sha256: the token itself, or its hash in hexadecimal
#   admin: true may do everything; otherwise
#   workspaces: [names or ids] that it administers
#   expiresAt: for example "2027-01-31T00:00:00Z"
tokens:
  - name: admin
    token: ${token}
    admin: true
`;
}
