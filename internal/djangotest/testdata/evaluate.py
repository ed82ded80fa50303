"""Evaluates the expressions that come as JSON, one a line, and answers each
with a line: {"value": repr} or {"error": text}. The one argument is the address
of the server.
"""

import datetime
import gzip
import json
import lzma
import sys
import time
import zlib

import lz4.frame
import msgpack
import redis
import zstandard
from django.conf import settings

address = "redis://" + sys.argv[1]


class JSONSerializer:
    """The serializer of docs/django.md."""

    def dumps(self, value):
        if type(value) is int:
            return value
        return json.dumps(value).encode()

    def loads(self, data):
        try:
            return int(data)
        except ValueError:
            return json.loads(data)


backend = "django.core.cache.backends.redis.RedisCache"
settings.configure(
    USE_TZ=True,
    CACHES={
        "default": {"BACKEND": backend, "LOCATION": address},
        "prefixed": {"BACKEND": backend, "LOCATION": address, "KEY_PREFIX": "shop", "VERSION": 2},
        "json": {"BACKEND": backend, "LOCATION": address, "KEY_PREFIX": "json", "OPTIONS": {"serializer": "__main__.JSONSerializer"}},
    },
)

from django.core.cache import caches  # noqa: E402, which needs the settings
from django.utils import timezone  # noqa: E402

names = {
    "cache": caches["default"],
    "prefixed": caches["prefixed"],
    "json_cache": caches["json"],
    "server": redis.Redis.from_url(address),
    "datetime": datetime,
    "gzip": gzip,
    "json": json,
    "lz4": lz4,
    "lzma": lzma,
    "msgpack": msgpack,
    "time": time,
    "timezone": timezone,
    "zlib": zlib,
    "zstandard": zstandard,
}

for line in sys.stdin:
    try:
        reply = {"value": repr(eval(json.loads(line), names))}
    except Exception as error:
        reply = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(reply), flush=True)
