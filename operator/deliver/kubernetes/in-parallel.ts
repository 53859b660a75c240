// Many pieces of work, a few at a time; what fails is collected with what it was about, and stops nothing else.

const AT_ONCE = 8;

export interface Failure<Item> {
  readonly item: Item;
  readonly error: Error;
}

export async function inParallel<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<readonly Failure<Item>[]> {
  const failures: Failure<Item>[] = [];
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) {
      await work(item).catch((error: unknown) => failures.push({ item, error: error as Error }));
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, worker));
  return failures;
}
