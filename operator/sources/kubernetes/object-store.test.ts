import type { KubernetesObject } from '../../lib/kubernetes/api-object.ts';
import { ObjectStore } from './object-store.ts';

function pod(name: string, resourceVersion: string, { uid = name, value = '' } = {}): KubernetesObject {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'a', uid, resourceVersion }, value };
}

interface Item {
  readonly name: string;
  readonly value: unknown;
}

function store(faults: Error[] = []): ObjectStore<Item> {
  const transform = (raw: KubernetesObject): Item | undefined => {
    if (raw['value'] === 'bad') throw new Error('bad');
    return raw['value'] === 'unwanted' ? undefined : { name: raw.metadata.name, value: raw['value'] };
  };
  return new ObjectStore(transform, (error) => faults.push(error));
}

describe('put()', () => {
  it('never puts an older version over a newer one, beyond the precision of a double', () => {
    const pods = store();
    pods.put(pod('x', '90071992547409931', { value: 'new' }));

    expect(pods.put(pod('x', '90071992547409930', { value: 'old' }))).toBe(false);
    expect(pods.put(pod('x', '90071992547409932', { value: 'newer' }))).toBe(true);
    expect(pods.items()).toEqual([{ name: 'x', value: 'newer' }]);
  });

  it('keeps the item where what is kept of the object is the same', () => {
    const pods = store();
    pods.put(pod('x', '1', { value: 'same' }));
    const before = pods.items();

    expect(pods.put(pod('x', '2', { value: 'same' }))).toBe(false);
    expect(pods.items()).toBe(before);
  });

  it('takes an object that was made anew for another one, however alike', () => {
    const pods = store();
    pods.put(pod('x', '1', { uid: 'first' }));
    const [before] = pods.items();

    expect(pods.put(pod('x', '2', { uid: 'second' }))).toBe(true);
    expect(pods.items()[0]).not.toBe(before);
  });

  it('keeps nothing of what is unwanted or cannot be read', () => {
    const faults: Error[] = [];
    const pods = store(faults);
    pods.put(pod('x', '1'));

    expect(pods.put(pod('x', '2', { value: 'unwanted' }))).toBe(true);
    expect(pods.put(pod('y', '3', { value: 'bad' }))).toBe(false);
    expect(pods.items()).toEqual([]);
    expect(faults).toMatchObject([{ message: 'Cannot read Pod "a/y"' }]);
  });
});

describe('remove()', () => {
  it('does not heed a late word about the end of a former object', () => {
    const pods = store();
    pods.put(pod('x', '5', { uid: 'second' }));

    expect(pods.remove(pod('x', '4', { uid: 'first' }))).toBe(false);
    expect(pods.remove(pod('x', '6', { uid: 'second' }))).toBe(true);
    expect(pods.items()).toEqual([]);
  });
});

describe('replacement()', () => {
  it('counts for nothing before it is committed, then takes away what is not in it', () => {
    const pods = store();
    pods.put(pod('stays', '1'));
    pods.put(pod('goes', '2'));
    const before = pods.items();
    const replacement = pods.replacement();
    replacement.put(pod('stays', '1'));

    expect(pods.items()).toBe(before);
    expect(replacement.commit()).toBe(true);
    expect(pods.items()).toEqual([before[0]]);
    expect(pods.items()[0]).toBe(before[0]);
  });

  it('changes nothing where all is the same', () => {
    const pods = store();
    pods.put(pod('x', '1'));
    const before = pods.items();
    const replacement = pods.replacement();
    replacement.put(pod('x', '1'));

    expect(replacement.commit()).toBe(false);
    expect(pods.items()).toBe(before);
  });
});

describe('the observer', () => {
  it('is told of each item that comes, changes and goes, as it is last', () => {
    const told: unknown[] = [];
    const pods = new ObjectStore(
      (raw) => `${raw.metadata.name} ${String(raw['value'])}`,
      (error) => {
        throw error;
      },
      { onItem: (item) => told.push(['is', item]), onGone: (item) => told.push(['was', item]) },
    );
    pods.put(pod('x', '1', { value: 'new' }));
    pods.put(pod('x', '2', { value: 'new' }));
    pods.put(pod('x', '3', { value: 'changed' }));
    pods.remove(pod('x', '4', { value: 'last' }));
    pods.put(pod('y', '5', { uid: 'first', value: 'a' }));
    const again = pods.replacement();
    again.put(pod('y', '6', { uid: 'second', value: 'c' }));
    again.put(pod('z', '7', { value: 'b' }));
    again.commit();
    pods.replacement().commit();
    expect(told).toEqual([
      ...[
        ['is', 'x new'],
        ['is', 'x changed'],
        ['was', 'x last'],
        ['is', 'y a'],
      ],
      ...[
        ['was', 'y a'],
        ['is', 'y c'],
        ['is', 'z b'],
        ['was', 'y c'],
        ['was', 'z b'],
      ],
    ]);
  });
});
