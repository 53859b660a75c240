// One change of a workspace's lists at a time, whichever process makes it: an annotation of its WorkspaceConf that a
// process puts there with the resourceVersion it has read, and takes away after its change. So processes without a
// state cannot together exceed a limit that each of them keeps to. The lock of a process that died ends by itself, and
// what holds it writes nothing afterwards. Behind it the operator accepts no list beyond the limit.
import { randomUUID } from 'node:crypto';
import { pathOf } from '../../lib/kubernetes/api-object.ts';
import type { KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { ACCESS_CHANGE } from '../../model/access-annotations.ts';
import { WORKSPACE_CONFS } from '../../model/cluster-resources.ts';
import { API_VERSION } from '../../model/kubernetes-object.ts';
import { WORKSPACE_CONF_NAME } from '../../model/workspace-conf.ts';
import { FIELD_MANAGER } from '../authorship.ts';
import type { StoredObject } from './object-store.ts';

const LIVES_MS = 10_000;
/** A write of the holder that is not answered by then is given up. */
const WRITES_MS = 8_000;
/** Between the clocks of two processes; a lock that seems to live longer than this more is none. */
const SKEW_MS = 60_000;

export interface HeldLock {
  /** Of the writes under it. */
  readonly signal: AbortSignal;
  release(): Promise<void>;
}

/** Somebody else was first, or what was to be changed is gone: read and decide again. */
export class Contended extends Error {
  readonly isMissing: boolean;

  constructor(message: string, { isMissing }: { readonly isMissing: boolean }) {
    super(message);
    this.isMissing = isMissing;
  }
}

export class AccessLock {
  readonly #api: Pick<KubernetesApi, 'request'>;
  readonly #namespace: string;

  constructor(api: Pick<KubernetesApi, 'request'>, namespace: string) {
    this.#api = api;
    this.#namespace = namespace;
  }

  /** Throws Contended where somebody else has it. */
  async take(conf: StoredObject | undefined): Promise<HeldLock> {
    const held = conf?.metadata.annotations?.[ACCESS_CHANGE];
    if (held !== undefined && isAlive(held)) {
      throw new Contended('Another change of these lists is under way', { isMissing: false });
    }
    const mine = `${Date.now() + LIVES_MS} ${randomUUID()}`;
    const ending = new AbortController();
    const timer = setTimeout(() => ending.abort(), WRITES_MS);
    try {
      await (conf === undefined ? this.#create(mine) : this.#annotate(conf, mine));
    } catch (error) {
      clearTimeout(timer);
      throw error;
    }
    const release = async (): Promise<void> => {
      clearTimeout(timer);
      await this.#release(mine);
    };
    return { signal: ending.signal, release };
  }

  async #create(mine: string): Promise<void> {
    const metadata = {
      name: WORKSPACE_CONF_NAME,
      namespace: this.#namespace,
      annotations: { [ACCESS_CHANGE]: mine },
    };
    await this.#api.request({
      method: 'POST',
      path: pathOf(WORKSPACE_CONFS, { namespace: this.#namespace }),
      query: { fieldManager: FIELD_MANAGER },
      body: { apiVersion: API_VERSION, kind: WORKSPACE_CONFS.kind, metadata },
    });
  }

  async #annotate({ metadata: { resourceVersion } }: StoredObject, mine: string): Promise<void> {
    await this.#patch('application/merge-patch+json', {
      metadata: { resourceVersion, annotations: { [ACCESS_CHANGE]: mine } },
    });
  }

  /** Only while it is still ours. What fails here ends by itself. */
  async #release(mine: string): Promise<void> {
    const path = `/metadata/annotations/${ACCESS_CHANGE.replaceAll('/', '~1')}`;
    await this.#patch('application/json-patch+json', [
      { op: 'test', path, value: mine },
      { op: 'remove', path },
    ]).catch(() => undefined);
  }

  async #patch(
    contentType: 'application/merge-patch+json' | 'application/json-patch+json',
    body: unknown,
  ): Promise<void> {
    await this.#api.request({
      method: 'PATCH',
      path: pathOf(WORKSPACE_CONFS, { namespace: this.#namespace, name: WORKSPACE_CONF_NAME }),
      query: { fieldManager: FIELD_MANAGER },
      body,
      contentType,
    });
  }
}

function isAlive(held: string): boolean {
  const until = Number(held.split(' ')[0]);
  return Number.isFinite(until) && Date.now() < until && until <= Date.now() + LIVES_MS + SKEW_MS;
}
