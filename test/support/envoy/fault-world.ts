// The folder of a gateway that faults happen to: each edition of it revokes something of every workspace and allows
// something else, adds a workspace and removes one. In: the number of an edition. Out: the text of one file, so that each
// change is one, and which names are allowed.
import { allow, workspaceYaml } from './workspace-yaml.ts';

const ALWAYS = 'always.example.com';
const NEVER = 'never.example.com';
const EVEN = 'even.example.com';
const ODD = 'odd.example.com';
export const NAMES = [ALWAYS, NEVER, EVEN, ODD];

/** Those that are asked; the second one has another policy, and so another table, in each edition. */
export const ASKED = ['steady', 'mover'];
const OTHERS = 3;
const NAMES_OF_OTHERS = 30;

export function isAllowed(edition: number, name: string): boolean {
  return name === ALWAYS || name === (edition % 2 === 0 ? EVEN : ODD);
}

export function textOf(edition: number): string {
  const names = NAMES.filter((name) => isAllowed(edition, name));
  const mover = workspaceYaml('mover', allow(names)).replaceAll(
    'mover-policy',
    `mover-policy-${edition % 3}`,
  );
  const others = Array.from({ length: OTHERS }, (_, at) =>
    // One of them is new, and one is gone.
    workspaceYaml(`other-${at + edition}`, allow([ALWAYS, ...namesOf(at + edition, edition)])),
  );
  return [workspaceYaml('steady', allow(names)), mover, ...others].join('');
}

function namesOf(at: number, edition: number): readonly string[] {
  return Array.from({ length: NAMES_OF_OTHERS }, (_, one) => `n${one}-${edition}.w${at}.example.net`);
}
