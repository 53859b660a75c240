import { renderAdmission } from '../admission/admission.ts';
import { renderCanary } from '../canary.ts';
import { renderCollectorRbac } from './collector-rbac.ts';
import { renderEvictionRole, renderOwnerRbac, renderRbac } from './rbac.ts';

test('the namespace and the accounts of an installation are parameters of all manifests', () => {
  const installation = {
    systemNamespace: 'elsewhere',
    canaryNamespace: 'aviary',
    operatorAccount: 'writer',
    gatewayAccount: 'proxy',
    ingressAccount: 'door',
    collectorAccount: 'books',
    apiAccount: 'desk',
  };
  const text = JSON.stringify([
    renderAdmission(installation),
    renderRbac(installation),
    renderCollectorRbac(installation),
    renderCanary(installation),
    renderOwnerRbac(installation),
    renderEvictionRole(installation),
  ]);
  for (const usual of ['sallyport-system', '"namespace":"sallyport-canary"'])
    expect(text).not.toContain(usual);
  expect(text).toContain('system:serviceaccount:elsewhere:writer');
  for (const account of ['proxy', 'door', 'desk'])
    expect(text).toContain(`system:serviceaccount:elsewhere:${account}`);
  expect(text).toContain('"kind":"ServiceAccount","name":"books","namespace":"elsewhere"');
});
