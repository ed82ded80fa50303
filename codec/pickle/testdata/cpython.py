"""Prints pickles of CPython for TestWhatCPythonWrites: each line is a name, a
protocol, which of CPython's two picklers wrote it, and the pickle in hex.

    python3 codec/pickle/testdata/cpython.py > codec/pickle/testdata/cpython.txt
"""

import datetime as d
import io
import pickle

shared = ["x"]
values = {
    "none": None,
    "true": True,
    "false": False,
    "zero": 0,
    "byte": 255,
    "short": 65535,
    "negative": -1,
    "int32": -(2**31),
    "int40": 2**40,
    "negative-int40": -(2**40),
    "int64": 2**63 - 1,
    "least-int64": -(2**63),
    "uint64": 2**64 - 1,
    "big": 2**64,
    "negative-big": -(2**70),
    "huge": 3**2000,
    "float": 0.1,
    "whole-float": 1.0,
    "infinity": float("inf"),
    "empty-str": "",
    "str": "hello",
    "unicode": "naïve 日本語 \U0001f980 \x00",
    "long-str": "ab" * 200,
    "empty-bytes": b"",
    "bytes": bytes(range(256)),
    "long-bytes": b"ab" * 200,
    "empty-bytearray": bytearray(),
    "bytearray": bytearray(range(250, 256)),
    "empty-list": [],
    "list-of-one": [1],
    "list": [1, "two", None, 3.0],
    "long-list": list(range(2500)),
    "empty-tuple": (),
    "tuple1": (1,),
    "tuple2": (1, 2),
    "tuple3": (1, 2, 3),
    "tuple4": (1, 2, 3, 4),
    "empty-dict": {},
    "dict-of-one": {"a": 1},
    "dict": {"a": 1, "b": [2], "c": {"d": None}},
    "int-keys": {1: "a", None: "b", 2.5: "c", True: "d"},
    "empty-set": set(),
    "set": {7},
    "frozenset": frozenset([7]),
    "empty-frozenset": frozenset(),
    "datetime": d.datetime(2026, 2, 28, 23, 59, 58, 123456),
    "utc": d.datetime(2026, 2, 28, 23, 59, 58, 123456, tzinfo=d.timezone.utc),
    "zone": d.datetime(2026, 2, 28, 1, 2, 3, tzinfo=d.timezone(d.timedelta(hours=-3, minutes=-30))),
    "named-zone": d.datetime(2026, 2, 28, 1, 2, 3, tzinfo=d.timezone(d.timedelta(hours=1), "CET")),
    "fold": d.datetime(2026, 10, 25, 2, 30, fold=1),
    "date": d.date(2026, 2, 28),
    "time": d.time(23, 59, 58, 123456),
    "timedelta": d.timedelta(days=-1, seconds=5, microseconds=7),
    "shared": [shared, shared, "x"],
    "nested": {"users": [{"id": i, "name": "user", "tags": ("a", "b"), "at": d.datetime(2026, 1, 1, tzinfo=d.timezone.utc)} for i in range(3)]},
}


def dumps_in_python(value, protocol):
    out = io.BytesIO()
    pickle._Pickler(out, protocol).dump(value)
    return out.getvalue()


for name, value in values.items():
    seen = set()
    for protocol in range(2, 6):
        for pickler, dumps in ("C", pickle.dumps), ("Python", dumps_in_python):
            data = dumps(value, protocol)
            assert type(pickle.loads(data)) is type(value)
            if data not in seen:
                seen.add(data)
                print(name, protocol, pickler, data.hex())
