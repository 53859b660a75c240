// Names and labels by which the parts of an installation find each other. Imports nothing, so that the command line may.

/** Label of everything that the operator owns, and its value. */
export const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by';
export const MANAGED_BY = 'sallyport';
/** Label of gateway pods, and its value. */
export const GATEWAY_LABEL = 'app.kubernetes.io/name';
export const GATEWAY_NAME = 'sallyport-gateway';
export const SYSTEM_NAMESPACE = 'sallyport-system';
/** Label of what the operator owns for one workspace: name of the Namespace that is the workspace. */
export const WORKSPACE_NAME_LABEL = 'sallyport.dev/for-workspace';
