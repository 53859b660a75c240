// Writes a small file of the state directory, or returns why not: state for the next start must not hold back what is
// enforced now.
import { writeFileAtomic } from '../../lib/atomic-file.ts';
import { writeProblem } from '../../lib/write-problem.ts';

/** Undefined where it was written. */
export async function writeOrSay(path: string, text: string): Promise<string | undefined> {
  try {
    await writeFileAtomic(path, text);
    return undefined;
  } catch (error) {
    return writeProblem(path, error);
  }
}
