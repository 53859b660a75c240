// A folder of YAML as a set of stored objects: where each is, and how one is written, changed or removed without a
// change to anything else. One new object is one new file.
import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { readIfExists } from '../../lib/atomic-file.ts';
import { objectKey } from '../../lib/kubernetes/api-object.ts';
import { API_VERSION } from '../../model/kubernetes-object.ts';
import { isFolderFile } from '../../sources/folder.ts';
import { readFolderFile } from '../../sources/folder-file.ts';
import { itemsOfList } from '../../sources/yaml-file.ts';
import { ApiError } from '../api-error.ts';
import { documentsOf, withDocument, yamlOf } from './folder-document.ts';
import type { ObjectName, StoredObject } from './object-store.ts';
import { createUserFile, isLink, removeUserFile, replaceUserFile } from './user-file.ts';

/** An object in a file of the folder. */
export interface PlacedObject {
  readonly object: StoredObject;
  readonly file: string;
  /** Of the whole file. */
  readonly text: string;
  /** Number of its document. */
  readonly document: number;
  /** Of a List, which is read only. */
  readonly isItem: boolean;
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
    const mode = await this.#usualMode();
    return this.#write({ file, document: 0 }, text, object, (path) => createUserFile(path, text, mode));
  }

  async replace(
    { file, text: former, document, object: before, isItem }: PlacedObject,
    object: StoredObject,
  ): Promise<StoredObject> {
    if (isItem) throw isInList(before, file);
    const { metadata, ...rest } = object;
    const { resourceVersion: _version, ...meta } = metadata;
    const plain = { ...rest, metadata: meta };
    const text = withDocument(former, document, orderedObject(plain));
    if (text === undefined || file.endsWith('.json')) throw cannotEdit(before, file);
    return this.#write({ file, document }, text, object, (path) => replaceUserFile(path, former, text));
  }

  async remove({ file, text: before, document, object, isItem }: PlacedObject): Promise<void> {
    if (isItem) throw isInList(object, file);
    const path = join(this.#folder, file);
    const text = withDocument(before, document, undefined);
    const isLast = documentsOf(before)?.length === 1;
    const rest = (text ?? '').replace(HEADER, '').replaceAll(/^---[ \t]*$/gm, '');
    if (isLast && rest.trim() === '' && !(await isLink(path))) {
      removeUserFile(path, before);
      return;
    }
    if (text === undefined) throw cannotEdit(object, file);
    // An empty file would be one that somebody is writing.
    await replaceUserFile(path, before, text.trim() === '' ? HEADER : text);
  }

  /** Of most files in the folder; of the folder itself where it has none. */
  async #usualMode(): Promise<number> {
    const names = (await readdir(this.#folder)).filter(isFolderFile);
    const found = await Promise.all(
      names.map((name) => stat(join(this.#folder, name)).catch(() => undefined)),
    );
    const modes = found.flatMap((status) => (status?.isFile() === true ? [modeFor(status.mode)] : []));
    if (modes.length === 0) return modeFor((await stat(this.#folder)).mode);
    const counts = new Map<number, number>();
    for (const mode of modes) counts.set(mode, (counts.get(mode) ?? 0) + 1);
    return modes.reduce((best, mode) => ((counts.get(mode) ?? 0) > (counts.get(best) ?? 0) ? mode : best));
  }

  /** What is written must be what a reader of the folder finds there. */
  async #write(
    { file, document }: Pick<PlacedObject, 'file' | 'document'>,
    text: string,
    object: StoredObject,
    write: (path: string) => Promise<void>,
  ): Promise<StoredObject> {
    const found = placedIn(file, text).find((one) => one.document === document)?.object;
    if (found === undefined || objectKey(found) !== objectKey(object)) throw cannotEdit(object, file);
    if (!isDeepStrictEqual(found['spec'], object['spec'])) throw cannotEdit(object, file);
    const path = join(this.#folder, file);
    await write(path);
    const status = await statusOf(path);
    const version = status?.version;
    const own = {
      version,
      ownVersion: version,
      inode: status?.inode ?? 0,
      text,
      placed: placedIn(file, text),
    };
    // Somebody may have saved it again before its status was read.
    if ((await readIfExists(path)) === text) this.#known.set(file, own);
    else this.#known.delete(file);
    return found;
  }
}

/** Without the right to execute, and such that this user can change it. */
function modeFor(mode: number): number {
  return (mode & 0o666) | 0o600;
}

interface FileStatus {
  readonly inode: number;
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
    inode: Number(status.ino),
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
    const items = itemsOfList(value);
    return (items ?? [value]).flatMap((one) => {
      const object = storedObject(one);
      return object === undefined ? [] : [{ object, file, text, document, isItem: items !== undefined }];
    });
  });
}

function storedObject(value: unknown): StoredObject | undefined {
  const object = value as StoredObject | null | undefined;
  if (object?.apiVersion !== API_VERSION || typeof object.metadata?.name !== 'string') return undefined;
  const resourceVersion = createHash('sha256').update(JSON.stringify(object)).digest('hex').slice(0, 16);
  return { ...object, metadata: { ...object.metadata, resourceVersion } };
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

function isInList(object: StoredObject, file: string): ApiError {
  return cannotWrite(
    object,
    `it is an item of a List in the file "${file}"; move it into a document of its own`,
  );
}

function cannotEdit(object: StoredObject, file: string): ApiError {
  return cannotWrite(
    object,
    `it is in the file "${file}", which cannot be edited without a change to other things in it; move it into a file of its own`,
  );
}
