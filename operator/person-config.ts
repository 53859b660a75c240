// Options and environment of commands that people use on a cluster, as kubectl reads them -> validated configuration.
import { homedir } from 'node:os';
import { join } from 'node:path';
import { SYSTEM_NAMESPACE } from './model/system-names.ts';
import { OptionError } from './option-values.ts';

export interface PersonConfig {
  /** Path, or several as in PATH. */
  readonly kubeconfig: string;
  readonly context: string | undefined;
  /** User whose rights count instead of the kubeconfig's own. */
  readonly as: string | undefined;
  /** Where Sallyport itself runs. */
  readonly systemNamespace: string;
}

export interface PersonOptions {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly as?: string;
  readonly systemNamespace?: string;
}

export function readPersonConfig(options: PersonOptions, environment: NodeJS.ProcessEnv): PersonConfig {
  const { kubeconfig, context, as, systemNamespace = SYSTEM_NAMESPACE } = options;
  if (kubeconfig === '') throw new OptionError('--kubeconfig: name a file');
  // An empty KUBECONFIG counts as none, as with kubectl.
  const usual = environment['KUBECONFIG'] || join(homedir(), '.kube', 'config');
  return { kubeconfig: kubeconfig ?? usual, context, as, systemNamespace };
}
