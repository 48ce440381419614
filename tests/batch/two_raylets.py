"""A Ray cluster of two raylets of one processor each, for as long as the standard input is open.

    python -m tests.batch.two_raylets

Says its address. For a line ``kill``, the second raylet is killed, for ``add``, it is started anew;
which it says, too.
"""

import os
import sys

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # read when ray is loaded
os.environ["RAY_BACKEND_LOG_LEVEL"] = "fatal"

from ray.cluster_utils import Cluster

STORE_BYTES = 128 * 1024 * 1024


def main() -> None:
    """Run the cluster."""
    node = {"num_cpus": 1, "object_store_memory": STORE_BYTES, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    try:
        del node["include_dashboard"]
        second = cluster.add_node(**node)
        cluster.wait_for_nodes()
        _say(cluster.address)
        for line in sys.stdin:
            if line.strip() == "kill":
                cluster.remove_node(second, allow_graceful=False)
                _say("killed")
            if line.strip() == "add":
                second = cluster.add_node(**node)
                cluster.wait_for_nodes()
                _say("added")
    finally:
        cluster.shutdown()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
