// The generation of access of each workspace, and where it is stored: long streams end when theirs is over. Access that
// became narrower while nobody was here must end them too, so a start with other rules is a new generation.
import { contentHash } from '../../compile/content-hash.ts';
import { type Generation, nextGenerations } from '../../compile/ingress/narrows-ingress.ts';
import { readIfExists, writeOrSay } from '../../lib/atomic-file.ts';
import { memoize } from '../../lib/memo.ts';
import type { IngressPlan, IngressRules } from '../../model/ingress-plan.ts';

interface StoredGeneration {
  /** Hash of the rules. */
  readonly rules: string;
  readonly generation: number;
}

export class GenerationFile {
  readonly #path: string;
  readonly #stored: ReadonlyMap<string, StoredGeneration>;
  #current: ReadonlyMap<string, Generation> | undefined;

  private constructor(path: string, stored: ReadonlyMap<string, StoredGeneration>) {
    this.#path = path;
    this.#stored = stored;
  }

  static async open(path: string): Promise<GenerationFile> {
    return new GenerationFile(path, parseStored(await readIfExists(path)));
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
      { rules: hashOf(rules), generation } satisfies StoredGeneration,
    ]);
    return writeOrSay(this.#path, `${JSON.stringify(Object.fromEntries(stored))}\n`, { isDurable: false });
  }

  #continued(rules: ReadonlyMap<string, IngressRules>): ReadonlyMap<string, Generation> {
    return new Map(
      [...rules].map(([name, own]) => {
        const stored = this.#stored.get(name);
        if (stored === undefined) return [name, { rules: own, generation: 0 }];
        const isSame = stored.rules === hashOf(own);
        return [name, { rules: own, generation: stored.generation + (isSame ? 0 : 1) }];
      }),
    );
  }
}

const hashOf = memoize(({ enableIpAccessLists, unreadableLists = [], lists }: IngressRules): string =>
  contentHash([enableIpAccessLists, unreadableLists, lists]),
);

/** One that cannot be read is none. */
function parseStored(text: string | undefined): ReadonlyMap<string, StoredGeneration> {
  try {
    const parsed = JSON.parse(text ?? '{}') as Readonly<Record<string, StoredGeneration>>;
    return new Map(Object.entries(parsed).filter(([, { generation }]) => Number.isInteger(generation)));
  } catch {
    return new Map();
  }
}
