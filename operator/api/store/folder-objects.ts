// A folder of YAML as a set of stored objects: where each is, and how one is written, changed or removed without a
// change to anything else. One new object is one new file.
import { createHash } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { writeFileAtomic } from '../../lib/atomic-file.ts';
import { objectKey } from '../../lib/kubernetes/api-object.ts';
import { API_VERSION } from '../../model/kubernetes-object.ts';
import { isFolderFile } from '../../sources/folder.ts';
import { readFolderFile } from '../../sources/folder-file.ts';
import { ApiError } from '../api-error.ts';
import { documentsOf, withDocument, yamlOf } from './folder-document.ts';
import type { ObjectName, StoredObject } from './object-store.ts';

/** An object in a file of the folder. */
export interface PlacedObject {
  readonly object: StoredObject;
  readonly file: string;
  /** Of the whole file. */
  readonly text: string;
  /** Number of its document. */
  readonly document: number;
}

interface KnownFile {
  /** Of the status with which it was read; undefined where a change could still leave that the same. */
  readonly version: string | undefined;
  /** The same, of a file that this process wrote. */
  readonly ownVersion?: string | undefined;
  readonly inode: number;
  readonly text: string;
  readonly placed: readonly PlacedObject[];
}

const HEADER = '# Written through the REST API; it may be edited like any other file.\n';
const LONGEST_FILE_NAME = 200;
const SETTLED_MS = 100;

export class FolderObjects {
  readonly #folder: string;
  #known = new Map<string, KnownFile>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  async all(): Promise<readonly PlacedObject[]> {
    const names = (await readdir(this.#folder)).filter(isFolderFile);
    const files = await Promise.all(names.map((name) => this.#read(name)));
    this.#known = new Map(
      names.flatMap((name, at) => {
        const file = files[at];
        return file === undefined ? [] : [[name, file] as const];
      }),
    );
    return [...this.#known.values()].flatMap(({ placed }) => placed);
  }

  async #read(name: string): Promise<KnownFile | undefined> {
    const path = join(this.#folder, name);
    const known = this.#known.get(name);
    const status = await statusOf(path);
    if (known !== undefined && isSame(known, status)) return { ...known, version: status?.version };
    const reading = await readFolderFile(path, known?.inode);
    if (reading === undefined || !('text' in reading)) return undefined;
    const { text, inode } = reading;
    const version = settledVersion(status);
    return { version, inode, text, placed: known?.text === text ? known.placed : placedIn(name, text) };
  }

  /** Into a file of its own. */
  async create(object: StoredObject): Promise<StoredObject> {
    const text = `${HEADER}${yamlOf(object)}`;
    const taken = new Set(await readdir(this.#folder));
    const file = fileNames(object).find((name) => !taken.has(name));
    if (file === undefined) throw cannotWrite(object, 'the names of its file are taken');
    return this.#write(file, text, object, 0);
  }

  async replace(
    { file, text: former, document, object: before }: PlacedObject,
    object: StoredObject,
  ): Promise<StoredObject> {
    const { metadata, ...rest } = object;
    const { resourceVersion: _version, ...meta } = metadata;
    const plain = { ...rest, metadata: meta };
    const text = withDocument(former, document, orderedObject(plain));
    if (text === undefined || file.endsWith('.json')) throw cannotEdit(before, file);
    return this.#write(file, text, object, document);
  }

  async remove({ file, text: before, document, object }: PlacedObject): Promise<void> {
    if (documentsOf(before)?.length === 1) {
      await rm(join(this.#folder, file));
      return;
    }
    const text = withDocument(before, document, undefined);
    if (text === undefined) throw cannotEdit(object, file);
    await writeFileAtomic(join(this.#folder, file), text);
  }

  /** What is written must be what a reader of the folder finds there. */
  async #write(file: string, text: string, object: StoredObject, document: number): Promise<StoredObject> {
    const found = placedIn(file, text).find((one) => one.document === document)?.object;
    if (found === undefined || objectKey(found) !== objectKey(object)) throw cannotEdit(object, file);
    if (!isDeepStrictEqual(found['spec'], object['spec'])) throw cannotEdit(object, file);
    const path = join(this.#folder, file);
    await writeFileAtomic(path, text);
    const version = (await statusOf(path))?.version;
    // Nobody else can have opened the new file in the same moment.
    const own = { version, ownVersion: version, inode: 0, text, placed: placedIn(file, text) };
    this.#known.set(file, own);
    return found;
  }
}

interface FileStatus {
  readonly version: string;
  /** Whether another change would give it another version: the clock of a file system is coarse. */
  readonly isSettled: boolean;
}

function settledVersion(status: FileStatus | undefined): string | undefined {
  return status?.isSettled === true ? status.version : undefined;
}

function isSame({ version, ownVersion }: KnownFile, status: FileStatus | undefined): boolean {
  if (status === undefined) return false;
  return status.version === ownVersion || (status.isSettled && status.version === version);
}

async function statusOf(path: string): Promise<FileStatus | undefined> {
  const status = await stat(path, { bigint: true }).catch(() => undefined);
  if (status === undefined) return undefined;
  return {
    version: `${status.ino} ${status.size} ${status.mtimeNs} ${status.ctimeNs}`,
    isSettled: Date.now() - Number(status.ctimeMs) >= SETTLED_MS,
  };
}

export function isNamed({ object }: PlacedObject, kind: string, { name, namespace }: ObjectName): boolean {
  const { metadata } = object;
  return object.kind === kind && metadata.name === name && metadata.namespace === namespace;
}

/** Objects of ours; what else stands in the file is none of them, and stays. */
function placedIn(file: string, text: string): readonly PlacedObject[] {
  return (documentsOf(text) ?? []).flatMap(({ value }, document) => {
    const object = value as StoredObject | undefined;
    if (object?.apiVersion !== API_VERSION || typeof object.metadata?.name !== 'string') return [];
    const resourceVersion = createHash('sha256').update(JSON.stringify(object)).digest('hex').slice(0, 16);
    const versioned = { ...object, metadata: { ...object.metadata, resourceVersion } };
    return [{ object: versioned, file, text, document }];
  });
}

/** "ip-access-list.analytics.office.yaml". */
function fileNames(object: StoredObject): readonly string[] {
  const kind = object.kind.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase();
  const { namespace, name } = object.metadata;
  const whole = [kind, ...(namespace === undefined ? [] : [namespace]), name].join('.');
  const hash = createHash('sha256').update(whole).digest('hex').slice(0, 12);
  const start = whole.slice(0, LONGEST_FILE_NAME);
  return [...(start === whole ? [`${whole}.yaml`] : []), `${start}.${hash}.yaml`];
}

/** As people write it. */
function orderedObject({ apiVersion, kind, metadata, spec, ...rest }: StoredObject): StoredObject {
  return { apiVersion, kind, metadata, spec, ...rest };
}

function cannotWrite(object: StoredObject, detail: string): ApiError {
  return new ApiError('INVALID_STATE', `Cannot write ${objectKey(object)} into the folder: ${detail}`);
}

function cannotEdit(object: StoredObject, file: string): ApiError {
  return cannotWrite(
    object,
    `it is in the file "${file}", which cannot be edited without a change to other things in it; move it into a file of its own`,
  );
}
