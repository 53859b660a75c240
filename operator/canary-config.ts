// Options of canaries, and of the operator that makes them -> validated configuration.
import { CANARY_NAMESPACE } from './model/system-names.ts';
import { OptionError, readInterval, readPlace } from './option-values.ts';

/** Pods that measure whether the network enforces policies. */
export interface CanaryPodsConfig {
  readonly image: string;
  readonly namespace: string;
  /** Between two measurements of a node. */
  readonly intervalMs: number;
  /** Of the operator's own pod, which canaries must not reach; undefined where it is not in a pod. */
  readonly operatorAddress: string | undefined;
}

export interface CanaryPodsOptions {
  readonly canaryImage?: string;
  readonly canaryNamespace?: string;
  readonly canaryInterval?: string;
}

/** One measurement takes up to a quarter of a minute where all is well. */
const LEAST_INTERVAL_MS = 30_000;

/** Undefined: not measured. Throws an OptionError for an option that cannot be accepted. */
export function readCanaryPods(
  {
    canaryImage: image,
    canaryNamespace: namespace = CANARY_NAMESPACE,
    canaryInterval = '5m',
  }: CanaryPodsOptions,
  environment: NodeJS.ProcessEnv,
): CanaryPodsConfig | undefined {
  const interval = { leastMs: LEAST_INTERVAL_MS, example: '5m' };
  const intervalMs = readInterval('--canary-interval', canaryInterval, interval);
  if (image === undefined) return undefined;
  if (!/^\S+$/.test(image))
    throw new OptionError(
      `--canary-image: Cannot accept "${image}": write the image of Sallyport, as of the operator's own pod`,
    );
  return { image, namespace, intervalMs, operatorAddress: environment['POD_IP'] };
}

export interface CanaryOptions {
  readonly allowed: readonly string[];
  readonly denied: readonly string[];
  readonly result: string;
}

/** What one canary tries. */
export interface CanaryConfig {
  readonly targets: { readonly allowed: readonly CanaryTarget[]; readonly denied: readonly CanaryTarget[] };
  /** File for the line that says what was found. */
  readonly result: string;
}

interface CanaryTarget {
  readonly address: string;
  readonly port: number;
  /** As it was given. */
  readonly text: string;
}

/** Throws an OptionError for an option that cannot be accepted. */
export function readCanaryConfig({ allowed, denied, result }: CanaryOptions): CanaryConfig {
  const read = (option: string, texts: readonly string[]): readonly CanaryTarget[] => {
    if (texts.length > 0) return texts.map((text) => ({ ...readPlace(option, text), text }));
    throw new OptionError(`${option}: Cannot do without: write an address and port such as "192.0.2.53:443"`);
  };
  return { targets: { allowed: read('--allowed', allowed), denied: read('--denied', denied) }, result };
}
