"""The program on a cluster of a head and two nodes of this machine, whose raylets are killed: see `kills.kill_nodes`.

`python -m benchmarks.campaigns.nodes stand-in|real launch|resume ... --kills N`; the last line printed is the number
of raylets that were killed.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from ray.cluster_utils import Cluster

from benchmarks.campaigns.stand_in import WITNESS


def _kill(nodes: Cluster, workers: list[Any], wanted: int, program: subprocess.Popen[bytes]) -> int:
    """Kill a node's raylet some moments after training has begun, put a new node in its place, and so on."""
    source, witness = random.Random(os.environ[WITNESS]), Path(os.environ[WITNESS])
    killed = 0
    while killed < wanted and program.poll() is None:
        if not witness.exists():
            time.sleep(0.05)
            continue
        time.sleep(source.uniform(0.0, 3.0))
        if program.poll() is not None:
            break
        node = workers.pop(source.randrange(len(workers)))
        os.kill(node.all_processes["raylet"][0].process.pid, signal.SIGKILL)
        killed += 1
        workers.append(nodes.add_node(num_cpus=1))
    return killed


def main() -> None:
    """Start the cluster and the program on it, and kill."""
    arguments = sys.argv[1:]
    place = arguments.index("--kills")
    wanted = int(arguments[place + 1])
    del arguments[place : place + 2]
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    workers = [nodes.add_node(num_cpus=1) for _ in range(2)]
    command = [sys.executable, "-m", "benchmarks.campaigns.sweep", *arguments, "--address", nodes.address]
    program = subprocess.Popen(command)
    killed = _kill(nodes, workers, wanted, program)
    code = program.wait()
    print(f"raylets killed: {killed}", flush=True)
    nodes.shutdown()
    sys.exit(code)


if __name__ == "__main__":
    main()
