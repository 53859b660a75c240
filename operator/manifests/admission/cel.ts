// Our values -> parts of CEL expressions, and expressions that several policies use.
import { GROUP } from '../../model/kubernetes-object.ts';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../../model/system-names.ts';

/** Only for text that needs no escape: names, labels, sentences without single quotes. */
export function celText(value: string): string {
  if (/['\\\n]/.test(value)) throw new Error(`Cannot write ${JSON.stringify(value)} into an expression`);
  return `'${value}'`;
}

export function celList(values: readonly string[]): string {
  return `[${values.map(celText).join(', ')}]`;
}

/** "a" + b: the text of a message around the expressions in it, `Cannot start pod "{object.metadata.name}"`. */
export function celMessage(text: string): string {
  return text
    .split(/\{(.+?)\}/)
    .flatMap((part, index) => (index % 2 === 1 ? [part] : part === '' ? [] : [celText(part)]))
    .join(' + ');
}

/** Whether the writer may change an object of ours; `name` is an expression, and without it all of them are meant. */
export function mayUpdate(plural: string, name?: string): string {
  const which = name === undefined ? '' : `.name(${name})`;
  return `authorizer.group('${GROUP}').resource('${plural}')${which}.check('update').allowed()`;
}

/** Labels of `object` or `oldObject`; there is no old one on creation, no new one on deletion. */
export function labelsOf(object: 'object' | 'oldObject'): string {
  return metadataOf(object, 'labels');
}

export function annotationsOf(object: 'object' | 'oldObject' | 'namespaceObject'): string {
  return metadataOf(object, 'annotations');
}

function metadataOf(object: string, field: 'labels' | 'annotations'): string {
  return `(${object} == null ? {} : ${object}.metadata.?${field}.orValue({}))`;
}

export function isOwned(labels: string): string {
  return `${labels}[?${celText(MANAGED_BY_LABEL)}].orValue('') == ${celText(MANAGED_BY)}`;
}

const EMPTY = { labels: '{}', annotations: '{}', finalizers: '[]', ownerReferences: '[]' } as const;

/** Whether these of an object's metadata are as they were; what is empty need not be there. */
export function keepsMetadata(...fields: readonly (keyof typeof EMPTY)[]): string {
  const read = (object: string, field: keyof typeof EMPTY) =>
    `${object}.metadata.?${field}.orValue(${EMPTY[field]})`;
  return fields.map((field) => `${read('object', field)} == ${read('oldObject', field)}`).join(' && ');
}

/** Whether all but these entries of labels or annotations are as they were. `isFree` speaks of `k`. */
export function keepsOthers(now: string, before: string, isFree: string): string {
  const keeps = (one: string, other: string) => `${one}.all(k, ${isFree} || ${other}[?k] == ${one}[?k])`;
  return `${keeps(now, before)} && ${keeps(before, now)}`;
}

/** Of pod `object`. Kubernetes has no others of that prefix, and all others are below them. */
export const HAS_NO_SYSTEM_PRIORITY = `!object.spec.?priorityClassName.orValue('').startsWith('system-')`;

/** Of keys and values, as the API server counts them. */
export function annotationBytes(annotations: string): string {
  return `${annotations}.map(k, size(bytes(k)) + size(bytes(${annotations}[k]))).sum()`;
}
