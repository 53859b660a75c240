// Where `sallyport run` and `sallyport gateway` keep what must survive them: Envoy's files and the position in its log,
// and what each of the two remembers.
import { access, constants, mkdir, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { HeldByAnother, holdDirectory } from './directory-holder.ts';
import { checkWay, currentOwners, NotOurs, takeForOurselves } from './own-directory.ts';

export interface StatePaths {
  readonly root: string;
  readonly envoy: string;
  readonly envoyLog: string;
  readonly database: string;
  readonly querySocket: string;
  /** What callers of the socket present. */
  readonly querySecret: string;
  readonly ports: string;
  readonly endpoints: string;
  /** What is remembered of open tunnels. */
  readonly tunnels: string;
  /** Tables and plans as the API server gave them last. */
  readonly compiled: string;
  /** Which of their revisions Envoy runs. */
  readonly inForce: string;
  /** Which process has the directory. */
  readonly holder: string;
}

export function statePaths(root: string): StatePaths {
  return {
    root,
    envoy: join(root, 'envoy'),
    envoyLog: join(root, 'envoy/log'),
    database: join(root, 'denials.duckdb'),
    querySocket: join(root, 'denials.sock'),
    querySecret: join(root, 'denials.secret'),
    ports: join(root, 'ports.json'),
    endpoints: join(root, 'endpoints.json'),
    tunnels: join(root, 'tunnels.json'),
    compiled: join(root, 'compiled.json'),
    inForce: join(root, 'in-force.json'),
    holder: join(root, 'holder.json'),
  };
}

const LONGEST_SOCKET_PATH = 107;
const NOBODY_ELSE = 0o077;
const OWN_DIRECTORY = 0o700;
/** Of a volume that belongs to root. */
const DIRECTORY_IN_VOLUME = 'gateway';

export interface StateDirectory {
  readonly paths: StatePaths;
  /** What was changed, a sentence for each. */
  readonly notes: readonly string[];
  /** Gives the directory back, so that another process may have it. */
  readonly release: () => Promise<void>;
}

export interface StateDirectoryOptions {
  /** The directory may be a volume of a pod: it belongs to root, and all of the pod may write there. */
  readonly mayBeVolume?: boolean;
}

/**
 * From then on, what this process and its Envoy make is for their user alone. Throws where the directory cannot be made
 * or written, where another process has it or somebody else could change what is in it, or where it is too deep for the
 * sockets in it.
 */
export async function prepareStateDirectory(
  directory: string,
  { mayBeVolume = false }: StateDirectoryOptions = {},
): Promise<StateDirectory> {
  const isVolume = mayBeVolume && (await isRootsVolume(directory));
  const root = isVolume ? join(directory, DIRECTORY_IN_VOLUME) : directory;
  const paths = statePaths(root);
  checkSocketPath(paths);
  process.umask(NOBODY_ELSE);
  try {
    await makeDirectory(root);
    const owners = await currentOwners();
    // A volume is narrowed by making a directory of ours in it.
    if (!isVolume) await checkWay(root, owners);
    const restricted = await takeForOurselves(await realpath(root), owners);
    await makeDirectory(paths.envoyLog);
    await access(root, constants.W_OK);
    const release = await holdDirectory(paths.holder);
    return { paths, release, notes: restricted > 0 ? [restrictedNote(root, restricted)] : [] };
  } catch (cause) {
    throw new Error(sentenceOf(root, cause as NodeJS.ErrnoException), { cause });
  }
}

function sentenceOf(root: string, cause: NodeJS.ErrnoException): string {
  if (cause instanceof NotOurs || cause instanceof HeldByAnother) {
    return `Cannot use state directory "${root}": ${cause.message}, or choose another with --state`;
  }
  const detail = cause.code === 'ENOTDIR' || cause.code === 'EEXIST' ? 'it is a file' : cause.message;
  return `Cannot write to state directory "${root}": ${detail}; choose another with --state`;
}

function checkSocketPath({ root, envoy }: StatePaths): void {
  if (Buffer.byteLength(join(envoy, 'admin.sock')) <= LONGEST_SOCKET_PATH) return;
  throw new Error(
    `Cannot use state directory "${root}": its sockets would have paths of over ${LONGEST_SOCKET_PATH} bytes; choose a shorter one with --state`,
  );
}

/** An emptyDir is made by root, for everybody; who else is in a pod is the pod's business. */
async function isRootsVolume(directory: string): Promise<boolean> {
  const [own, above] = await Promise.all(
    [directory, dirname(directory)].map((path) => stat(path).catch(() => undefined)),
  );
  return own !== undefined && own.uid === 0 && process.geteuid?.() !== 0 && own.dev !== above?.dev;
}

function restrictedNote(root: string, entries: number): string {
  return `Took from other users their rights to ${entries} files and directories of state directory "${root}"`;
}

/** Parents too. Not with Node's own `recursive`, which never ends where the system denies a parent, as in /proc. */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, OWN_DIRECTORY);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeDirectory(dirname(path));
    await mkdir(path, OWN_DIRECTORY);
  }
}
