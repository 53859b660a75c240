# Databricks' SDK for Python against the REST API: the calls that people and Terraform make, in their order. One line
# "ok NAME" or "failed NAME: why" for each.
import os
import sys

from databricks.sdk import AccountClient, WorkspaceClient
from databricks.sdk.errors import AlreadyExists, BadRequest, NotFound, ResourceAlreadyExists
from databricks.sdk.service import settings
from databricks.sdk.service.settings import (
    AccountIpAccessEnable,
    BooleanMessage,
    ListType,
    WorkspaceNetworkOption,
)

host, token, account_id, workspace_id = (os.environ[name] for name in ("HOST", "TOKEN", "ACCOUNT", "WORKSPACE"))
workspace = WorkspaceClient(host=host, token=token, workspace_id=workspace_id)
account = AccountClient(host=host, token=token, account_id=account_id)


def raises(error, text, call):
    try:
        call()
    except error as raised:
        assert text in str(raised), str(raised)
        return
    raise AssertionError(f"{error.__name__} was expected")


def lists(api, delete):
    made = api.create(label="office", list_type=ListType.ALLOW, ip_addresses=["127.0.0.1", "2.2.2.2/21"]).ip_access_list
    assert made.enabled and made.address_count == 2 and made.ip_addresses[1] == "2.2.2.2/21"
    assert isinstance(made.created_by, int) and made.created_at > 1_600_000_000_000
    assert api.get(made.list_id).ip_access_list == made
    assert made in list(api.list())
    raises(
        ResourceAlreadyExists,
        "IP access list with type (ALLOW) and label (office) already exists",
        lambda: api.create(label="office", list_type=ListType.ALLOW, ip_addresses=[]),
    )
    api.replace(made.list_id, label="office", list_type=ListType.ALLOW, ip_addresses=["127.0.0.1"], enabled=False)
    assert api.get(made.list_id).ip_access_list.enabled is False
    delete(made.list_id)
    raises(NotFound, f"Can't find an IP access list with id: {made.list_id}.", lambda: api.get(made.list_id))


def terraform():
    """Its provider creates, reads, updates by PATCH, reads, deletes, and reads until it is gone."""
    api = workspace.ip_access_lists
    made = api.create(label="tf", list_type=ListType.BLOCK, ip_addresses=["10.0.0.1"]).ip_access_list
    assert api.get(made.list_id).ip_access_list == made
    api.update(made.list_id, label="tf", list_type=ListType.BLOCK, ip_addresses=["10.0.0.1", "10.0.0.2"], enabled=True)
    assert api.get(made.list_id).ip_access_list.address_count == 2
    api.delete(made.list_id)
    raises(NotFound, "Can't find", lambda: api.get(made.list_id))


def workspace_conf():
    api = workspace.workspace_conf
    api.set_status({"enableIpAccessLists": "true"})
    assert api.get_status("enableIpAccessLists") == {"enableIpAccessLists": "true"}
    raises(BadRequest, 'Some values are not allowed: {"enableIpAccessLists":""}', lambda: api.set_status({"enableIpAccessLists": ""}))
    raises(BadRequest, 'Invalid keys: ["nope"]', lambda: api.set_status({"nope": "true"}))
    api.set_status({"enableIpAccessLists": "false"})


def policies():
    api = account.network_policies
    policy = settings.AccountNetworkPolicy.from_dict(
        {
            "network_policy_id": "sdk",
            "account_id": account_id,
            "egress": {
                "network_access": {
                    "restriction_mode": "RESTRICTED_ACCESS",
                    "allowed_internet_destinations": [
                        {"destination": "pypi.example", "internet_destination_type": "DNS_NAME"}
                    ],
                    "policy_enforcement": {"enforcement_mode": "ENFORCED"},
                }
            },
        }
    )
    assert api.create_network_policy_rpc(policy) == policy
    assert api.get_network_policy_rpc("sdk") == policy
    assert policy in list(api.list_network_policies_rpc())
    raises((AlreadyExists, ResourceAlreadyExists), "already exists", lambda: api.create_network_policy_rpc(policy))
    policy.egress.network_access.policy_enforcement = None
    assert api.update_network_policy_rpc("sdk", policy) == policy
    network_option(policy)
    api.delete_network_policy_rpc("sdk")
    raises(NotFound, "does not exist", lambda: api.get_network_policy_rpc("sdk"))


def network_option(policy):
    api = account.workspace_network_configuration
    number = int(workspace_id)
    before = api.get_workspace_network_option_rpc(number)
    assert before == WorkspaceNetworkOption(network_policy_id="default-policy", workspace_id=number)
    wanted = WorkspaceNetworkOption(network_policy_id="sdk", workspace_id=number)
    assert api.update_workspace_network_option_rpc(number, wanted) == wanted
    raises(BadRequest, "Cannot delete", lambda: account.network_policies.delete_network_policy_rpc("sdk"))
    assert api.update_workspace_network_option_rpc(number, before) == before
    assert policy.network_policy_id == "sdk"


def account_switch():
    api = account.settings.enable_ip_access_lists
    first = api.get()
    wanted = AccountIpAccessEnable(acct_ip_acl_enable=BooleanMessage(value=True), etag=first.etag, setting_name="default")
    changed = api.update(allow_missing=True, setting=wanted, field_mask="acct_ip_acl_enable.value")
    assert changed.acct_ip_acl_enable.value is True and changed.etag != first.etag
    assert api.delete(etag=changed.etag).etag
    assert not api.get().acct_ip_acl_enable.value


TESTS = {
    "ip_access_lists": lambda: lists(workspace.ip_access_lists, workspace.ip_access_lists.delete),
    "account ip_access_lists": lambda: lists(account.ip_access_lists, account.ip_access_lists.delete),
    "terraform's order of calls": terraform,
    "workspace_conf": workspace_conf,
    "network_policies and workspace_network_configuration": policies,
    "enable_ip_access_lists of the account": account_switch,
}

failed = 0
for name, test in TESTS.items():
    try:
        test()
        print(f"ok python: {name}")
    except Exception as error:
        failed += 1
        print(f"failed python: {name}: {type(error).__name__}: {error}")
sys.exit(1 if failed else 0)
