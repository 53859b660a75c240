// Exported files in a bucket of S3, or of a server that speaks its protocol. Credentials and region are found as the tools
// of AWS find them: environment, files, the role of a pod or of a machine.
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { type BucketAnswer, boundAnswer } from './bounded-answers.ts';
import { type ExportTarget, TargetUnavailableError } from './export-target.ts';

export interface BucketPlace {
  readonly bucket: string;
  /** Without slashes around it; '' for none. */
  readonly prefix: string;
  /** Of another server than that of AWS. */
  readonly endpoint: string | undefined;
}

export interface BucketTarget extends ExportTarget {
  readonly close: () => void;
}

const CONNECT_MS = 10_000;
/** Without a byte. */
const SILENT_MS = 60_000;
const ATTEMPTS = 3;
const ignore = (): void => undefined;
const SILENT = { debug: ignore, info: ignore, warn: ignore, error: ignore };

export function s3Target({ bucket, prefix, endpoint }: BucketPlace): BucketTarget {
  const client = new S3Client({
    // Others have no host name for each bucket.
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    maxAttempts: ATTEMPTS,
    // It would write to the console; what fails is thrown, too.
    logger: SILENT,
    requestHandler: { connectionTimeout: CONNECT_MS, socketTimeout: SILENT_MS },
    // Older servers know no other.
    ...{ requestChecksumCalculation: 'WHEN_REQUIRED', responseChecksumValidation: 'WHEN_REQUIRED' },
  });
  // Nearest to the connection, before anything is read.
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const answer = result.response as BucketAnswer;
      const isObject = answer.statusCode === 200 && (args.request as { method?: string }).method === 'GET';
      if (!isObject) await boundAnswer(answer);
      return result;
    },
    { step: 'deserialize', priority: 'low', name: 'boundAnswer' },
  );
  return { ...exportsTo(client, { bucket, prefix }), close: () => client.destroy() };
}

function exportsTo(client: S3Client, { bucket, prefix }: Omit<BucketPlace, 'endpoint'>): ExportTarget {
  const name = ['s3:/', bucket, prefix].filter((part) => part !== '').join('/');
  const keyOf = (file: string): string => (prefix === '' ? file : `${prefix}/${file}`);
  return {
    name,
    read: async (file, into, signal) => {
      try {
        const asked = new GetObjectCommand({ Bucket: bucket, Key: keyOf(file) });
        const { Body } = await client.send(asked, { abortSignal: signal });
        await pipeline(Body as Readable, createWriteStream(into), { signal });
        return true;
      } catch (cause) {
        if ((cause as Error).name === 'NoSuchKey') return false;
        throw failureOf(`Cannot read "${name}/${file}", of which rows are to stay`, cause);
      }
    },
    write: async (file, from, signal) => {
      const { size } = await stat(from);
      const object = { Bucket: bucket, Key: keyOf(file), ContentType: 'application/vnd.apache.parquet' };
      const body = createReadStream(from);
      try {
        const given = new PutObjectCommand({ ...object, Body: body, ContentLength: size });
        await client.send(given, { abortSignal: signal });
      } catch (cause) {
        throw failureOf(`Cannot write "${name}/${file}"`, cause);
      } finally {
        body.destroy();
      }
    },
  };
}

const ADVICE: Readonly<Record<string, string>> = {
  // Without the right to list, a missing file is "denied".
  AccessDenied: 'allow s3:GetObject, s3:PutObject and s3:ListBucket there',
  InvalidObjectState: 'restore it from its archive, or move it away',
  NoSuchBucket: 'create the bucket, or name another with --export',
  CredentialsProviderError: 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the pod a role',
  InvalidAccessKeyId: 'correct AWS_ACCESS_KEY_ID',
  SignatureDoesNotMatch: 'correct AWS_SECRET_ACCESS_KEY and AWS_REGION',
};
/** What the server says of all objects, though it answers. */
const OF_ALL = [
  'NoSuchBucket',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'ExpiredToken',
  'RequestTimeTooSkewed',
];
const LONGEST_SAID = 300;
/** Of a server that repeats the request: credentials follow. */
const OUR_HEADERS = /authorization|x-amz-|aws4-|amz-sdk-/i;

interface BucketFailure extends Error {
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly statusCode?: number };
}

/** Without its cause, whose text is the server's. */
function failureOf(what: string, cause: unknown): Error {
  const { name, message, code, $metadata, $response } = cause as BucketFailure;
  const status = $metadata?.httpStatusCode ?? $response?.statusCode;
  const said = [name, message, code, status === undefined ? undefined : `HTTP ${status}`]
    .filter((text, at, all) => Boolean(text) && all.indexOf(text) === at)
    .join(': ');
  const sentence = `${what}: ${boundedText(said)}; ${ADVICE[name] ?? 'it is tried again'}`;
  // Without an answer there is no server.
  const isOfAll = status === undefined || OF_ALL.includes(name);
  return isOfAll ? new TargetUnavailableError(sentence) : new Error(sentence);
}

/** In printable ASCII. */
function boundedText(said: string): string {
  const end = Math.min(LONGEST_SAID, OUR_HEADERS.exec(said)?.index ?? LONGEST_SAID);
  const text = said.length <= end ? said : `${said.slice(0, end).trimEnd()}...`;
  return text.replace(/[^ -~]+/g, '?');
}
