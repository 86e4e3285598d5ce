# %% [markdown]
# # Servers from a notebook
#
# Open this file in Jupyter (with jupytext), VS Code or PyCharm, and run it cell by cell. A client is used inside
# one cell:
# notebooks run each cell as a task of its own, and a client is left in the task that entered it.

# %%
from upcloud_sdk import LoginUser, ServerSpec, StorageDeviceSpec, Token, UpCloud, WaitPolicy
from upcloud_sdk.simulator import Simulator

sim = Simulator(boot_seconds=0.5, stop_seconds=0.5)  # a simulated account, as long as this notebook runs


def client() -> UpCloud:
    """A client of the simulator. With a real account, write `UpCloud()`."""
    return UpCloud(Token("ucat_any"), transport=sim.transport(), waits=WaitPolicy(first_read_after=0.2, pause=0.2))


# %% Look around: the last line of a cell is shown as a table.
async with client() as cloud:
    plans = await cloud.plans.list()
    debian = await cloud.storages.find_template("Debian GNU/Linux 12 (Bookworm)")
debian

# %% What would it cost?
spec = ServerSpec(
    zone="fi-hel1",
    plan="PREMIUM-1xCPU-1GB",
    hostname="notebook",
    title="notebook",
    storage_devices=[StorageDeviceSpec.clone(debian.uuid, size=25)],
    login_user=LoginUser(ssh_keys=["ssh-ed25519 AAAA me@example.com"]),
    metadata=True,
)
async with client() as cloud:
    estimate = await cloud.prices.estimate(spec)
print(f"{estimate.hourly} {estimate.currency} an hour, {estimate.monthly} a month")

# %% Run it for as long as this cell runs. The stop button of the notebook ends the server too.
async with client() as cloud, cloud.servers.ephemeral(spec) as server:
    print(server.state, server.public_ipv4)
server
