// All calls of the API, in the order of its OpenAPI document.
import { accountIpSwitchRoutes } from './resources/account-ip-switch.ts';
import { databricksConfigRoute } from './resources/databricks-config.ts';
import { ipAccessListRoutes } from './resources/ip-access-lists.ts';
import { networkPolicyRoutes } from './resources/network-policies.ts';
import { workspaceConfRoutes } from './resources/workspace-conf.ts';
import { workspaceNetworkRoutes } from './resources/workspace-network.ts';
import type { Route } from './route.ts';

const ACCOUNT = '/api/2.0/accounts/:accountId';

export const ROUTES: readonly Route[] = [
  ...ipAccessListRoutes('WORKSPACE', '/api/2.0'),
  ...workspaceConfRoutes,
  ...ipAccessListRoutes('ACCOUNT', ACCOUNT),
  ...accountIpSwitchRoutes,
  ...networkPolicyRoutes,
  ...workspaceNetworkRoutes,
  databricksConfigRoute,
];
