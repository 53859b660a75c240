// Whether a stored CustomResourceDefinition accepts and keeps what this version's does: its first difference, as text.
// Texts for people and printer columns do not count.
import { isDeepStrictEqual } from 'node:util';
import type { KindDescription } from '../model/kubernetes-object.ts';
import { VERSION } from '../model/kubernetes-object.ts';
import { type JsonObject, renderCrd } from './crd.ts';

/** Of a version of a kind, what decides. */
const DECIDING = ['served', 'storage', 'subresources', 'schema'] as const;

/** Undefined where it is as this version's. */
export function crdDifference(kind: KindDescription, stored: unknown): string | undefined {
  const wanted = asObject(asObject(renderCrd(kind))['spec']);
  const found = asObject(asObject(stored)['spec']);
  if (wanted['scope'] !== found['scope']) return difference('scope', wanted['scope'], found['scope']);
  const versions = asList(found['versions']).map(asObject);
  const version = versions.find(({ name }) => name === VERSION);
  if (version === undefined) return `it has no version "${VERSION}"`;
  const [own] = asList(wanted['versions']).map(asObject);
  return firstDifference(deciding(own), deciding(version), '');
}

function deciding(version: JsonObject | undefined): JsonObject {
  return Object.fromEntries(DECIDING.map((field) => [field, version?.[field]]));
}

function firstDifference(wanted: JsonObject, found: JsonObject, path: string): string | undefined {
  for (const name of new Set([...Object.keys(wanted), ...Object.keys(found)])) {
    const [own, other] = [wanted[name], found[name]];
    // A property of that name is an object.
    if (name === 'description' && !isObject(own ?? other)) continue;
    const inner = path === '' ? name : `${path}.${name}`;
    const isDeeper = isObject(own) && isObject(other);
    const here = isDeeper ? firstDifference(own, other, inner) : difference(inner, own, other);
    if (here !== undefined) return here;
  }
  return undefined;
}

function difference(path: string, wanted: unknown, found: unknown): string | undefined {
  if (isDeepStrictEqual(wanted, found)) return undefined;
  if (found === undefined) return `"${path}" is missing`;
  return wanted === undefined ? `"${path}" is unknown to this version` : `"${path}" differs`;
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function asObject(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}
