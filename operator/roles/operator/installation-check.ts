// Whether the cluster has what this version of the operator was built for: a Kubernetes that stamps pods, and our
// CustomResourceDefinitions as they are here. Where those are of another version, the API server drops fields or accepts
// what nobody reads, without a word. Looked at again and again, since anybody may apply others.
import type { KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { ApiFailure } from '../../lib/kubernetes/kubernetes-api.ts';
import type { Logger } from '../../lib/logger.ts';
import { Loop, SYSTEM_CLOCK } from '../../lib/loop.ts';
import { crdDifference } from '../../manifests/crd-difference.ts';
import { KINDS } from '../../model/kinds.ts';
import { GROUP, type KindDescription } from '../../model/kubernetes-object.ts';
import { formatProblem, type Problem } from '../../model/problem.ts';

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const INTERVAL_MS = 30_000;
const RETRY_INTERVAL_MS = 2000;
/** The first with MutatingAdmissionPolicy in v1. */
const OLDEST_MINOR = 36;
const MEND =
  'apply those of this version with "kubectl apply --server-side --force-conflicts -f crds/", or set "crds.enabled" of the chart to true';

export interface InstallationCheckOptions {
  readonly api: Pick<KubernetesApi, 'request'>;
  readonly logger: Pick<Logger, 'error' | 'info' | 'warn'>;
  /** After a look that found something else than the one before. */
  readonly onChange: () => void;
}

export class InstallationCheck {
  readonly #options: InstallationCheckOptions;
  readonly #loop: Loop;
  /** Undefined before the first look. */
  #problems: readonly Problem[] | undefined;
  #failure: string | undefined;

  constructor(options: InstallationCheckOptions) {
    this.#options = options;
    this.#loop = new Loop({
      job: async () => {
        await this.look();
        return {};
      },
      minIntervalMs: 0,
      retryIntervalMs: RETRY_INTERVAL_MS,
      maxIntervalMs: INTERVAL_MS,
      clock: SYSTEM_CLOCK,
      onFailure: (error) => this.#failed(error as Error),
    });
  }

  start(): void {
    this.#loop.trigger();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
  }

  /** What the last look found; it stays while the API server is away. */
  problems(): readonly Problem[] {
    return this.#problems ?? [];
  }

  /** Why this operator should not take over from another one. */
  fault(): string | undefined {
    if (this.#problems === undefined) return this.#failure ?? 'CustomResourceDefinitions not read yet';
    return this.#problems.length === 0 ? undefined : this.#problems.map(formatProblem).join('; ');
  }

  /** Throws where the API server does not answer, or the right is missing. */
  async look(): Promise<void> {
    const { api, logger, onChange } = this.#options;
    const found = await Promise.all([serverProblem(api), ...KINDS.map((kind) => crdProblem(api, kind))]);
    const problems = found.filter((problem) => problem !== undefined);
    const known = new Set(this.problems().map(formatProblem));
    const hadProblems = known.size > 0;
    this.#problems = problems;
    this.#failure = undefined;
    const fresh = problems.map(formatProblem).filter((text) => !known.has(text));
    for (const text of fresh) logger.error(text);
    if (hadProblems && problems.length === 0) logger.info('the installation is of this version again');
    if (fresh.length > 0 || known.size !== problems.length) onChange();
  }

  #failed(error: Error): void {
    const failure = `Cannot read the CustomResourceDefinitions: ${error.message}`;
    if (this.#failure !== failure) this.#options.logger.warn(failure);
    this.#failure = failure;
  }
}

async function serverProblem(api: InstallationCheckOptions['api']): Promise<Problem | undefined> {
  const { major, minor, gitVersion } = (await api.request({ method: 'GET', path: '/version' })) as {
    readonly major: string;
    readonly minor: string;
    readonly gitVersion: string;
  };
  // "36+" with some.
  if (Number(major) > 1 || Number.parseInt(minor, 10) >= OLDEST_MINOR) return undefined;
  const message = `The API server is Kubernetes ${gitVersion}, which cannot stamp pods: upgrade it to 1.${OLDEST_MINOR} or newer`;
  return { reason: 'KubernetesTooOld', message };
}

async function crdProblem(
  api: InstallationCheckOptions['api'],
  kind: KindDescription,
): Promise<Problem | undefined> {
  const name = `${kind.plural}.${GROUP}`;
  const stored = await api.request({ method: 'GET', path: `${CRDS}/${name}` }).catch((error: unknown) => {
    if (error instanceof ApiFailure && error.status === 404) return undefined;
    throw error;
  });
  const object = `CustomResourceDefinition/${name}`;
  if (stored === undefined) return { reason: 'CrdNotFound', object, message: `It is not installed: ${MEND}` };
  const difference = crdDifference(kind, stored);
  if (difference === undefined) return undefined;
  return {
    reason: 'CrdOfAnotherVersion',
    object,
    message: `It is of another version (${difference}), so fields of objects may get lost: ${MEND}`,
  };
}
