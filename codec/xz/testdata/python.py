"""Prints streams of Python's lzma for TestWhatPythonWrites: each line is a name, and
the stream in hex. The text of each is in the test. And it writes zeros.xz, which
stands for 100 MB.

    python3 codec/xz/testdata/python.py > codec/xz/testdata/python.txt
"""

import lzma
import os

text = b"".join(b'{"id":%d,"name":"entry %d"},' % (i, i * i % 251) for i in range(40))
noise = bytes(i * i * 7 % 65537 * 31 % 256 for i in range(300))


def raw(**options):
    return [{"id": lzma.FILTER_LZMA2, **options}]


streams = {
    "default": lzma.compress(text),
    "empty": lzma.compress(b""),
    "byte": lzma.compress(b"x"),
    "noise": lzma.compress(noise),
    "none": lzma.compress(text, check=lzma.CHECK_NONE),
    "crc32": lzma.compress(text, check=lzma.CHECK_CRC32),
    "crc64": lzma.compress(text, check=lzma.CHECK_CRC64),
    "sha256": lzma.compress(text, check=lzma.CHECK_SHA256),
    "fast": lzma.compress(text, preset=0),
    "extreme": lzma.compress(text, preset=9 | lzma.PRESET_EXTREME),
    "dictionary-of-4-KiB": lzma.compress(text, filters=raw(dict_size=4096)),
    "dictionary-of-1-GiB": lzma.compress(text, filters=raw(dict_size=1 << 30, mf=lzma.MF_HC3)),
    "lc-0-lp-4-pb-0": lzma.compress(text, filters=raw(lc=0, lp=4, pb=0)),
    "lc-4-lp-0-pb-4": lzma.compress(text, filters=raw(lc=4, lp=0, pb=4)),
}

for name, stream in streams.items():
    print(name, stream.hex())

with open(os.path.join(os.path.dirname(__file__), "zeros.xz"), "wb") as file:
    file.write(lzma.compress(bytes(100_000_000)))
