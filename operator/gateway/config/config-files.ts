// The files from which Envoy takes its dynamic configuration: texts in, renamed files out, and back.
// The version of a file is a hash of its content, so equal versions mean equal configuration.
import { createHash } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AtomicFiles } from '../../lib/atomic-file.ts';
import { type Content, type Contents, type StoredBody, storedContent } from './contents.ts';

export interface StoredContents {
  readonly listeners: Contents;
  readonly clusters: Contents;
  readonly tables: Contents;
}

export interface DiscoveryFile {
  readonly version: string;
  readonly text: string;
}

const TABLE_NAME = /^[a-z0-9][a-z0-9.-]*$/;
const TABLE_ENDING = '.json';
const NOTHING: Content = { text: '', places: [], of: undefined };

/** A DiscoveryResponse with these resources, ordered by name. */
export function discoveryFile(resources: Contents): DiscoveryFile {
  const texts = sortedNames(resources).map((name) => resources.get(name)?.text ?? '');
  const list = `[${texts.join(',\n')}]`;
  const version = createHash('sha256').update(list).digest('hex').slice(0, 16);
  return { version, text: `{"version_info":"${version}","resources":${list}}\n` };
}

/** Cheaper than comparing versions: the texts of a large configuration need not be joined and hashed. */
export function sameResources(a: Contents, b: Contents): boolean {
  return a.size === b.size && [...a].every(([name, { text }]) => b.get(name)?.text === text);
}

/** The order of discoveryFile(), for messages that count resources. */
export function sortedNames(resources: Contents): string[] {
  return [...resources.keys()].sort();
}

export function tablePath(directory: string, table: string): string {
  if (!TABLE_NAME.test(table)) {
    throw new Error(
      `Cannot name a file after route table "${table}": use lower-case letters, digits, "." and "-"`,
    );
  }
  return join(directory, 'rds', `${table}${TABLE_ENDING}`);
}

/** The contents of the directory; a file that is missing or unreadable has none. */
export async function readStoredContents(directory: string, files: AtomicFiles): Promise<StoredContents> {
  const tables = new Map<string, Content>();
  await mkdir(join(directory, 'rds'), { recursive: true });
  for (const name of await readdir(join(directory, 'rds'))) {
    const path = join(directory, 'rds', name);
    if (name.endsWith(TABLE_ENDING)) {
      const resources = await readDiscoveryFile(path, files);
      tables.set(name.slice(0, -TABLE_ENDING.length), [...resources.values()][0] ?? NOTHING);
    } else {
      // The temporary file of a process that was killed while it wrote.
      await rm(path, { force: true, recursive: true });
    }
  }
  return {
    listeners: await readDiscoveryFile(join(directory, 'lds/listeners.json'), files),
    clusters: await readDiscoveryFile(join(directory, 'cds/clusters.json'), files),
    tables,
  };
}

async function readDiscoveryFile(path: string, files: AtomicFiles): Promise<Map<string, Content>> {
  try {
    const parsed = JSON.parse((await files.readIfExists(path)) ?? '{}') as { resources?: StoredBody[] };
    return new Map((parsed.resources ?? []).map((body) => [body.name, storedContent(body)]));
  } catch {
    return new Map();
  }
}
