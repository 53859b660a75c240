// The client interface of an API server: one request, or one stream of JSON values. connect-kubernetes.ts implements
// it.
export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the server's address, for example "/api/v1/namespaces". */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** application/json where absent. */
  readonly contentType?: PatchType;
  /** Asks for the metadata of an object only. */
  readonly onlyMetadata?: boolean;
  readonly signal?: AbortSignal;
}

type PatchType =
  | 'application/apply-patch+yaml'
  | 'application/merge-patch+json'
  | 'application/json-patch+json';

export interface KubernetesApi {
  /** The JSON of the answer. Throws an ApiFailure for every status from 400 and for a server out of reach. */
  request(request: ApiRequest): Promise<unknown>;
  /** One JSON value per line of a GET, until the server ends it. Throws as request() does, in mid-stream too. */
  stream(request: Omit<ApiRequest, 'method' | 'body' | 'contentType'>): AsyncIterable<unknown>;
  /** Ends all connections; requests under way fail. */
  close(): Promise<void>;
}

/** Clients of one API server with tokens of others. */
export interface TokenApis {
  as(token: string): Pick<KubernetesApi, 'request'>;
  /** As KubernetesApi. */
  close(): Promise<void>;
}

/** Of a Status of Kubernetes. */
export interface FailureCause {
  readonly reason?: string;
  readonly message?: string;
}

/** The API server answered with an error, or could not be reached (`status` 0). */
export class ApiFailure extends Error {
  /** HTTP status; 0 where there was no answer. */
  readonly status: number;
  /** The server's reason: "Conflict", "AlreadyExists", "Expired"; "" without one. */
  readonly reason: string;
  /** Retry-After of the server. */
  readonly retryAfterMs: number | undefined;
  /** Of its details. */
  readonly causes: readonly FailureCause[];

  constructor(
    message: string,
    details: {
      readonly status: number;
      readonly reason?: string;
      readonly retryAfterMs?: number | undefined;
      readonly causes?: readonly FailureCause[];
      readonly cause?: unknown;
    },
  ) {
    super(message, { cause: details.cause });
    this.status = details.status;
    this.reason = details.reason ?? '';
    this.retryAfterMs = details.retryAfterMs;
    this.causes = details.causes ?? [];
  }
}
