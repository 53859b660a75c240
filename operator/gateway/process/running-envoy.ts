// One running Envoy, ours or adopted: start it detached, notice its exit, end it. envoy-process.ts restarts and adopts,
// and has the files around it.
import { type ChildProcess, spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { EnvoyLog } from './envoy-log.ts';
import { identify, isRunning, type ProcessIdentity, signalProcess } from './process-identity.ts';

export interface EnvoyExit {
  /** Undefined for an Envoy of another container. */
  readonly pid: number | undefined;
  /** Both null for an adopted Envoy, which is not our child. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Envoy's last errors, or empty. */
  readonly text: string;
}

export interface RunningEnvoy {
  readonly identity: ProcessIdentity;
  readonly exit: Promise<EnvoyExit>;
}

/** Starts Envoy in its own session, so that it outlives us; its output is appended to the log. */
export async function spawnEnvoy(
  binary: string,
  args: readonly string[],
  log: EnvoyLog,
): Promise<RunningEnvoy> {
  const output = await open(log.path, 'a', 0o644);
  try {
    const child = spawn(binary, args, {
      detached: true,
      stdio: ['ignore', output.fd, output.fd],
      cwd: dirname(dirname(log.path)),
    });
    const exit = childExit(child, log);
    const identity = child.pid === undefined ? undefined : await identify(child.pid);
    if (identity === undefined) {
      throw new Error(`Cannot start Envoy: ${describeExit(await exit)}`);
    }
    child.unref();
    return { identity, exit };
  } finally {
    await output.close();
  }
}

/** An Envoy that is not our child can only be polled, every second. */
export function adoptEnvoy(identity: ProcessIdentity, log: EnvoyLog, stopped: AbortSignal): RunningEnvoy {
  const watch = async (): Promise<EnvoyExit> => {
    await log.mark();
    while (!stopped.aborted && (await isRunning(identity))) {
      await delay(1_000, undefined, { signal: stopped, ref: false }).catch(() => undefined);
    }
    return { pid: identity.pid, code: null, signal: null, text: await log.complaintsSinceMark() };
  };
  return { identity, exit: watch() };
}

/** SIGTERM, then SIGKILL after the limit. Resolves when the process is gone; throws when it survives both. */
export async function endProcess(identity: ProcessIdentity, timeoutMs: number): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    await signalProcess(identity, signal);
    const deadlineMs = performance.now() + timeoutMs;
    while (performance.now() < deadlineMs) {
      if (!(await isRunning(identity))) {
        return;
      }
      await delay(10);
    }
  }
  throw new Error(
    `Cannot stop Envoy with process id "${identity.pid}": it survived SIGKILL, check the machine`,
  );
}

export function describeExit({ code, signal, text }: EnvoyExit): string {
  return text || `it ended with ${signal ?? `exit code ${code ?? 'unknown'}`}`;
}

function childExit(child: ChildProcess, log: EnvoyLog): Promise<EnvoyExit> {
  return new Promise((resolve) => {
    child.once('error', (error) => {
      resolve({ pid: 0, code: null, signal: null, text: error.message });
    });
    child.once('exit', (code, signal) => {
      void log.complaintsSinceMark().then((text) => {
        resolve({ pid: child.pid ?? 0, code, signal, text });
      });
    });
  });
}
