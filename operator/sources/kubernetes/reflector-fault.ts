// Progress of reflectors -> faults for /readyz and /healthz.
import type { ReflectorProgress } from './reflector.ts';

/** Every watch is reopened within a minute; one that was not for so long does not recover by itself. */
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
    : `no answer for ${names}${reason}`;
}
