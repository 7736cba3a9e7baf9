"""What is told of `spin up` alone; collected only with CONCIERGE_TEST_AWAY=spin."""

from away import Spin
from conftest import make_client
from server import Server

INSTANCES = 20
"""Spin refuses more instances than this at once; each request of the test has a new one."""
REQUESTS = 3 * INSTANCES
MEMORIES_PER_INSTANCE = 3
"""The router's own and those of its two bridges."""


def test_instances_are_given_back_after_requests_that_moved_a_body():
    one_request_each = ("--max-instance-reuse-count", "1")
    few = {"SPIN_WASMTIME_TOTAL_MEMORIES": str(INSTANCES * MEMORIES_PER_INSTANCE)}
    with Server() as host, Spin("spin", host, one_request_each, few) as spin:
        s3 = make_client("http://" + spin.addresses["s3"])
        s3.create_bucket(Bucket="lobby")
        for number in range(REQUESTS):
            body = f"guest {number}".encode()
            s3.put_object(Bucket="lobby", Key="book", Body=body)
            assert s3.get_object(Bucket="lobby", Key="book")["Body"].read() == body
