// Finds Envoy's executable: on PATH if it is new enough, else the pinned one that hack/envoy.sh fetches once. Takes the
// PATH as text, reads no environment, starts only `envoy --version` and the script.
import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

/** The oldest Envoy that the rendered configuration was tested with. */
export const MINIMUM_ENVOY_VERSION = '1.40';

const run = promisify(execFile);
const script = join(import.meta.dirname, '../../../hack/envoy.sh');
const cached = join(homedir(), '.cache/sallyport/envoy-1.40.0/envoy');

/** Absolute path of an Envoy of at least 1.40; throws an Error with the found and the required version. */
export async function envoyBinary(pathVariable: string): Promise<string> {
  const onPath = await firstExecutable(
    pathVariable.split(delimiter).map((folder) => join(folder || '.', 'envoy')),
  );
  const tooOld = onPath === undefined ? undefined : await complaintAbout(onPath);
  if (onPath !== undefined && tooOld === undefined) {
    return onPath;
  }
  const found = tooOld ?? 'Cannot find "envoy" on PATH';
  const pinned = await pinnedEnvoy().catch((cause: unknown) => {
    throw new Error(`${found}\n${lastComplaint(cause)}`, { cause });
  });
  if (pinned === undefined) {
    throw new Error(`${found}: install Envoy ${MINIMUM_ENVOY_VERSION} or newer, or run hack/envoy.sh`);
  }
  const complaint = await complaintAbout(pinned);
  if (complaint !== undefined) {
    throw new Error(`${complaint}: remove it and run hack/envoy.sh`);
  }
  return pinned;
}

/** The version of an Envoy executable, for example "1.40.0"; throws when it does not run or does not say. */
export async function envoyVersion(binary: string): Promise<string> {
  const { stdout } = await run(binary, ['--version'], { timeout: 20_000 });
  const version = /\/(\d+\.\d+\.\d+)[^/]*\//.exec(stdout)?.[1];
  if (version === undefined) {
    throw new Error(
      `Cannot read a version from "${binary} --version", which said "${stdout.trim()}": want Envoy`,
    );
  }
  return version;
}

/** Why an Envoy of this version cannot be used; `wanted` says what to have instead. */
export function versionProblem(version: string, wanted: string): string | undefined {
  const isNewEnough = version.localeCompare(MINIMUM_ENVOY_VERSION, 'en', { numeric: true }) >= 0;
  return isNewEnough ? undefined : `it is Envoy ${version}, wanted ${wanted}`;
}

async function complaintAbout(binary: string): Promise<string | undefined> {
  try {
    const problem = versionProblem(await envoyVersion(binary), MINIMUM_ENVOY_VERSION);
    return problem === undefined ? undefined : `Cannot use "${binary}": ${problem}`;
  } catch (error) {
    return `Cannot use "${binary}": ${lastComplaint(error)}`;
  }
}

async function pinnedEnvoy(): Promise<string | undefined> {
  if ((await firstExecutable([script])) === undefined) {
    return await firstExecutable([cached]);
  }
  const { stdout } = await run(script, [], { timeout: 600_000 });
  return await firstExecutable([stdout.trim().split('\n').at(-1) ?? '']);
}

/** The script's own sentence is the last line that it writes. */
function lastComplaint(cause: unknown): string {
  const { stderr, message } = cause as { readonly stderr?: string; readonly message: string };
  return stderr?.trim().split('\n').at(-1) || message;
}

async function firstExecutable(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    try {
      await access(path, constants.X_OK);
      return path;
    } catch {
      // Not this one.
    }
  }
  return undefined;
}
