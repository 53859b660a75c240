// Writes objects by server-side apply and removes what is no longer wanted. One object's failure is its own: the others
// continue, and the caller gets the failures.
import { setTimeout as delay } from 'node:timers/promises';
import { type KubernetesObject, objectKey, pathOf, type Resource } from '../../lib/kubernetes/api-object.ts';
import { ApiFailure, type KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { type Failure, inParallel } from './in-parallel.ts';
import { differs } from './plan-writes.ts';

const OPERATOR = 'sallyport-operator';

export type Verb = 'apply' | 'create' | 'remove' | 'repair' | 'patch';

export interface ObjectWriterOptions {
  readonly api: KubernetesApi;
  /** Name of the writer in the objects; the operator's unless given. */
  readonly fieldManager?: string;
  /** Every kind that is written. */
  readonly resources: readonly Resource[];
  /** Called before each write, so that a leader that was frozen writes nothing. */
  readonly mayWrite: () => boolean;
  /** Kinds whose stored version must be the one that was read, so that no older plan overwrites a newer one. */
  readonly versionedKinds: readonly string[];
  readonly onWrite?: (write: {
    readonly kind: string;
    readonly verb: Verb;
    readonly failed: boolean;
  }) => void;
}

/** Thrown where this process has lost leadership. */
export class NoLongerLeader extends Error {}

/** What could not be written, with why. */
export type WriteFailures = readonly Failure<Pick<KubernetesObject, 'kind' | 'metadata'>>[];

const ATTEMPTS = 4;
const BACKOFF_MS = 50;
/** Where a server asks for more, the next pass retries. */
const MAX_WAIT_MS = 5_000;

export class ObjectWriter {
  readonly #options: ObjectWriterOptions;
  readonly #fieldManager: string;
  /** Version of our own last write, which may be newer than that of the watch. */
  readonly #versions = new Map<string, string>();

  constructor(options: ObjectWriterOptions) {
    this.#options = options;
    this.#fieldManager = options.fieldManager ?? OPERATOR;
  }

  /** `observed` holds what the plan was made from. */
  applyAll(
    objects: readonly KubernetesObject[],
    observed: ReadonlyMap<string, KubernetesObject>,
  ): Promise<WriteFailures> {
    return inParallel(objects, (object) => this.#apply(object, observed.get(objectKey(object))));
  }

  removeAll(objects: readonly KubernetesObject[]): Promise<WriteFailures> {
    return inParallel(objects, (object) => this.#remove(object));
  }

  /** Writes an object only where there is none of that name. */
  async create(object: KubernetesObject): Promise<void> {
    const { namespace } = object.metadata;
    const path = pathOf(this.#resourceOf(object), { namespace });
    await this.#write(object, 'create', () =>
      this.#options.api.request({
        method: 'POST',
        path,
        query: { fieldManager: this.#fieldManager },
        body: object,
      }),
    ).catch((error: unknown) => {
      if (!(error instanceof ApiFailure) || error.reason !== 'AlreadyExists') throw error;
    });
  }

  /** Takes annotations off an object, whoever set them. */
  async removeAnnotations(object: KubernetesObject, names: readonly string[]): Promise<void> {
    const annotations = Object.fromEntries(names.map((name) => [name, null]));
    await this.#write(object, 'patch', () =>
      this.#options.api.request({
        method: 'PATCH',
        path: this.#pathOf(object),
        body: { metadata: { annotations } },
        contentType: 'application/merge-patch+json',
      }),
    );
  }

  async #apply(object: KubernetesObject, stored: KubernetesObject | undefined): Promise<void> {
    const key = objectKey(object);
    const body = this.#addressed(object, stored);
    const answer = await this.#write(object, 'apply', () =>
      this.#options.api.request({
        method: 'PATCH',
        path: this.#pathOf(object),
        query: { fieldManager: this.#fieldManager, force: 'true' },
        body,
        contentType: 'application/apply-patch+yaml',
      }),
    );
    const applied = answer as KubernetesObject;
    const isWhole = object['spec'] === undefined || !differs(object, applied);
    const settled = isWhole ? applied : await this.#repair(object, applied);
    this.#versions.set(key, settled.metadata.resourceVersion ?? '');
  }

  /** Under server-side apply, fields that others set stay theirs; the whole spec is ours. */
  async #repair(object: KubernetesObject, { metadata }: KubernetesObject): Promise<KubernetesObject> {
    const answer = await this.#write(object, 'repair', () =>
      this.#options.api.request({
        method: 'PATCH',
        path: this.#pathOf(object),
        query: { fieldManager: this.#fieldManager },
        body: [
          // Rejected as a conflict where the version has changed.
          { op: 'replace', path: '/metadata/resourceVersion', value: metadata.resourceVersion },
          { op: 'replace', path: '/spec', value: object['spec'] },
        ],
        contentType: 'application/json-patch+json',
      }),
    );
    return answer as KubernetesObject;
  }

  async #remove(object: KubernetesObject): Promise<void> {
    const { uid } = object.metadata;
    this.#versions.delete(objectKey(object));
    await this.#write(object, 'remove', () =>
      this.#options.api.request({
        method: 'DELETE',
        path: this.#pathOf(object),
        body: { preconditions: { uid } },
      }),
    ).catch((error: unknown) => {
      if (!(error instanceof ApiFailure) || error.status !== 404) throw error;
    });
  }

  /**
   * With the uid of the object that was read: a deleted one, a Namespace above all, must not be created again by an
   * apply. For versioned kinds also with its version, or that of our own last write where the watch does not have it
   * yet.
   */
  #addressed(object: KubernetesObject, stored: KubernetesObject | undefined): KubernetesObject {
    if (stored === undefined) return object;
    const { uid, resourceVersion: seen = '0' } = stored.metadata;
    const own = this.#versions.get(objectKey(object)) ?? '0';
    const resourceVersion = BigInt(own) > BigInt(seen) ? own : seen;
    const leadsThroughGateway = this.#options.versionedKinds.includes(object.kind);
    return {
      ...object,
      metadata: { ...object.metadata, uid, ...(leadsThroughGateway ? { resourceVersion } : {}) },
    };
  }

  async #write(object: KubernetesObject, verb: Verb, send: () => Promise<unknown>): Promise<unknown> {
    const notify = (failed: boolean): void => this.#options.onWrite?.({ kind: object.kind, verb, failed });
    try {
      const answer = await sendAsLeader(this.#options.mayWrite, send);
      notify(false);
      return answer;
    } catch (error) {
      notify(true);
      throw error;
    }
  }

  #pathOf(object: KubernetesObject): string {
    return pathOf(this.#resourceOf(object), object.metadata);
  }

  #resourceOf(object: KubernetesObject): Resource {
    return resourceOf(this.#options.resources, object);
  }
}

export function resourceOf(
  resources: readonly Resource[],
  { apiVersion, kind }: Pick<KubernetesObject, 'apiVersion' | 'kind'>,
): Resource {
  const found = resources.find((resource) => resource.apiVersion === apiVersion && resource.kind === kind);
  if (found === undefined)
    throw new Error(`Cannot write kind "${kind}": it is not among those that are written`);
  return found;
}

/**
 * Sends only while this process is leader, and again where the server is only busy. A conflict is never retried as it
 * is: its content was computed from outdated input, and the next pass computes it again.
 */
export async function sendAsLeader<Answer>(
  mayWrite: () => boolean,
  send: () => Promise<Answer>,
): Promise<Answer> {
  for (let attempt = 1; ; attempt += 1) {
    if (!mayWrite()) throw new NoLongerLeader('Another replica is leader now');
    try {
      return await send();
    } catch (error) {
      const waitMs = attempt < ATTEMPTS ? busyMs(error, attempt) : Number.POSITIVE_INFINITY;
      if (waitMs > MAX_WAIT_MS) throw error;
      await delay(waitMs * (1 + Math.random() / 2));
    }
  }
}

/** For how long the server is too busy; for ever where the failure is of another kind. */
function busyMs(error: unknown, attempt: number): number {
  const isBusy = error instanceof ApiFailure && (error.status === 429 || error.status === 503);
  return isBusy ? (error.retryAfterMs ?? BACKOFF_MS * 2 ** attempt) : Number.POSITIVE_INFINITY;
}
