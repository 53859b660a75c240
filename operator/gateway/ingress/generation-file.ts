// The generation of access of each workspace, and where it is stored: long streams end when theirs is over. Access that
// became narrower while nobody was here must end them too: so where rules are others at a start, or the file does not
// say, generations begin at a number that no Envoy can have from before.
import { rename } from 'node:fs/promises';
import { z } from 'zod';
import { contentHash } from '../../compile/content-hash.ts';
import { type Generation, nextGenerations } from '../../compile/ingress/narrows-ingress.ts';
import { readIfExists, writeOrSay } from '../../lib/atomic-file.ts';
import { memoize } from '../../lib/memo.ts';
import type { IngressPlan, IngressRules } from '../../model/ingress-plan.ts';

const storedSchema = z.record(
  z.string(),
  z.strictObject({
    /** Hash of the rules. */
    rules: z.string(),
    generation: z.int().min(0),
  }),
);

type Stored = Readonly<z.infer<typeof storedSchema>>;

export class GenerationFile {
  readonly #path: string;
  /** Undefined: not known. */
  readonly #stored: ReadonlyMap<string, Stored[string]> | undefined;
  /** Later than every start before. */
  readonly #fresh = Date.now();
  #current: ReadonlyMap<string, Generation> | undefined;

  private constructor(path: string, stored: Stored | undefined) {
    this.#path = path;
    this.#stored = stored && new Map(Object.entries(stored));
  }

  /** Never throws: a file that cannot be used is set aside, and `onDamaged` gets the sentence. */
  static async open(path: string, onDamaged: (sentence: string) => void): Promise<GenerationFile> {
    try {
      const text = await readIfExists(path);
      return new GenerationFile(path, text === undefined ? undefined : storedSchema.parse(JSON.parse(text)));
    } catch (error) {
      onDamaged(await setAside(path, error));
      return new GenerationFile(path, undefined);
    }
  }

  /** By name of the plan. */
  next(plans: readonly IngressPlan[]): ReadonlyMap<string, number> {
    const rules = new Map(plans.map(({ metadata, spec }) => [metadata.name, spec]));
    this.#current =
      this.#current === undefined ? this.#continued(rules) : nextGenerations(this.#current, rules);
    return new Map([...this.#current].map(([name, { generation }]) => [name, generation]));
  }

  /**
   * Before Envoy gets them. Resolves with why that failed. A power cut ends Envoy and its streams, so what it takes
   * from this file is missed by nobody.
   */
  save(): Promise<string | undefined> {
    const stored = [...(this.#current ?? [])].map(([name, { rules, generation }]) => [
      name,
      { rules: hashOf(rules), generation } satisfies Stored[string],
    ]);
    return writeOrSay(this.#path, `${JSON.stringify(Object.fromEntries(stored))}\n`, { isDurable: false });
  }

  #continued(rules: ReadonlyMap<string, IngressRules>): ReadonlyMap<string, Generation> {
    return new Map(
      [...rules].map(([name, own]) => [name, { rules: own, generation: this.#firstGeneration(name, own) }]),
    );
  }

  #firstGeneration(name: string, rules: IngressRules): number {
    if (this.#stored === undefined) return this.#fresh;
    const stored = this.#stored.get(name);
    if (stored === undefined) return 0;
    // More than one more: what came after it may not have been stored.
    return stored.rules === hashOf(rules) ? stored.generation : Math.max(stored.generation + 1, this.#fresh);
  }
}

const hashOf = memoize(({ enableIpAccessLists, unreadableLists = [], lists }: IngressRules): string =>
  contentHash([enableIpAccessLists, unreadableLists, lists]),
);

/** The sentence for people. */
async function setAside(path: string, error: unknown): Promise<string> {
  const reason = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
  const fault = `Cannot use "${path}": ${reason.replaceAll(/\s+/g, ' ')}`;
  const aside = `${path}.damaged`;
  try {
    await rename(path, aside);
    return `${fault}; it is stored as "${aside}", and all long streams end`;
  } catch (cause) {
    return `${fault}, nor can it be stored as "${aside}": ${(cause as Error).message}; remove it; all long streams end`;
  }
}
