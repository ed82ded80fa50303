"""Times Django's cache framework with its own Redis backend: the address of the server and
the seconds for each operation are the arguments, and the answer is JSON, nanoseconds by
operation.
"""

import json
import sys
import time

from django.conf import settings

address, seconds = "redis://" + sys.argv[1], float(sys.argv[2])
settings.configure(CACHES={"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": address, "KEY_PREFIX": "django"}})

import django  # noqa: E402, which needs the settings

django.setup()

from django.core.cache import cache  # noqa: E402

user = {"ID": 42, "Name": "Ann", "Email": "ann@example.com", "Roles": ["editor", "billing"], "Credit": 12.5}
users = {f"user:{i:08d}": user for i in range(100)}


def timed(operation):
    operation()
    calls, began = 0, time.perf_counter_ns()
    while time.perf_counter_ns() - began < seconds * 1e9:
        operation()
        calls += 1
    return (time.perf_counter_ns() - began) / calls


cache.set("user", user)
cache.set("count", 0, timeout=None)
cache.set_many(users)
print(json.dumps({
    "get": timed(lambda: cache.get("user")),
    "get, a miss": timed(lambda: cache.get("nobody")),
    "set": timed(lambda: cache.set("user", user)),
    "get_many of 100": timed(lambda: cache.get_many(users)),
    "set_many of 100": timed(lambda: cache.set_many(users)),
    "incr": timed(lambda: cache.incr("count")),
    "delete": timed(lambda: cache.delete("nobody")),
}))
