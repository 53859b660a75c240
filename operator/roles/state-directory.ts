// Where `sallyport run` and `sallyport gateway` keep what must survive them: Envoy's files and the position in its log,
// and what each of the two remembers.
import { access, constants, mkdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export interface StatePaths {
  readonly root: string;
  readonly envoy: string;
  readonly envoyLog: string;
  readonly database: string;
  readonly querySocket: string;
  readonly ports: string;
  readonly endpoints: string;
  /** What is remembered of open tunnels. */
  readonly tunnels: string;
  /** Tables and plans as the API server gave them last. */
  readonly compiled: string;
  /** Which of their revisions Envoy runs. */
  readonly inForce: string;
}

export function statePaths(root: string): StatePaths {
  return {
    root,
    envoy: join(root, 'envoy'),
    envoyLog: join(root, 'envoy/log'),
    database: join(root, 'denials.duckdb'),
    querySocket: join(root, 'denials.sock'),
    ports: join(root, 'ports.json'),
    endpoints: join(root, 'endpoints.json'),
    tunnels: join(root, 'tunnels.json'),
    compiled: join(root, 'compiled.json'),
    inForce: join(root, 'in-force.json'),
  };
}

const LONGEST_SOCKET_PATH = 107;

/** Throws where the directory cannot be made or written, or is too deep for the sockets in it. */
export async function prepareStateDirectory(root: string): Promise<StatePaths> {
  const paths = statePaths(root);
  const socket = join(paths.envoy, 'admin.sock');
  if (Buffer.byteLength(socket) > LONGEST_SOCKET_PATH) {
    throw new Error(
      `Cannot use state directory "${root}": its sockets would have paths of over ${LONGEST_SOCKET_PATH} bytes; choose a shorter one with --state`,
    );
  }
  try {
    await makeDirectory(paths.envoyLog);
    await access(root, constants.W_OK);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const detail = code === 'ENOTDIR' || code === 'EEXIST' ? 'it is a file' : message;
    throw new Error(`Cannot write to state directory "${root}": ${detail}; choose another with --state`, {
      cause,
    });
  }
  return paths;
}

/** Parents too. Not with Node's own `recursive`, which never ends where the system denies a parent, as in /proc. */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeDirectory(dirname(path));
    await mkdir(path);
  }
}
