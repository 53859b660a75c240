// Name of what belongs to one lane of one workspace. Always with a hash of both: otherwise "a" with lane
// "sealed-dry-run" and "a-sealed" with lane "dry-run" would have the same name.
import type { Lane } from '../model/lane.ts';
import { contentHash } from './content-hash.ts';

const NAME_LENGTH = 34;
const HASH_LENGTH = 8;

/** At most 63 characters, and begins with a letter, as names of Services must. */
export function laneServiceName(workspace: string, lane: Lane): string {
  return `ws-${short(workspace)}-${lane}-${hash([workspace, lane])}`;
}

/** For what belongs to a workspace and is in the gateways' Namespace. */
export function workspaceObjectName(workspace: string): string {
  return `ws-${short(workspace)}-${hash([workspace])}`;
}

function short(workspace: string): string {
  return workspace.slice(0, NAME_LENGTH).replace(/-+$/, '');
}

function hash(parts: readonly string[]): string {
  return contentHash(parts).slice(0, HASH_LENGTH);
}
