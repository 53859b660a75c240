// One call of the API: its path and schemas, from which the server checks requests and the OpenAPI document is made,
// and what it does.
import type { z } from 'zod';
import type { Session } from './store/object-store.ts';

export const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
type Method = (typeof METHODS)[number];

/** What is called for: a workspace or the account, by its Namespace. */
export interface Place {
  readonly level: 'WORKSPACE' | 'ACCOUNT';
  readonly namespace: string;
  /** Empty at level ACCOUNT. */
  readonly workspaceId: string;
}

/** A request that may be answered, with what is known of it. */
export interface Call<Params, Query, Body> {
  readonly session: Session;
  readonly place: Place;
  readonly accountId: string;
  /** Of the caller. */
  readonly address: string;
  readonly nowMs: number;
  /** Namespace of the workspace with that id. */
  readonly namespaceOf: (workspaceId: string) => string | undefined;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
}

/** Without a session: whoever asks gets the answer. */
interface OpenCall {
  readonly accountId: string;
  /** Of the host that was called, or of calls that name none. */
  readonly workspaceId: string | undefined;
}

interface RouteShape {
  readonly method: Method;
  /** ":id" stands for a parameter. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly answer: z.ZodType;
  /** Statuses of errors that it may answer beyond those of every call. */
  readonly errors?: readonly number[];
}

interface CheckedRoute<Params, Query, Body> extends RouteShape {
  readonly level: 'WORKSPACE' | 'ACCOUNT';
  readonly params?: z.ZodType<Params>;
  readonly query?: z.ZodType<Query>;
  readonly body?: z.ZodType<Body>;
  readonly handle: (call: Call<Params, Query, Body>) => Promise<unknown>;
}

interface OpenRoute extends RouteShape {
  readonly level: 'OPEN';
  readonly handle: (call: OpenCall) => unknown;
}

export type Route = CheckedRoute<unknown, unknown, unknown> | OpenRoute;

/** Ties the types of the handler to the schemas. */
export function route<Params, Query, Body>(checked: CheckedRoute<Params, Query, Body>): Route {
  // The server parses each part by the schema of the same route before it calls the handler.
  return checked as unknown as Route;
}
