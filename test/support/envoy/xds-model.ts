// What a real Envoy should run after steps of xds-world.ts, beside that Envoy. Takes the steps and compares.
import { encodeResource } from '../../../operator/gateway/xds/codec.ts';
import type { HeldBackResource } from '../../../operator/gateway/xds/resource-book.ts';
import {
  forEachKind,
  isWildcardKind,
  RESOURCE_KINDS,
  type Resources,
} from '../../../operator/gateway/xds/resource-kind.ts';
import type { XdsResult } from '../../../operator/gateway/xds/xds-applier.ts';
import { until } from '../until.ts';
import type { Versions, XdsFixture } from './xds-fixture.ts';
import {
  askingListener,
  type Content,
  nameOf,
  resourceOf,
  type Slot,
  type Step,
  type Surroundings,
} from './xds-world.ts';

interface Filled {
  readonly slot: Slot;
  readonly content: Content;
}

export class XdsModel {
  readonly #fixture: XdsFixture;
  readonly #around: Surroundings;
  /** All by name. */
  readonly #wanted = new Map<string, Filled>();
  /** What Envoy accepted last of each that is wanted. */
  readonly #good = new Map<string, Filled>();
  readonly #inForce = new Map<string, Filled>();
  /** Versions of secrets that Envoy could use. */
  readonly #usable = new Set<string>();

  constructor(fixture: XdsFixture, around: Surroundings) {
    this.#fixture = fixture;
    this.#around = around;
  }

  async take(step: Step): Promise<void> {
    switch (step.step) {
      case 'set':
        this.#wanted.set(nameOf(step.slot), step);
        return;
      case 'remove':
        this.#wanted.delete(nameOf(step.slot));
        return;
      case 'apply':
        return await this.apply();
      default:
        await this.apply();
        await this.#restart(step.step);
        return await this.apply();
    }
  }

  /** Applies, and compares what is reported and what Envoy runs with what should be. */
  async apply(): Promise<void> {
    const heldBack = await this.#heldBack();
    this.#foresee();
    const reported = heldBack.map(({ name, isFormer, text }) => [name, isFormer, text !== '']);
    const bad = [...this.#wanted].filter(([, { content }]) => content.health !== 'good');
    expect(reported.toSorted()).toEqual(bad.map(([name]) => [name, this.#good.has(name), true]).toSorted());
    const versions = await this.#fixture.versions();
    expect({ ...versions, secret: this.#withoutUnusable(versions.secret) }).toEqual(this.#versions());
  }

  /** Envoy also shows what it was given in place of a secret that it rejected. */
  #withoutUnusable(secrets: Versions['secret']): Versions['secret'] {
    const isUsed = ([name, version]: readonly [string, string]): boolean =>
      this.#inForce.has(name) || this.#usable.has(version);
    return Object.fromEntries(Object.entries(secrets).filter(isUsed));
  }

  async #heldBack(): Promise<readonly HeldBackResource[]> {
    const results: XdsResult[] = [];
    await until('Envoy answers', async () => {
      const { result } = await this.#fixture.applier.apply(this.#resources());
      results.push(result);
      return result.status === 'applied' || result.status === 'heldBack';
    });
    const last = results.at(-1);
    return last?.status === 'heldBack' ? last.heldBack : [];
  }

  async #restart(what: 'restart Envoy' | 'restart server' | 'restart both'): Promise<void> {
    if (what === 'restart both') await this.#fixture.applier.close();
    if (what !== 'restart server') {
      await this.#fixture.killEnvoy();
      this.#inForce.clear();
      for (const [name, good] of this.#good) this.#inForce.set(name, good);
    }
    if (what !== 'restart Envoy') expect(await this.#fixture.restartApplier()).toBe(true);
  }

  #foresee(): void {
    for (const [name, filled] of this.#wanted) {
      const { slot, content } = filled;
      if (content.health !== 'good') continue;
      this.#usable.add(encodeResource(resourceOf(slot, content, this.#around)).version);
      this.#good.set(name, filled);
      this.#inForce.set(name, filled);
    }
    for (const name of this.#good.keys()) if (!this.#wanted.has(name)) this.#good.delete(name);
    for (const [name, { slot }] of this.#inForce) {
      if (this.#isLost(name, slot)) this.#inForce.delete(name);
    }
  }

  #isLost(name: string, { kind }: Slot): boolean {
    const wanted = this.#wanted.get(name);
    // Envoy ignores the removal of what a listener still names.
    if (wanted === undefined) return isWildcardKind(kind);
    // An empty secret comes in its place.
    return kind === 'secret' && wanted.content.health === 'rejected' && !this.#good.has(name);
  }

  #resources(): Resources {
    const all = [...this.#wanted.values()];
    return forEachKind((kind) => [
      ...all
        .filter(({ slot }) => slot.kind === kind)
        .map(({ slot, content }) => resourceOf(slot, content, this.#around)),
      ...(kind === 'listener' ? [askingListener(this.#around)] : []),
    ]);
  }

  #versions(): Versions {
    const inForce = [...this.#inForce.values()].map(
      ({ slot, content }) => [slot.kind, resourceOf(slot, content, this.#around)] as const,
    );
    const all = [...inForce, ['listener', askingListener(this.#around)] as const];
    const of = (kind: string): Record<string, string> =>
      Object.fromEntries(
        all.filter(([other]) => other === kind).map(([, one]) => [one.name, encodeResource(one).version]),
      );
    return Object.fromEntries(RESOURCE_KINDS.map((kind) => [kind, of(kind)])) as Versions;
  }
}
