// The state directory of `sallyport run` and `sallyport gateway`, which survives them: Envoy's files, the position in
// its log, and the state of the role.
import { access, constants, mkdir, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeProblem } from '../../lib/atomic-file.ts';
import { HeldByAnother, holdDirectory } from './directory-holder.ts';
import { checkWay, currentOwners, NotOurs, takeForOurselves } from './own-directory.ts';

export interface StatePaths {
  readonly root: string;
  readonly envoy: string;
  readonly envoyLog: string;
  /** The Envoy for ingress, and the spools of requests from outside. */
  readonly ingressEnvoy: string;
  readonly ingressLog: string;
  /** Generations of access. */
  readonly generations: string;
  /** Counts of access lists. */
  readonly hits: string;
  /** How often allowed destinations were used. */
  readonly entryUses: string;
  /** The last ingress plans; those of a folder with who administers its workspaces. */
  readonly ingressPlans: string;
  readonly database: string;
  readonly querySocket: string;
  /** Secret that callers of the socket present. */
  readonly querySecret: string;
  readonly ports: string;
  readonly endpoints: string;
  /** Memory of open tunnels. */
  readonly tunnels: string;
  /** The last tables and plans of the API server. */
  readonly compiled: string;
  /** Which of their revisions Envoy runs. */
  readonly inForce: string;
  /** The process that uses the directory. */
  readonly holder: string;
}

export function statePaths(root: string): StatePaths {
  return {
    root,
    envoy: join(root, 'envoy'),
    envoyLog: join(root, 'envoy/log'),
    ingressEnvoy: join(root, 'ingress/envoy'),
    ingressLog: join(root, 'ingress/envoy/log'),
    generations: join(root, 'ingress/generations.json'),
    hits: join(root, 'hits.json'),
    entryUses: join(root, 'entry-uses.json'),
    ingressPlans: join(root, 'ingress-plans.json'),
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
export const DIRECTORY_IN_VOLUME = 'gateway';

export interface StateDirectory {
  readonly paths: StatePaths;
  /** Changes, a sentence for each. */
  readonly notes: readonly string[];
  /** Releases the directory for another process. */
  readonly release: () => Promise<void>;
}

export interface StateDirectoryOptions {
  /** The directory may be a volume of a pod, which belongs to root and is writable for the whole pod. */
  readonly mayBeVolume?: boolean;
}

/** Where a gateway of a cluster has its state: in a volume, a private directory of ours is created. */
export async function gatewayStatePaths(directory: string): Promise<StatePaths> {
  const isVolume = await isRootsVolume(directory);
  return statePaths(isVolume ? join(directory, DIRECTORY_IN_VOLUME) : directory);
}

/**
 * Afterwards, files of this process and its Envoy are for their user alone. Throws where the directory cannot be
 * created or written, where another process uses it, where somebody else could change it, or where its path is too long
 * for its sockets.
 */
export async function prepareStateDirectory(
  directory: string,
  { mayBeVolume = false }: StateDirectoryOptions = {},
): Promise<StateDirectory> {
  const paths = mayBeVolume ? await gatewayStatePaths(directory) : statePaths(directory);
  const { root } = paths;
  checkSocketPath(paths);
  process.umask(NOBODY_ELSE);
  try {
    await makeDirectory(root);
    const owners = await currentOwners();
    if (root === directory) await checkWay(root, owners);
    const restricted = await takeForOurselves(await realpath(root), owners);
    await makeDirectory(paths.envoyLog);
    await makeDirectory(paths.ingressLog);
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
  if (cause.code === 'ENOSPC' || cause.code === 'EDQUOT') return writeProblem(root, cause);
  const detail = cause.code === 'ENOTDIR' || cause.code === 'EEXIST' ? 'it is a file' : cause.message;
  return `Cannot write to state directory "${root}": ${detail}; choose another with --state`;
}

function checkSocketPath({ root, ingressEnvoy }: StatePaths): void {
  if (Buffer.byteLength(join(ingressEnvoy, 'admin.sock')) <= LONGEST_SOCKET_PATH) return;
  throw new Error(
    `Cannot use state directory "${root}": its sockets would have paths of over ${LONGEST_SOCKET_PATH} bytes; choose a shorter one with --state`,
  );
}

/** An emptyDir is created by root, for everybody; containers of one pod trust each other. */
async function isRootsVolume(directory: string): Promise<boolean> {
  const [own, above] = await Promise.all(
    [directory, dirname(directory)].map((path) => stat(path).catch(() => undefined)),
  );
  return own !== undefined && own.uid === 0 && process.geteuid?.() !== 0 && own.dev !== above?.dev;
}

function restrictedNote(root: string, entries: number): string {
  return `Took from other users their rights to ${entries} files and directories of state directory "${root}"`;
}

/** Parents too. Not with Node's own `recursive`, which never returns where the system denies a parent, as in /proc. */
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
