// Exported files in a bucket of S3, or of a server that speaks its protocol. Credentials and region are found as the tools
// of AWS find them: environment, files, the role of a pod or of a machine.
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { ExportTarget } from './export-target.ts';

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

export function s3Target({ bucket, prefix, endpoint }: BucketPlace): BucketTarget {
  const client = new S3Client({
    // Others have no host name for each bucket.
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    maxAttempts: ATTEMPTS,
    requestHandler: { connectionTimeout: CONNECT_MS, socketTimeout: SILENT_MS },
    // Older servers know no other.
    ...{ requestChecksumCalculation: 'WHEN_REQUIRED', responseChecksumValidation: 'WHEN_REQUIRED' },
  });
  const name = ['s3:/', bucket, prefix].filter((part) => part !== '').join('/');
  const keyOf = (file: string): string => (prefix === '' ? file : `${prefix}/${file}`);
  return {
    name,
    read: async (file, into) => {
      try {
        const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: keyOf(file) }));
        await pipeline(Body as Readable, createWriteStream(into));
        return true;
      } catch (cause) {
        if ((cause as Error).name === 'NoSuchKey') return false;
        throw new Error(`Cannot read "${name}/${file}", of which rows are to stay: ${reasonOf(cause)}`, {
          cause,
        });
      }
    },
    write: async (file, from) => {
      const { size } = await stat(from);
      const object = { Bucket: bucket, Key: keyOf(file), ContentType: 'application/vnd.apache.parquet' };
      try {
        await client.send(
          new PutObjectCommand({ ...object, Body: createReadStream(from), ContentLength: size }),
        );
      } catch (cause) {
        throw new Error(`Cannot write "${name}/${file}": ${reasonOf(cause)}`, { cause });
      }
    },
    close: () => client.destroy(),
  };
}

const ADVICE: Readonly<Record<string, string>> = {
  // Without the right to list, a missing file is "denied".
  AccessDenied: 'allow s3:GetObject, s3:PutObject and s3:ListBucket there',
  NoSuchBucket: 'create the bucket, or name another with --export',
  CredentialsProviderError: 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the pod a role',
  InvalidAccessKeyId: 'correct AWS_ACCESS_KEY_ID',
  SignatureDoesNotMatch: 'correct AWS_SECRET_ACCESS_KEY and AWS_REGION',
};

function reasonOf(cause: unknown): string {
  const { name, message, code } = cause as Error & { readonly code?: string };
  const said = [name, message, code].filter((text, at, all) => Boolean(text) && all.indexOf(text) === at);
  return `${said.join(': ')}; ${ADVICE[name] ?? 'it is tried again'}`;
}
