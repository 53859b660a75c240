// Everything of a kind -> a replacement of what is stored. Either as a stream, which costs both sides little memory,
// or in pages, for API servers that cannot stream a list. All of it, or an error.
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { KubernetesObject } from '../../lib/kubernetes/api-object.ts';
import type { KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import type { Replacement } from './object-store.ts';
import { checkEvent, isInitialEnd, type WatchEvent } from './watch-event.ts';

export interface Listing {
  readonly api: KubernetesApi;
  readonly path: string;
  readonly selection: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

type Target = Pick<Replacement, 'put' | 'remove'>;

const PAGE_SIZE = '500';
/**
 * A stream without data for so long is abandoned. An API server to which a kind was just added sometimes never starts;
 * asked for pages it answers.
 */
const SILENCE_MS = 5_000;
const LONGEST_LIST_SECONDS = '600';

/** The stream stopped before its end. */
export class SilentList extends Error {}

/** The resourceVersion of the whole. */
export async function streamList(listing: Listing, target: Target): Promise<string> {
  const { api, path, selection } = listing;
  const watchdog = new AbortController();
  const timer = setTimeout(() => watchdog.abort(), SILENCE_MS);
  const query = {
    ...selection,
    watch: 'true',
    sendInitialEvents: 'true',
    resourceVersionMatch: 'NotOlderThan',
    allowWatchBookmarks: 'true',
    timeoutSeconds: LONGEST_LIST_SECONDS,
  };
  const signal = AbortSignal.any([listing.signal, watchdog.signal]);
  try {
    for await (const value of api.stream({ path, query, signal })) {
      const event = checkEvent(value);
      if (isInitialEnd(event)) return event.object.metadata.resourceVersion ?? '';
      collect(event, target);
      timer.refresh();
    }
  } catch (error) {
    if (!watchdog.signal.aborted) throw error;
    throw new SilentList(`The list of ${path} brought nothing for ${SILENCE_MS} ms`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
  throw new Error(`The list of ${path} ended before it was whole`);
}

function collect({ type, object }: WatchEvent, target: Target): void {
  if (type === 'DELETED') target.remove(object);
  else if (type !== 'BOOKMARK') target.put(object);
}

interface Page {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly KubernetesObject[];
}

export async function listInPages(listing: Listing, target: Target): Promise<string> {
  const { api, path, selection, signal } = listing;
  let next: string | undefined;
  for (;;) {
    const query = { ...selection, limit: PAGE_SIZE, ...(next === undefined ? {} : { continue: next }) };
    const page = (await api.request({ method: 'GET', path, query, signal })) as Page;
    await yieldToEventLoop();
    // Items of a list lack kind and apiVersion; the list has them.
    const type = { apiVersion: page.apiVersion, kind: page.kind.replace(/List$/, '') };
    for (const item of page.items) target.put({ ...item, ...type });
    next = page.metadata.continue;
    if (next === undefined || next === '') return page.metadata.resourceVersion;
  }
}
