// Objects of this API that decide who may access a workspace -> the same, marked for the lock-out guard.
import { apiMark } from '../../compile/ingress/api-mark.ts';
import { parseObject } from '../../model/parse-object.ts';
import type { StoredObject } from '../store/object-store.ts';

export function marked(object: StoredObject): StoredObject {
  const parsed = parseObject(object);
  if (parsed.status !== 'parsed') return object;
  const { object: read } = parsed;
  if (read.kind !== 'IpAccessList' && read.kind !== 'WorkspaceConf') return object;
  const { metadata } = object;
  return { ...object, metadata: { ...metadata, annotations: { ...metadata.annotations, ...apiMark(read) } } };
}
