// Many pieces of work, a few at a time; what fails is collected with what it was about, and stops nothing else.
import pLimit from 'p-limit';

const AT_ONCE = 8;

export interface Failure<Item> {
  readonly item: Item;
  readonly error: Error;
}

export async function inParallel<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<readonly Failure<Item>[]> {
  const limit = pLimit(AT_ONCE);
  const failures: Failure<Item>[] = [];
  const tryOn = async (item: Item): Promise<void> => {
    await work(item).catch((error: unknown) => failures.push({ item, error: error as Error }));
  };
  await Promise.all(items.map((item) => limit(tryOn, item)));
  return failures;
}
