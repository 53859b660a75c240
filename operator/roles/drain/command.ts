// `sallyport drain`: tells the gateway that uses a state directory to drain, and returns at once. For the hook that
// Kubernetes runs before it ends a pod.
import { resolve } from 'node:path';
import { isRunning } from '../../gateway/process/process-identity.ts';
import { readHolder } from '../../gateway/state/directory-holder.ts';
import { gatewayStatePaths } from '../../gateway/state/state-directory.ts';
import { DRAIN_SIGNAL, exitStatus } from '../shared/exit-status.ts';

export function drainCommand({ state }: { readonly state: string }): Promise<number> {
  return exitStatus(async () => {
    const { root, holder: path } = await gatewayStatePaths(resolve(state));
    const holder = await readHolder(path);
    if (holder === undefined || !(await isRunning(holder))) {
      throw new Error(
        `Cannot drain: no gateway uses state directory "${root}"; name that of one with --state`,
      );
    }
    process.kill(holder.pid, DRAIN_SIGNAL);
  });
}
