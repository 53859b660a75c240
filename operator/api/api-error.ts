// An error that the API answers with: the status and the string codes of Databricks, which its clients read.
export type ErrorCode =
  | 'ABORTED'
  | 'ALREADY_EXISTS'
  | 'ENDPOINT_NOT_FOUND'
  | 'INTERNAL_ERROR'
  | 'INVALID_PARAMETER_VALUE'
  | 'INVALID_REQUEST'
  | 'INVALID_STATE'
  | 'MALFORMED_REQUEST'
  | 'PERMISSION_DENIED'
  | 'QUOTA_EXCEEDED'
  | 'REQUEST_LIMIT_EXCEEDED'
  | 'RESOURCE_ALREADY_EXISTS'
  | 'RESOURCE_CONFLICT'
  | 'RESOURCE_DOES_NOT_EXIST'
  | 'TEMPORARILY_UNAVAILABLE'
  | 'UNAUTHENTICATED';

const STATUSES: Readonly<Record<ErrorCode, number>> = {
  ABORTED: 409,
  ALREADY_EXISTS: 409,
  ENDPOINT_NOT_FOUND: 404,
  INTERNAL_ERROR: 500,
  INVALID_PARAMETER_VALUE: 400,
  INVALID_REQUEST: 400,
  INVALID_STATE: 400,
  MALFORMED_REQUEST: 400,
  PERMISSION_DENIED: 403,
  QUOTA_EXCEEDED: 400,
  REQUEST_LIMIT_EXCEEDED: 429,
  RESOURCE_ALREADY_EXISTS: 400,
  RESOURCE_CONFLICT: 409,
  RESOURCE_DOES_NOT_EXIST: 404,
  TEMPORARILY_UNAVAILABLE: 503,
  UNAUTHENTICATED: 401,
};

interface ErrorExtras {
  /** Where it is not the usual one of the code. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of google.rpc.ErrorInfo: what a client needs to go on, such as an etag. */
  readonly metadata?: Readonly<Record<string, string>>;
}

export class ApiError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly #metadata: Readonly<Record<string, string>> | undefined;

  constructor(code: ErrorCode, message: string, { status, headers, metadata }: ErrorExtras = {}) {
    super(message);
    this.code = code;
    this.status = status ?? STATUSES[code];
    this.headers = headers ?? {};
    this.#metadata = metadata;
  }

  body(): Readonly<Record<string, unknown>> {
    const { code, message } = this;
    const type = 'type.googleapis.com/google.rpc.ErrorInfo';
    const info = { '@type': type, reason: code, domain: 'sallyport.dev', metadata: this.#metadata };
    return { error_code: code, message, ...(this.#metadata === undefined ? {} : { details: [info] }) };
  }
}

export function invalid(message: string): ApiError {
  return new ApiError('INVALID_PARAMETER_VALUE', message);
}

/** What no retry and no other token would change at once. */
export function unavailable(message: string): ApiError {
  return new ApiError('TEMPORARILY_UNAVAILABLE', message, { headers: { 'retry-after': '1' } });
}
