"""Which machines train together and which of them this one is, as TF_CONFIG says it or Slurm does."""

import json
import os
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

EXAMPLE = '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": "worker", "index": 0}}'
WORKING = ("chief", "worker")  # the kinds of tasks that train; the first there is leads
PATIENCE = 600.0  # seconds that one worker waits for the others to start
FIRST_PORT, PORTS = 10_000, 20_000  # below the ports that systems give out by themselves


@dataclass(frozen=True)
class Cluster:
    """All workers of a training, and which of them this process is: ``jobs[kind][index]``."""

    jobs: Mapping[str, Sequence[str]]  # addresses, "host:port", of every kind of task
    kind: str
    index: int

    @property
    def own(self) -> str:
        """The address of this process."""
        return self.jobs[self.kind][self.index]

    @property
    def leads(self) -> bool:
        """Whether this process is the chief."""
        return self.index == 0 and self.kind == next(kind for kind in WORKING if kind in self.jobs)

    @property
    def others(self) -> list[str]:
        """The addresses of all other processes."""
        return [address for kind in WORKING for address in self.jobs.get(kind, ()) if address != self.own]


def read_cluster(environment: Mapping[str, str] = os.environ) -> Cluster:
    """The cluster that the environment tells of: ``TF_CONFIG``, or without it the variables of a Slurm step.

    Raises
    ------
    ValueError
        When neither is there, or what is there does not hold together.
    """
    if "TF_CONFIG" in environment:
        return from_tf_config(environment["TF_CONFIG"])
    if "SLURM_STEP_NUM_TASKS" in environment:
        return from_slurm(environment)
    outside = (
        " This is a Slurm job, but not a step of one: start it with srun." if "SLURM_JOB_ID" in environment else ""
    )
    raise ValueError(
        "Nothing says which machines train together: neither TF_CONFIG nor the variables of a Slurm step are set."
        f"{outside} Set TF_CONFIG on every machine, such as {EXAMPLE}."
    )


def from_tf_config(text: str) -> Cluster:
    """Read and check the content of ``TF_CONFIG``."""
    try:
        config = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"TF_CONFIG is not JSON ({error}): {text!r}. Expected such as {EXAMPLE}.") from None

    def wrong(what: str) -> ValueError:
        return ValueError(f"TF_CONFIG {what}: {text!r}. Expected such as {EXAMPLE}.")

    if not isinstance(config, dict) or not (is_jobs(config.get("cluster")) and isinstance(config.get("task"), dict)):
        raise wrong('lacks "cluster", with lists of addresses "host:port", or "task"')
    jobs, kind, index = config["cluster"], config["task"].get("type"), config["task"].get("index")
    if strange := sorted(set(jobs) - set(WORKING)):
        raise wrong(f"has the tasks {', '.join(map(repr, strange))}; only 'chief' and 'worker' train here")
    if len(jobs.get("chief", ())) > 1:
        raise wrong("has several chiefs; one leads")
    addresses = [address for members in jobs.values() for address in members]
    if len(set(addresses)) < len(addresses):
        raise wrong("gives one address to several tasks")
    if kind not in jobs or type(index) is not int or not 0 <= index < len(jobs[kind]):
        raise wrong(f"says that this is the task {kind!r} number {index!r}, which is not in its cluster")
    return Cluster(jobs, kind, index)


def is_jobs(value: Any) -> bool:
    """Whether this is a dictionary of lists of addresses, and not empty."""
    if not isinstance(value, dict) or not value:
        return False
    return all(isinstance(members, list) and members and all(map(is_address, members)) for members in value.values())


def is_address(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    host, _, port = value.rpartition(":")
    return bool(host) and port.isdecimal() and 0 < int(port) < 65_536


def from_slurm(environment: Mapping[str, str]) -> Cluster:
    """One worker for every task of a Slurm step, on ports that follow from the number of the job.

    Each task uses the GPUs that Slurm lets it see.
    """
    from tensorflow import distribute

    tasks = int(environment["SLURM_STEP_NUM_TASKS"])
    port = FIRST_PORT + int(environment.get("SLURM_JOB_ID", 0)) % PORTS
    try:
        # It would deal out GPUs too, and fail where there are none; so it is given one for each task, and sets none.
        resolver = distribute.cluster_resolver.SlurmClusterResolver(
            port_base=port, gpus_per_node=tasks, gpus_per_task=1, auto_set_gpu=False
        )
        jobs = resolver.cluster_spec().as_dict()
        # Its own number of this task is wrong where Slurm orders nodes otherwise than by their letters: n9, n10.
        own = f"{environment['SLURMD_NODENAME']}:{port + int(environment['SLURM_LOCALID'])}"
        return Cluster(jobs, "worker", jobs["worker"].index(own))
    except (KeyError, ValueError, RuntimeError) as error:
        given = {
            name: value for name, value in sorted(environment.items()) if name.startswith(("SLURM_STEP", "SLURMD"))
        }
        raise ValueError(
            f"Slurm's variables do not say which tasks train together ({error!r}): {given}. Start every task with "
            f"srun, or set TF_CONFIG, such as {EXAMPLE}."
        ) from error


def meet(cluster: Cluster, patience: float = PATIENCE) -> None:
    """Wait until every other worker has come as far as this one; TensorFlow itself would wait for an hour.

    Raises
    ------
    TimeoutError
        When somebody did not, naming them.
    OSError
        When the port of this process is taken.
    """
    begun, reported = time.monotonic(), False
    with listening(cluster.own):  # connections are made by the system, so nobody has to accept them
        missing = {address: "not tried" for address in cluster.others}
        while missing := {address: trouble for address in missing if (trouble := unreachable(address))}:
            waited = time.monotonic() - begun
            if waited > patience:
                reasons = ", ".join(f"{address} ({trouble})" for address, trouble in missing.items())
                raise TimeoutError(
                    f"Waited {waited:.0f} seconds, but cannot reach {reasons} from {cluster.own}. "
                    "Start the same command on every machine of the cluster, and let them reach each other's ports."
                )
            if waited > 2 and not reported:
                reported = True
                print(f"waiting for the workers {', '.join(missing)}", file=sys.stderr)
            time.sleep(0.2)


def listening(address: str) -> socket.socket:
    """A socket on the port of ``address``, on all of this machine's networks."""
    port = int(address.rpartition(":")[2])
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    try:
        return socket.create_server(("", port), family=family, dualstack_ipv6=both, backlog=1024)
    except OSError as error:
        raise OSError(
            f"The port {port} of this machine cannot be used ({error.strerror}). End the process that holds it, or "
            f"give this worker another port than {address}."
        ) from error


def unreachable(address: str) -> str:
    """Why nobody answers at an address; nothing when somebody does."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""
