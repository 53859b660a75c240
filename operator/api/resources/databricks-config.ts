// What a client may know before it has a token: which account and workspace a host belongs to. There is no OAuth here,
// so the place of it is empty.
import { z } from 'zod';
import { type Route } from '../route.ts';

export const databricksConfigRoute: Route = {
  method: 'GET',
  path: '/.well-known/databricks-config',
  level: 'OPEN',
  operationId: 'get_databricks_config',
  summary: 'Account and workspace of this host',
  answer: z.strictObject({
    oidc_endpoint: z.string(),
    account_id: z.string(),
    workspace_id: z.string().optional(),
  }),
  handle: ({ accountId, workspaceId }) => ({
    oidc_endpoint: '',
    account_id: accountId,
    ...(workspaceId === undefined ? {} : { workspace_id: workspaceId }),
  }),
};
