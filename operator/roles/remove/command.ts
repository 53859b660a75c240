// `sallyport remove`: deletes what the programs of an installation have written, and ends. For "helm uninstall", after
// the programs and the admission policies are gone: before that admission denies it, and an operator would restore it.
import { setTimeout as sleep } from 'node:timers/promises';
import { type RemoveOptions, readRemoveConfig } from '../../cluster-config.ts';
import {
  failureLines,
  removedLines,
  removeInstallation,
} from '../../deliver/kubernetes/remove-installation.ts';
import { connectKubernetes } from '../../lib/kubernetes/connect-kubernetes.ts';
import type { KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { exitStatus } from '../shared/exit-status.ts';

/** For a second or two API servers still know the admission policies and rights of before. */
const ATTEMPTS = 10;
const PAUSE_MS = 1000;

export function removeCommand(options: RemoveOptions, environment: NodeJS.ProcessEnv): Promise<number> {
  return exitStatus(async () => {
    const { kubeconfig, podServer, systemNamespace } = readRemoveConfig(options, environment);
    const api = await connectKubernetes({ kubeconfig, podServer });
    try {
      await removeAll(api, systemNamespace);
    } finally {
      await api.close();
    }
  });
}

async function removeAll(api: KubernetesApi, systemNamespace: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const removal = await removeInstallation(api, systemNamespace);
    for (const line of removedLines(removal)) process.stdout.write(`${line}\n`);
    const lines = failureLines(removal);
    if (lines.length === 0) return;
    if (attempt === ATTEMPTS) throw new Error(`Cannot remove ${lines.length} objects:\n${lines.join('\n')}`);
    await sleep(PAUSE_MS);
  }
}
