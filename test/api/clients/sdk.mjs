// Databricks' SDK for JavaScript against the REST API. One line "ok NAME" or "failed NAME: why" for each. It sends no
// body with PATCH, to nobody, so its updates can only be refused.
import assert from 'node:assert/strict';
import sdk from '@databricks/sdk-experimental';

const { HOST: host, TOKEN: token, ACCOUNT: accountId, WORKSPACE: workspaceId } = process.env;
const workspace = new sdk.WorkspaceClient({ host, token, workspaceId });
const account = new sdk.AccountClient({ host, token, accountId, experimentalIsUnifiedHost: true });

const tests = {
  async 'ipAccessLists'() {
    const api = workspace.ipAccessLists;
    const { ip_access_list: made } = await api.create({
      label: 'js',
      list_type: 'BLOCK',
      ip_addresses: ['10.0.0.1', '2.2.2.2/21'],
    });
    assert.equal(made.address_count, 2);
    assert.deepEqual(await api.get({ ip_access_list_id: made.list_id }), { ip_access_list: made });
    await assert.rejects(api.update({ ip_access_list_id: made.list_id, label: 'x' }), /Cannot find a body/);
    const changed = { ...made, label: 'js2', ip_access_list_id: made.list_id };
    await api.replace({ ...changed, enabled: false });
    const found = [];
    for await (const list of api.list()) found.push(list.label);
    assert.ok(found.includes('js2'));
    await api.delete({ ip_access_list_id: made.list_id });
    await assert.rejects(api.get({ ip_access_list_id: made.list_id }), /Can't find an IP access list/);
  },
  async 'workspaceConf'() {
    const api = workspace.workspaceConf;
    assert.equal((await api.getStatus({ keys: 'enableIpAccessLists' })).enableIpAccessLists, 'false');
  },
  async 'networkPolicies'() {
    const api = account.networkPolicies;
    const network_policy = {
      network_policy_id: 'js',
      egress: { network_access: { restriction_mode: 'FULL_ACCESS' } },
    };
    const whole = { ...network_policy, account_id: accountId };
    assert.deepEqual(await api.createNetworkPolicyRpc({ network_policy }), whole);
    assert.deepEqual(await api.getNetworkPolicyRpc({ network_policy_id: 'js' }), whole);
    await api.deleteNetworkPolicyRpc({ network_policy_id: 'js' });
  },
};

for (const [name, test] of Object.entries(tests)) {
  try {
    await test();
    console.log(`ok javascript: ${name}`);
  } catch (error) {
    process.exitCode = 1;
    console.log(`failed javascript: ${name}: ${error.stack}`);
  }
}
