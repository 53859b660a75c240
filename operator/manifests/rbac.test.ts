import { renderAdmission } from './admission/admission.ts';
import { renderRbac } from './rbac.ts';

test('the namespace and the accounts of an installation are parameters of all manifests', () => {
  const installation = {
    systemNamespace: 'elsewhere',
    operatorAccount: 'writer',
    gatewayAccount: 'proxy',
    ingressAccount: 'door',
    apiAccount: 'desk',
  };
  const text = JSON.stringify([renderAdmission(installation), renderRbac(installation)]);
  expect(text).not.toContain('sallyport-system');
  expect(text).toContain('system:serviceaccount:elsewhere:writer');
  for (const account of ['proxy', 'door', 'desk'])
    expect(text).toContain(`system:serviceaccount:elsewhere:${account}`);
});
