import { renderAdmission } from './admission/admission.ts';
import { renderRbac } from './rbac.ts';

test('the namespace and the accounts of an installation are parameters of all manifests', () => {
  const installation = { systemNamespace: 'elsewhere', operatorAccount: 'writer', gatewayAccount: 'proxy' };
  const text = JSON.stringify([renderAdmission(installation), renderRbac(installation)]);
  expect(text).not.toContain('sallyport-system');
  expect(text).toContain('system:serviceaccount:elsewhere:writer');
  expect(text).toContain('system:serviceaccount:elsewhere:proxy');
});
