// What reflectors know of themselves -> what /readyz and /healthz say is missing.
import type { ReflectorProgress } from './reflector.ts';

/** Every watch ends and is opened again within a minute; one that was not for so long does not come back by itself. */
const SILENT_MS = 5 * 60_000;

export function reflectorFault(
  progress: readonly ReflectorProgress[],
  fault: 'unsynced' | 'silent',
): string | undefined {
  const faulty = progress.filter(({ hasSynced, heardAtMs }) =>
    fault === 'unsynced' ? !hasSynced : heardAtMs !== undefined && performance.now() - heardAtMs > SILENT_MS,
  );
  const [first] = faulty;
  if (first === undefined) return undefined;
  const names = faulty.map(({ reflector }) => reflector).join(', ');
  const reason = first.error === undefined ? '' : ` (${first.error.message})`;
  return fault === 'unsynced'
    ? `${names} not read yet${reason}; are the CustomResourceDefinitions of "crds/" installed?`
    : `nothing heard of ${names}${reason}`;
}
