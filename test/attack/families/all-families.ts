// Every family of generated cases.
import { ADDRESSES_OF_NAMES } from './addresses.ts';
import { AUTHORITY } from './authority.ts';
import { BIG_TEXT } from './big-text.ts';
import { BLOCKED } from './blocked.ts';
import { CONNECTIONS } from './connections.ts';
import { DEPUTY } from './deputy.ts';
import { FAIRNESS } from './fairness.ts';
import type { Family } from './family.ts';
import { INGRESS } from './ingress.ts';
import { READERS } from './readers.ts';
import { STORAGE_OF_STRANGERS } from './storage.ts';
import { UPGRADE } from './upgrade.ts';

export const FAMILIES: readonly Family[] = [
  AUTHORITY,
  DEPUTY,
  BLOCKED,
  UPGRADE,
  BIG_TEXT,
  ADDRESSES_OF_NAMES,
  STORAGE_OF_STRANGERS,
  CONNECTIONS,
  READERS,
  FAIRNESS,
  INGRESS,
];
