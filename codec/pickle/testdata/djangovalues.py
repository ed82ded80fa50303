"""Prints pickles of what Django and Python's library keep beside plain data, for
TestWhatDjangoWrites: each line is a name, a protocol, which of CPython's two
picklers wrote it, and the pickle in hex. It needs Django 4.2 and pytz.

    python3 codec/pickle/testdata/djangovalues.py > codec/pickle/testdata/djangovalues.txt
"""

import collections
import dataclasses
import datetime as d
import decimal
import enum
import fractions
import io
import ipaddress
import pathlib
import pickle
import sys
import types
import uuid
import zoneinfo

import django
import pytz
from django.conf import settings

settings.configure(USE_TZ=True, DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}})
django.setup()

from django.db import connection, models  # noqa: E402, which needs the settings
from django.http import QueryDict  # noqa: E402
from django.utils import safestring, timezone  # noqa: E402
from django.utils.functional import SimpleLazyObject  # noqa: E402
from django.utils.translation import gettext_lazy, ngettext_lazy  # noqa: E402

shop = types.ModuleType("shop")
shop.models = types.ModuleType("shop.models")
sys.modules.update({"shop": shop, "shop.models": shop.models})


def of_shop(cls):
    cls.__module__ = "shop.models"
    setattr(shop.models, cls.__qualname__.split(".")[0], cls)
    return cls


@of_shop
class Status(models.TextChoices):
    PAID = "paid"


@of_shop
class Level(models.IntegerChoices):
    LOW = 1


@of_shop
class Color(enum.Enum):
    RED = 1


@of_shop
class Size(enum.IntEnum):
    SMALL = 1


@of_shop
class Kind(str, enum.Enum):
    A = "a"


@of_shop
class Permission(enum.Flag):
    READ = 1
    WRITE = 2


@of_shop
class Order:
    class State(enum.Enum):
        OPEN = 1


Order.State.__module__ = "shop.models"


@of_shop
class Called(enum.Enum):
    """A member is pickled as a call, as other releases of Python do."""

    A = "a"

    def __reduce_ex__(self, protocol):
        return type(self), (self.value,)


@of_shop
class Text(str):
    pass


@of_shop
class Number(int):
    pass


@of_shop
class Row(collections.OrderedDict):
    pass


@of_shop
class Mapping(dict):
    pass


@of_shop
class Items(list):
    pass


@of_shop
@dataclasses.dataclass
class Point:
    x: int


@of_shop
class Old:
    def __reduce__(self):
        return super().__reduce__()


Pair = of_shop(collections.namedtuple("Pair", "a b"))
Pair.__module__ = "shop.models"


class Article(models.Model):
    title = models.CharField(max_length=9)

    class Meta:
        app_label = "shop"


Article.__module__ = "shop.models"
shop.models.Article = Article
with connection.schema_editor() as editor:
    editor.create_model(Article)
Article.objects.create(title="x")

# Of earlier releases.
for name, base in ("SafeText", str), ("SafeBytes", bytes):
    cls = type(name, (base, safestring.SafeData), {"__module__": "django.utils.safestring"})
    setattr(safestring, name, cls)

berlin = zoneinfo.ZoneInfo("Europe/Berlin")
attributes = collections.OrderedDict(a=1)
attributes.extra = 1
shared = safestring.SafeString("x")

values = {
    "safe-string": safestring.mark_safe("<b>naïve</b>"),
    "empty-safe-string": safestring.mark_safe(""),
    "safe-text": safestring.SafeText("<b>"),
    "safe-bytes": safestring.SafeBytes(b"<\xff>"),
    "safe-string-as-key": {safestring.mark_safe("a"): 1},
    "shared-safe-string": [shared, shared],
    "ordered-dict": collections.OrderedDict(b=1, a=[2]),
    "empty-ordered-dict": collections.OrderedDict(),
    "ordered-dict-of-ints": collections.OrderedDict({1: "a"}),
    "defaultdict": collections.defaultdict(list, {"a": [1]}),
    "defaultdict-of-sets": collections.defaultdict(set, {"a": {1}}),
    "defaultdict-of-none": collections.defaultdict(None, {"a": 1}),
    "defaultdicts": collections.defaultdict(dict, {"a": collections.defaultdict(int, b=1)}),
    "counter": collections.Counter("aab"),
    "empty-counter": collections.Counter(),
    "deque": collections.deque([1, 2]),
    "bounded-deque": collections.deque([1, 2, 3], 2),
    "deque-of-deques": collections.deque([collections.deque([1], 3), collections.deque()]),
    "lazy-object": SimpleLazyObject(lambda: {"a": 1}),
    "named-rows": list(Article.objects.values_list("id", "title", named=True)),
    "values": list(Article.objects.values()),
    "zoneinfo": d.datetime(2026, 7, 28, 1, 2, 3, 4, tzinfo=berlin),
    "zoneinfo-utc": d.datetime(2026, 7, 28, 1, 2, 3, tzinfo=zoneinfo.ZoneInfo("UTC")),
    "zoneinfo-twice-first": d.datetime(2026, 10, 25, 2, 30, tzinfo=berlin),
    "zoneinfo-twice-second": d.datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=berlin),
    "zoneinfo-skipped": d.datetime(2026, 3, 29, 2, 30, tzinfo=berlin),
    "zoneinfo-skipped-folded": d.datetime(2026, 3, 29, 2, 30, fold=1, tzinfo=berlin),
    "zoneinfo-not-kept": d.datetime(2026, 7, 28, 1, 2, 3, tzinfo=zoneinfo.ZoneInfo.no_cache("Europe/Berlin")),
    "zoneinfo-many": [d.datetime(2026, m, 1, tzinfo=zoneinfo.ZoneInfo(z)) for m in (1, 7) for z in ("Asia/Kolkata", "America/New_York")],
    "pytz": pytz.timezone("Europe/Berlin").localize(d.datetime(2026, 7, 28, 1, 2, 3)),
    "pytz-west": pytz.timezone("America/St_Johns").localize(d.datetime(2026, 1, 28, 1, 2, 3)),
    "pytz-utc": d.datetime(2026, 7, 28, 1, 2, 3, tzinfo=pytz.utc),
    "pytz-fixed": d.datetime(2026, 7, 28, 1, 2, 3, tzinfo=pytz.FixedOffset(-90)),
    "pytz-static": d.datetime(2026, 7, 28, 1, 2, 3, tzinfo=pytz.timezone("Etc/GMT+1")),
    "django-fixed": d.datetime(2026, 7, 28, 1, 2, 3, tzinfo=timezone.get_fixed_timezone(90)),
    # What is refused.
    "text-choices": Status.PAID,
    "integer-choices": Level.LOW,
    "enum": Color.RED,
    "int-enum": Size.SMALL,
    "str-enum": Kind.A,
    "flags": Permission.READ | Permission.WRITE,
    "nested-enum": Order.State.OPEN,
    "called-enum": Called.A,
    "row-with-enum": {"id": 1, "status": Status.PAID},
    "enum-as-key": {Status.PAID: 1},
    "class": Point,
    "str-subclass": Text("x"),
    "int-subclass": Number(5),
    "ordered-dict-subclass": Row(a=1),
    "dict-subclass": Mapping(a=1),
    "list-subclass": Items([1]),
    "ordered-dict-with-attributes": attributes,
    "dataclass": Point(1),
    "reconstructed": Old(),
    "namedtuple": Pair(1, 2),
    "decimal": decimal.Decimal("1.50"),
    "uuid": uuid.UUID(int=5),
    "fraction": fractions.Fraction(1, 3),
    "complex": 1 + 2j,
    "range": range(3),
    "address": ipaddress.ip_address("10.0.0.1"),
    "path": pathlib.PurePosixPath("/a"),
    "exception": ValueError("x"),
    "zone": berlin,
    "time-with-zone": d.time(1, 2, 3, tzinfo=pytz.utc),
    "lazy-text": gettext_lazy("hello"),
    "lazy-number": ngettext_lazy("a", "b", "n"),
    "model": Article(id=1, title="x"),
    "lazy-model": SimpleLazyObject(lambda: Article(id=1, title="x")),
    "queryset": Article.objects.all(),
    "query-dict": QueryDict("a=1&a=2"),
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
            if data not in seen:
                seen.add(data)
                print(name, protocol, pickler, data.hex())
