// Databricks' SDK for Java against the REST API, in the order of calls of people and Terraform. One line "ok NAME" or
// "failed NAME: why" for each; the status is 1 where one failed.
import com.databricks.sdk.AccountClient;
import com.databricks.sdk.WorkspaceClient;
import com.databricks.sdk.core.DatabricksConfig;
import com.databricks.sdk.core.error.platform.NotFound;
import com.databricks.sdk.core.error.platform.ResourceAlreadyExists;
import com.databricks.sdk.service.settings.AccountIpAccessListsAPI;
import com.databricks.sdk.service.settings.AccountNetworkPolicy;
import com.databricks.sdk.service.settings.CreateIpAccessList;
import com.databricks.sdk.service.settings.CreateNetworkPolicyRequest;
import com.databricks.sdk.service.settings.EgressNetworkPolicyNetworkAccessPolicy;
import com.databricks.sdk.service.settings.EgressNetworkPolicyNetworkAccessPolicyRestrictionMode;
import com.databricks.sdk.service.settings.IpAccessListsAPI;
import com.databricks.sdk.service.settings.ListType;
import com.databricks.sdk.service.settings.NetworkPoliciesAPI;
import com.databricks.sdk.service.settings.NetworkPolicyEgress;
import com.databricks.sdk.service.settings.ReplaceIpAccessList;
import com.databricks.sdk.service.settings.UpdateIpAccessList;
import com.databricks.sdk.service.settings.UpdateWorkspaceNetworkOptionRequest;
import com.databricks.sdk.service.settings.WorkspaceNetworkOption;
import java.util.List;
import java.util.Map;

public class Sdk {
  private static final String ACCOUNT = System.getenv("ACCOUNT");
  private static final String WORKSPACE = System.getenv("WORKSPACE");
  private static final WorkspaceClient workspace = new WorkspaceClient(config().setWorkspaceId(WORKSPACE));
  private static final AccountClient account = new AccountClient(config().setAccountId(ACCOUNT));
  private static int failed = 0;

  public static void main(String[] arguments) {
    run("ipAccessLists", Sdk::lists);
    run("ipAccessLists of the account", Sdk::accountLists);
    run("workspaceConf", Sdk::workspaceConf);
    run("networkPolicies and workspaceNetworkConfiguration", Sdk::policies);
    System.exit(failed == 0 ? 0 : 1);
  }

  private static DatabricksConfig config() {
    return new DatabricksConfig().setHost(System.getenv("HOST")).setToken(System.getenv("TOKEN")).setAuthType("pat");
  }

  private static void lists() {
    IpAccessListsAPI api = workspace.ipAccessLists();
    CreateIpAccessList wanted = list("java", ListType.BLOCK, "10.0.0.1", "2.2.2.2/21");
    String id = api.create(wanted).getIpAccessList().getListId();
    equal(2L, api.get(id).getIpAccessList().getAddressCount());
    throwsError(ResourceAlreadyExists.class, () -> api.create(wanted));
    api.update(new UpdateIpAccessList().setIpAccessListId(id).setLabel("java2"));
    equal("java2", api.get(id).getIpAccessList().getLabel());
    api.replace(
        new ReplaceIpAccessList()
            .setIpAccessListId(id)
            .setLabel("java3")
            .setListType(ListType.BLOCK)
            .setIpAddresses(List.of("10.0.0.1"))
            .setEnabled(false));
    equal(false, api.get(id).getIpAccessList().getEnabled());
    api.delete(id);
    throwsError(NotFound.class, () -> api.get(id));
  }

  private static void accountLists() {
    AccountIpAccessListsAPI api = account.ipAccessLists();
    String id = api.create(list("java", ListType.BLOCK, "10.0.0.1")).getIpAccessList().getListId();
    equal("java", api.get(id).getIpAccessList().getLabel());
    api.delete(id);
    throwsError(NotFound.class, () -> api.get(id));
  }

  private static void workspaceConf() {
    workspace.workspaceConf().setStatus(Map.of("enableIpAccessLists", "true"));
    // It leaves the key out of its request, and so gets all of them.
    equal("true", workspace.workspaceConf().getStatus("enableIpAccessLists").get("enableIpAccessLists"));
    workspace.workspaceConf().setStatus(Map.of("enableIpAccessLists", "false"));
  }

  private static void policies() {
    NetworkPoliciesAPI api = account.networkPolicies();
    AccountNetworkPolicy policy =
        new AccountNetworkPolicy()
            .setAccountId(ACCOUNT)
            .setNetworkPolicyId("java")
            .setEgress(
                new NetworkPolicyEgress()
                    .setNetworkAccess(
                        new EgressNetworkPolicyNetworkAccessPolicy()
                            .setRestrictionMode(
                                EgressNetworkPolicyNetworkAccessPolicyRestrictionMode.RESTRICTED_ACCESS)));
    equal(policy, api.createNetworkPolicyRpc(new CreateNetworkPolicyRequest().setNetworkPolicy(policy)));
    equal(policy, api.getNetworkPolicyRpc("java"));
    long id = Long.parseLong(WORKSPACE);
    WorkspaceNetworkOption before = account.workspaceNetworkConfiguration().getWorkspaceNetworkOptionRpc(id);
    WorkspaceNetworkOption wanted = new WorkspaceNetworkOption().setWorkspaceId(id).setNetworkPolicyId("java");
    equal(wanted, setOption(id, wanted));
    equal(before, setOption(id, before));
    api.deleteNetworkPolicyRpc("java");
    throwsError(NotFound.class, () -> api.getNetworkPolicyRpc("java"));
  }

  private static WorkspaceNetworkOption setOption(long id, WorkspaceNetworkOption option) {
    return account
        .workspaceNetworkConfiguration()
        .updateWorkspaceNetworkOptionRpc(
            new UpdateWorkspaceNetworkOptionRequest().setWorkspaceId(id).setWorkspaceNetworkOption(option));
  }

  private static CreateIpAccessList list(String label, ListType type, String... addresses) {
    return new CreateIpAccessList().setLabel(label).setListType(type).setIpAddresses(List.of(addresses));
  }

  private static void equal(Object wanted, Object found) {
    if (!wanted.equals(found)) throw new AssertionError("found " + found + " instead of " + wanted);
  }

  private static void throwsError(Class<? extends Exception> type, Runnable call) {
    try {
      call.run();
    } catch (Exception error) {
      if (type.isInstance(error)) return;
      throw new AssertionError("found " + error + " instead of " + type.getSimpleName());
    }
    throw new AssertionError(type.getSimpleName() + " was expected");
  }

  private static void run(String name, Runnable test) {
    try {
      test.run();
      System.out.println("ok java: " + name);
    } catch (RuntimeException | AssertionError error) {
      failed += 1;
      System.out.println("failed java: " + name + ": " + error);
    }
  }
}
