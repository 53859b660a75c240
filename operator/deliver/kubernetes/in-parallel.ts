// Many pieces of work, a few at a time; what fails is collected by object and stops nothing else.
import { type KubernetesObject, objectKey } from '../../lib/kubernetes/api-object.ts';

const AT_ONCE = 8;

export async function inParallel<Item extends Pick<KubernetesObject, 'kind' | 'metadata'>>(
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<ReadonlyMap<string, Error>> {
  const failures = new Map<string, Error>();
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) {
      await work(item).catch((error: unknown) => failures.set(objectKey(item), error as Error));
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, worker));
  return failures;
}
