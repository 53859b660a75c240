// Annotations of an IpAccessList or a WorkspaceConf: those that people write, and those that this product writes.
export const ANNOTATION_PREFIX = 'sallyport.dev/';

/** The change counts at once, and is taken back after that time. */
export const CONFIRM_WITHIN = 'sallyport.dev/confirm-within';
/** Version that stays. */
export const CONFIRMED = 'sallyport.dev/confirmed';
/** "true", or the addresses that may be shut out. */
export const CONFIRM_LOCKOUT = 'sallyport.dev/confirm-lockout';

/** The rest is of the REST API. Hash of what it decided. */
export const DECIDED_BY_API = 'sallyport.dev/decided-by-api';
/** Of a WorkspaceConf while lists of its workspace are changed: the lock of api/store/access-lock.ts. */
export const ACCESS_CHANGE = 'sallyport.dev/access-change';
/** Fields that a client left out. */
export const LEFT_OUT = 'sallyport.dev/left-out';
export const CREATED_AT = 'sallyport.dev/created-at';
export const CREATED_BY = 'sallyport.dev/created-by';
export const UPDATED_AT = 'sallyport.dev/updated-at';
export const UPDATED_BY = 'sallyport.dev/updated-by';

export const WRITTEN_BY_PEOPLE = [CONFIRM_WITHIN, CONFIRMED, CONFIRM_LOCKOUT] as const;

export const WRITTEN_BY_API = [
  DECIDED_BY_API,
  ACCESS_CHANGE,
  LEFT_OUT,
  CREATED_AT,
  CREATED_BY,
  UPDATED_AT,
  UPDATED_BY,
] as const;
