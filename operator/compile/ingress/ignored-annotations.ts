// Annotations with our prefix that have no effect, since nobody knows their name or value: without a word people would
// take their change for guarded.
import {
  ANNOTATION_PREFIX,
  CONFIRM_LOCKOUT,
  CONFIRM_WITHIN,
  CONFIRMED,
  WRITTEN_BY_API,
  WRITTEN_BY_PEOPLE,
} from '../../model/access-annotations.ts';
import { addressBits } from '../../model/address-range.ts';
import type { IpAccessList } from '../../model/ip-access-list.ts';
import type { Problem } from '../../model/problem.ts';
import { problemAbout } from '../../model/snapshot.ts';
import type { WorkspaceConf } from '../../model/workspace-conf.ts';
import { isVersion, parseWithin } from './trials.ts';

const KNOWN: ReadonlySet<string> = new Set([...WRITTEN_BY_PEOPLE, ...WRITTEN_BY_API]);

export function ignoredAnnotations(object: IpAccessList | WorkspaceConf): readonly Problem[] {
  return Object.entries(object.metadata.annotations ?? {})
    .filter(([name]) => name.startsWith(ANNOTATION_PREFIX))
    .flatMap(([name, value]) => {
      const fault = KNOWN.has(name) ? faultOf(name, value) : unknown(name);
      if (fault === undefined) return [];
      return [problemAbout(object, 'AnnotationIgnored', fault, annotationField(name))];
    });
}

function annotationField(name: string): string {
  return `metadata.annotations[${name}]`;
}

function unknown(name: string): string {
  return `Cannot use annotation "${name}", which has no effect: the known ones are ${WRITTEN_BY_PEOPLE.join(', ')}`;
}

function faultOf(name: string, value: string): string | undefined {
  if (name === CONFIRM_WITHIN) {
    const parsed = parseWithin(value);
    return 'error' in parsed ? parsed.error : undefined;
  }
  if (name === CONFIRMED && !isVersion(value))
    return `Cannot use "${value}", which confirms nothing: write the version that the message names`;
  if (name === CONFIRM_LOCKOUT && !isLockoutConfirmation(value))
    return `Cannot use "${value}", which confirms nothing: write "true", or addresses with commas between`;
  return undefined;
}

function isLockoutConfirmation(value: string): boolean {
  return value === 'true' || value.split(',').every((text) => addressBits(text.trim()) !== undefined);
}
