// `sallyport canary`: runs in a pod of its own, made by the operator, whose KubeNetworkPolicy allows it the allowed
// targets and nothing else. It leaves one line of JSON as its termination message; what follows from it is not its to
// judge.
import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type CanaryOptions, readCanaryConfig } from '../../canary-config.ts';
import { formatCanaryResult } from '../../model/canary-result.ts';
import { exitStatus } from '../shared/exit-status.ts';
import { dial } from './dial.ts';
import { tryTargets } from './try-targets.ts';

const PAUSE_MS = 250;

export function canaryCommand(options: CanaryOptions): Promise<number> {
  return exitStatus(async () => {
    const { targets, result } = readCanaryConfig(options);
    const network = { opens: dial, nowMs: () => performance.now(), pause: () => delay(PAUSE_MS) };
    const line = formatCanaryResult(await tryTargets(targets, network));
    await writeFile(result, line).catch(({ message }: Error) => {
      throw new Error(`--result: Cannot write what was found to "${result}": ${message}`);
    });
  });
}
