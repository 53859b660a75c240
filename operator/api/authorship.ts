// Who made and changed an object, and when: annotations of what this API wrote, and what the store knows of the rest.
// Users are numbers in Databricks' API, so ours are a hash of the name.
import { createHash } from 'node:crypto';
import type { KubernetesMeta } from '../lib/kubernetes/api-object.ts';
import { CREATED_AT, CREATED_BY, UPDATED_AT, UPDATED_BY } from '../model/access-annotations.ts';

/** Field manager of this API, by which its writes are told from others'. */
export const FIELD_MANAGER = 'sallyport-api';

/** Who makes a change, and when. */
export interface Author {
  readonly user: string;
  readonly nowMs: number;
}

/** Times in milliseconds; a user is 0 where another program than this API wrote the object. */
export interface Authorship {
  readonly created_at: number;
  readonly created_by: number;
  readonly updated_at: number;
  readonly updated_by: number;
}

/** 53 bits, so that every JSON reader has the same number; never 0. */
function userNumber(user: string): number {
  const bits = createHash('sha256').update(user).digest().readBigUInt64BE() >> 11n;
  return bits === 0n ? 1 : Number(bits);
}

export function createdBy({ user, nowMs }: Author): Readonly<Record<string, string>> {
  return {
    [CREATED_AT]: String(nowMs),
    [CREATED_BY]: String(userNumber(user)),
    ...updatedBy({ user, nowMs }),
  };
}

export function updatedBy({ user, nowMs }: Author): Readonly<Record<string, string>> {
  return { [UPDATED_AT]: String(nowMs), [UPDATED_BY]: String(userNumber(user)) };
}

interface ManagedMeta extends KubernetesMeta {
  readonly managedFields?: readonly {
    readonly manager?: string;
    readonly subresource?: string;
    readonly time?: string;
  }[];
}

export function authorshipOf(metadata: ManagedMeta): Authorship {
  const created = numberOf(metadata, CREATED_AT) ?? timeOf(metadata.creationTimestamp);
  const changed = foreignChange(metadata);
  const noted = numberOf(metadata, UPDATED_AT) ?? created;
  // Times of the API server are whole seconds.
  const isNoted = changed === undefined || changed <= noted;
  return {
    created_at: created,
    created_by: numberOf(metadata, CREATED_BY) ?? 0,
    updated_at: isNoted ? noted : changed,
    updated_by: isNoted ? (numberOf(metadata, UPDATED_BY) ?? 0) : 0,
  };
}

/** When another program last changed the object, but for its status. */
function foreignChange({ managedFields = [] }: ManagedMeta): number | undefined {
  const times = managedFields
    .filter(({ manager, subresource }) => manager !== FIELD_MANAGER && subresource === undefined)
    .map(({ time }) => timeOf(time));
  return times.length === 0 ? undefined : Math.max(...times);
}

function timeOf(text: string | undefined): number {
  const time = Date.parse(text ?? '');
  return Number.isFinite(time) ? time : 0;
}

function numberOf({ annotations = {} }: ManagedMeta, key: string): number | undefined {
  const text = annotations[key] ?? '';
  return /^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : undefined;
}
