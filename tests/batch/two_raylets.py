"""A Ray cluster of two raylets of one processor each, for as long as the standard input is open.

    python -m tests.batch.two_raylets

Says its address. For a line ``kill``, the second raylet is killed, which it says, too.
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
        sys.stdout.write(f"{cluster.address}\n")
        sys.stdout.flush()
        for line in sys.stdin:
            if line.strip() == "kill":
                cluster.remove_node(second, allow_graceful=False)
                sys.stdout.write("killed\n")
                sys.stdout.flush()
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    main()
