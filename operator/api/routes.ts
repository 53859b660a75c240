// All calls of the API, in the order of its OpenAPI document.
import { ipAccessListRoutes } from './resources/ip-access-lists.ts';
import { workspaceConfRoutes } from './resources/workspace-conf.ts';
import type { Route } from './route.ts';

const ACCOUNT = '/api/2.0/accounts/:accountId';

export const ROUTES: readonly Route[] = [
  ...ipAccessListRoutes('WORKSPACE', '/api/2.0'),
  ...workspaceConfRoutes,
  ...ipAccessListRoutes('ACCOUNT', ACCOUNT),
];
