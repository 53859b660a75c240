// Kubeconfigs as kubectl reads them: one file, or several that are merged, where the first to name something wins; and
// the context that a person chose instead of the current one.
import { existsSync } from 'node:fs';
import { delimiter } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';

export interface KubeconfigPlace {
  /** Path, or several with the separator of PATH between them. */
  readonly kubeconfig: string;
  /** Undefined: the current one. */
  readonly context?: string | undefined;
}

/** Nothing else can help than another kubeconfig: the message says which. */
export class UnusableKubeconfig extends Error {}

/** Throws where it cannot be read, or has no such context. */
export async function loadKubeconfig({ kubeconfig, context }: KubeconfigPlace): Promise<KubeConfig> {
  const { KubeConfig: Config } = await import('@kubernetes/client-node');
  const paths = kubeconfig.split(delimiter).filter((path) => path !== '');
  // Of several, kubectl leaves out those that are not there.
  const present = paths.length > 1 ? paths.filter((path) => existsSync(path)) : paths;
  const config = new Config();
  config.loadFromFile(present[0] ?? kubeconfig);
  for (const path of present.slice(1)) {
    const more = new Config();
    more.loadFromFile(path);
    config.clusters = withoutKnown(config.clusters, more.clusters);
    config.users = withoutKnown(config.users, more.users);
    config.contexts = withoutKnown(config.contexts, more.contexts);
    config.currentContext ||= more.currentContext;
  }
  if (context !== undefined) config.setCurrentContext(context);
  if (config.getCurrentCluster() !== null) return config;
  throw new UnusableKubeconfig(
    context === undefined
      ? `Cannot find a cluster in kubeconfig "${kubeconfig}": set its current context, for example with "kubectl config use-context"`
      : `Cannot find context "${context}" in kubeconfig "${kubeconfig}": it has ${namesOf(config)}`,
  );
}

function withoutKnown<Entry extends { readonly name: string }>(
  known: readonly Entry[],
  more: readonly Entry[],
): Entry[] {
  return [...known, ...more.filter(({ name }) => !known.some((one) => one.name === name))];
}

function namesOf({ contexts }: KubeConfig): string {
  return contexts.length === 0 ? 'none' : contexts.map(({ name }) => `"${name}"`).join(', ');
}
