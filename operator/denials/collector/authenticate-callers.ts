// Who calls the collector, as the API server says: by TokenReview, or by a client certificate of the cluster that TLS
// has checked already. A gateway is a pod with a token for the collector's audience that is bound to it; whoever else is
// known is a person, with a token that the API server itself would accept.
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import pLimit from 'p-limit';
import { z } from 'zod';
import { pathOf } from '../../lib/kubernetes/api-object.ts';
import type { KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { TOKEN_REVIEWS } from '../../model/cluster-resources.ts';
import {
  API_ACCOUNT,
  accountUser,
  COLLECTOR_AUDIENCE,
  GATEWAY_ACCOUNT,
  INGRESS_ACCOUNT,
  POD_NAME_EXTRA,
  POD_UID_EXTRA,
} from '../../model/system-names.ts';
import type { Direction } from '../wire/collector-wire.ts';
import type { Authenticate, Caller, Credentials, PersonCaller } from './caller.ts';

export interface AuthenticateOptions {
  readonly api: Pick<KubernetesApi, 'request'>;
  readonly systemNamespace: string;
  /** How long an answer counts; so long a token is accepted after it has been revoked. */
  readonly rememberMs?: number;
  /** Milliseconds of a clock that never jumps. */
  readonly nowMs?: () => number;
}

const REMEMBER_MS = 10_000;
/**
 * When half of that is over, the next call asks again, and waits for nothing. So whoever calls all the time is let in for
 * half of it at least after its pod is gone: a gateway that is killed can still send what it has.
 */
const STALE_SHARE = 0.5;
const MOST_REMEMBERED = 1000;
/** Of strangers with a new token each, so that the API server has few at once. */
const MOST_REVIEWS = 16;

/** Of everybody who is known to the API server. */
const AUTHENTICATED = 'system:authenticated';

const reviewSchema = z.object({
  status: z.object({
    authenticated: z.boolean().default(false),
    audiences: z.array(z.string()).default([]),
    user: z
      .object({
        username: z.string().default(''),
        uid: z.string().default(''),
        groups: z.array(z.string()).nullish(),
        extra: z.record(z.string(), z.array(z.string())).nullish(),
      })
      .optional(),
  }),
});

type Review = z.infer<typeof reviewSchema>['status'];

export function authenticateByApiServer(options: AuthenticateOptions): Authenticate {
  const { rememberMs = REMEMBER_MS, nowMs = () => performance.now() } = options;
  const known = new LRUCache<string, Promise<Caller | undefined>>({
    ...{ max: MOST_REMEMBERED, ttl: rememberMs, ttlResolution: 0, perf: { now: nowMs } },
  });
  const atOnce = pLimit(MOST_REVIEWS);
  const refreshing = new Set<string>();
  const refresh = async (key: string, token: string): Promise<void> => {
    if (refreshing.has(key)) return;
    refreshing.add(key);
    const askedMs = nowMs();
    const caller = await atOnce(() => callerOfToken(token, options)).catch(() => undefined);
    refreshing.delete(key);
    const ttl = rememberMs - (nowMs() - askedMs);
    // The former answer counts to its end.
    if (caller !== undefined && ttl > 0) known.set(key, Promise.resolve(caller), { ttl });
  };
  const byToken = (token: string): Promise<Caller | undefined> => {
    const key = createHash('sha256').update(token).digest('base64');
    const remembered = known.get(key);
    if (remembered !== undefined) {
      if (known.getRemainingTTL(key) < rememberMs * STALE_SHARE) void refresh(key, token);
      return remembered;
    }
    const asked = atOnce(() => callerOfToken(token, options));
    known.set(key, asked);
    // Where nobody answered, the next one asks again.
    asked.catch(() => known.delete(key));
    return asked;
  };
  return async ({ token, certificate }: Credentials) => {
    if (token !== undefined) return byToken(token);
    if (certificate === undefined) return undefined;
    const { user, groups } = certificate;
    return { kind: 'person', user, groups: [...groups, AUTHENTICATED] };
  };
}

async function callerOfToken(token: string, options: AuthenticateOptions): Promise<Caller | undefined> {
  const review = await reviewToken(token, [COLLECTOR_AUDIENCE], options);
  // Of a server that knows no audiences, the answer names none.
  if (review.authenticated && review.audiences.includes(COLLECTOR_AUDIENCE))
    return gatewayOf(review, options.systemNamespace);
  return personOf(await reviewToken(token, [], options));
}

async function reviewToken(
  token: string,
  audiences: readonly string[],
  { api }: AuthenticateOptions,
): Promise<Review> {
  const answer = await api.request({
    method: 'POST',
    path: pathOf(TOKEN_REVIEWS),
    body: {
      apiVersion: TOKEN_REVIEWS.apiVersion,
      kind: TOKEN_REVIEWS.kind,
      spec: { token, ...(audiences.length === 0 ? {} : { audiences }) },
    },
  });
  return reviewSchema.parse(answer).status;
}

function gatewayOf({ user }: Review, systemNamespace: string): Caller | undefined {
  const directions: ReadonlyMap<string, Direction> = new Map([
    [accountUser(systemNamespace, GATEWAY_ACCOUNT), 'outbound'],
    [accountUser(systemNamespace, INGRESS_ACCOUNT), 'inbound'],
    [accountUser(systemNamespace, API_ACCOUNT), 'inbound'],
  ]);
  const direction = directions.get(user?.username ?? '');
  const name = onlyValue(user, POD_NAME_EXTRA);
  if (direction === undefined || name === undefined || onlyValue(user, POD_UID_EXTRA) === undefined)
    return undefined;
  return { kind: 'gateway', name, direction };
}

function onlyValue(user: Review['user'], key: string): string | undefined {
  const [value, ...others] = user?.extra?.[key] ?? [];
  return others.length === 0 ? value : undefined;
}

function personOf({ authenticated, user }: Review): PersonCaller | undefined {
  if (!authenticated || user === undefined || user.username === '') return undefined;
  const { username, uid, groups, extra } = user;
  return { kind: 'person', user: username, uid, groups: groups ?? [], extra: extra ?? {} };
}
