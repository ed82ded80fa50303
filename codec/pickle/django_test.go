package pickle_test

import (
	"encoding/hex"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // links the time zones

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/pickle"
)

// pickles returns the lines of a file of testdata.
func pickles(t testing.TB, file string) []written {
	text, err := os.ReadFile(filepath.Join("testdata", file))
	require.NoError(t, err)
	var all []written
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		data, err := hex.DecodeString(fields[3])
		require.NoError(t, err)
		all = append(all, written{fields[0], "protocol " + fields[1] + " of the pickler in " + fields[2], data})
	}
	return all
}

func utc(month time.Month, day, hour, minute int) time.Time {
	return time.Date(2026, month, day, hour, minute, 0, 0, time.UTC)
}

func second(t time.Time) time.Time { return t.Add(3 * time.Second) }

// These are the values of testdata/djangovalues.py in Go, read into an any.
var djangoInGo = map[string]any{
	"safe-string": "<b>naïve</b>", "empty-safe-string": "", "safe-text": "<b>", "safe-bytes": []byte("<\xff>"),
	"safe-string-as-key": map[string]any{"a": int64(1)}, "shared-safe-string": []any{"x", "x"},
	"ordered-dict": map[string]any{"b": int64(1), "a": []any{int64(2)}}, "empty-ordered-dict": map[string]any{},
	"ordered-dict-of-ints": map[any]any{int64(1): "a"},
	"defaultdict":          map[string]any{"a": []any{int64(1)}}, "defaultdict-of-sets": map[string]any{"a": []any{int64(1)}},
	"defaultdict-of-none": map[string]any{"a": int64(1)}, "defaultdicts": map[string]any{"a": map[string]any{"b": int64(1)}},
	"counter": map[string]any{"a": int64(2), "b": int64(1)}, "empty-counter": map[string]any{},
	"deque": []any{int64(1), int64(2)}, "bounded-deque": []any{int64(2), int64(3)}, "deque-of-deques": []any{[]any{int64(1)}, []any{}},
	"lazy-object": map[string]any{"a": int64(1)}, "named-rows": []any{[]any{int64(1), "x"}},
	"values":       []any{map[string]any{"id": int64(1), "title": "x"}},
	"zoneinfo":     second(utc(7, 27, 23, 2)).Add(4 * time.Microsecond),
	"zoneinfo-utc": second(utc(7, 28, 1, 2)), "zoneinfo-twice-first": utc(10, 25, 0, 30), "zoneinfo-twice-second": utc(10, 25, 1, 30),
	"zoneinfo-skipped": utc(3, 29, 1, 30), "zoneinfo-skipped-folded": utc(3, 29, 0, 30), "zoneinfo-not-kept": second(utc(7, 27, 23, 2)),
	"zoneinfo-many": []any{utc(12, 31, 18, 30).AddDate(-1, 0, 0), utc(1, 1, 5, 0), utc(6, 30, 18, 30), utc(7, 1, 4, 0)},
	"pytz":          second(utc(7, 27, 23, 2)), "pytz-west": second(utc(1, 28, 4, 32)), "pytz-utc": second(utc(7, 28, 1, 2)),
	"pytz-fixed": second(utc(7, 28, 2, 32)), "pytz-static": second(utc(7, 28, 2, 2)), "django-fixed": second(utc(7, 27, 23, 32)),
}

// unfolded has the values that Python also reads without their fold.
var unfolded = map[string]string{"zoneinfo-twice-second": "zoneinfo-twice-first", "zoneinfo-skipped-folded": "zoneinfo-skipped"}

// These texts are in the errors of the other values.
var djangoRefused = map[string]string{
	"text-choices": "shop.models.Status,", "integer-choices": "shop.models.Level,", "enum": "shop.models.Color,",
	"int-enum": "shop.models.Size,", "str-enum": "shop.models.Kind,", "flags": "shop.models.Permission,",
	"nested-enum": "shop.models.Order.State,", "called-enum": "shop.models.Called,", "row-with-enum": "shop.models.Status,",
	"enum-as-key": "shop.models.Status,", "class": "shop.models.Point,", "str-subclass": "shop.models.Text,",
	"int-subclass": "shop.models.Number,", "ordered-dict-subclass": "shop.models.Row,", "dict-subclass": "shop.models.Mapping,",
	"list-subclass": "shop.models.Items,", "ordered-dict-with-attributes": "an object", "dataclass": "shop.models.Point,",
	"reconstructed": "shop.models.Old,", "namedtuple": "shop.models.Pair,", "decimal": "decimal.Decimal, which is not plain data; store its str()",
	"uuid": "uuid.UUID, which is not plain data; store its str()", "fraction": "fractions.Fraction,", "complex": "complex,", "range": "range,",
	"address": "ipaddress.IPv4Address,", "path": "pathlib.PurePosixPath,", "exception": "ValueError,", "zone": "datetime.timezone",
	"time-with-zone": "datetime.time with a time zone", "lazy-text": "_lazy_proxy_unpickle, which is not plain data; a lazy string: store its str()",
	"lazy-number": "a lazy string: store its str()", "model": "the model shop.Article, which is not plain data; store a dict of its fields",
	"lazy-model": "the model shop.Article,", "queryset": "django.db.models.query.QuerySet, which is not plain data; store list(queryset.values())",
	"query-dict": "django.http.request.QueryDict,",
}

// sameInstants replaces times by the same times in UTC.
func sameInstants(v any) any {
	switch v := v.(type) {
	case time.Time:
		return v.UTC()
	case []any:
		for i := range v {
			v[i] = sameInstants(v[i])
		}
	}
	return v
}

func TestWhatDjangoWrites(t *testing.T) {
	seen := map[string]bool{}
	for _, w := range pickles(t, "djangovalues.txt") {
		seen[w.name] = true
		require.True(t, recognize(w.data), "%s, %s is not recognised", w.name, w.by)
		var got any
		err := pickle.Serializer.Unmarshal(w.data, &got)
		if class, refused := djangoRefused[w.name]; refused {
			require.ErrorIs(t, err, codec.ErrCorrupt, "%s, %s: read %#v", w.name, w.by, got)
			require.ErrorContains(t, err, class, "%s, %s", w.name, w.by)
			require.NotContains(t, err.Error(), "getattr", "%s, %s", w.name, w.by)
			require.Nil(t, got, "%s, %s", w.name, w.by)
			continue
		}
		if first, folded := unfolded[w.name]; folded && w.data[1] < 4 {
			w.name = first // these protocols do not store fold
		}
		want, known := djangoInGo[w.name]
		require.True(t, known, "the test does not know %s", w.name)
		require.NoError(t, err, "%s, %s", w.name, w.by)
		require.Equal(t, want, sameInstants(got), "%s, %s", w.name, w.by)
	}
	require.Len(t, seen, len(djangoInGo)+len(djangoRefused))
}

// djangoPickle returns the pickle of a name in protocol 5.
func djangoPickle(t *testing.T, name string) []byte {
	t.Helper()
	var data []byte
	for _, w := range pickles(t, "djangovalues.txt") {
		if w.name == name {
			data = w.data
		}
	}
	require.NotEmpty(t, data, name)
	return data
}

func TestWhatDjangoWritesIsReadIntoTypes(t *testing.T) {
	for name, want := range map[string]any{
		"safe-string": "<b>naïve</b>", "safe-bytes": []byte("<\xff>"), "safe-string-as-key": map[string]int{"a": 1},
		"ordered-dict-of-ints": map[int]string{1: "a"}, "counter": map[string]uint8{"a": 2, "b": 1},
		"defaultdict-of-sets": map[string]map[int8]struct{}{"a": {1: {}}}, "deque": []int{1, 2}, "bounded-deque": [2]int{2, 3},
		"values": []struct {
			ID    int    `json:"id"`
			Title string `json:"title"`
		}{{1, "x"}},
		// A key without a field is skipped, also if its value is only named.
		"row-with-enum": struct {
			ID int `json:"id"`
		}{1},
	} {
		into := reflect.New(reflect.TypeOf(want))
		require.NoError(t, pickle.Serializer.Unmarshal(djangoPickle(t, name), into.Interface()), name)
		require.Equal(t, want, into.Elem().Interface(), name)
	}
	var row struct {
		Status string `json:"status"`
	}
	err := pickle.Serializer.Unmarshal(djangoPickle(t, "row-with-enum"), &row)
	require.ErrorIs(t, err, codec.ErrCorrupt)
	require.ErrorContains(t, err, `a member of shop.models.Status in field "status", which is not plain data; store its value`)
}

// A zone of the time zone database keeps its name.
func TestZonesOfTheDatabaseKeepTheirName(t *testing.T) {
	var at time.Time
	require.NoError(t, pickle.Serializer.Unmarshal(djangoPickle(t, "zoneinfo"), &at))
	require.Equal(t, "Europe/Berlin", at.Location().String())
	require.Equal(t, "2026-07-28T01:02:03.000004+02:00", at.Format(time.RFC3339Nano))
}

func TestZonesThatAreNotInTheDatabase(t *testing.T) {
	zoneinfo := string(djangoPickle(t, "zoneinfo"))
	for _, name := range []string{"Europe/Nowhr_", "../../../etc_", "/etc/passwd__", "Local________"} {
		data := strings.Replace(zoneinfo, "Europe/Berlin", name[:13], 1)
		err := pickle.Serializer.Unmarshal([]byte(data), new(time.Time))
		require.ErrorIs(t, err, codec.ErrCorrupt, name)
		require.ErrorContains(t, err, "time/tzdata", name)
		require.NotContains(t, err.Error(), name[:6])
	}
	local := strings.Replace(zoneinfo, "\x8c\x0dEurope/Berlin", "\x8c\x05Local", 1)
	local = strings.Replace(local, "\x95\x7f", "\x95\x77", 1) // changes the length of the frame
	require.ErrorIs(t, pickle.Serializer.Unmarshal([]byte(local), new(time.Time)), codec.ErrCorrupt, "Python knows no zone of that name")
}

// Pickles that Python would not write are refused.
func TestCollectionsWithOtherArguments(t *testing.T) {
	for name, data := range map[string]string{
		"a deque of more than it may hold": "\x80\x04\x8c\x0bcollections\x8c\x05deque\x93)K\x01\x86R(K\x01K\x02e.",
		"a deque of no less than none":     "\x80\x04\x8c\x0bcollections\x8c\x05deque\x93)J\xff\xff\xff\xff\x86R.",
		"a deque of a list":                "\x80\x04\x8c\x0bcollections\x8c\x05deque\x93]\x85R.",
		"a Counter of a list":              "\x80\x04\x8c\x0bcollections\x8c\x07Counter\x93]\x85R.",
		"an OrderedDict of pairs":          "\x80\x04\x8c\x0bcollections\x8c\x0bOrderedDict\x93]K\x01K\x02\x86a\x85R.",
		"a defaultdict of a dict":          "\x80\x04\x8c\x0bcollections\x8c\x0bdefaultdict\x93N}\x86R.",
		"a SafeString of a number":         "\x80\x04\x8c\x17django.utils.safestring\x8c\x0aSafeString\x93K\x01\x85\x81.",
		"a SafeString with state":          "\x80\x04\x8c\x17django.utils.safestring\x8c\x0aSafeString\x93\x8c\x01a\x85\x81}b.",
		"rows of another width":            "\x80\x04\x8c\x16django.db.models.utils\x8c\x12unpickle_named_row\x93)K\x01\x85\x86R.",
		"items of a class":                 "\x80\x04\x8c\x06models\x8c\x03Row\x93K\x01K\x02s.",
		"an attribute of a str":            "\x80\x04\x8c\x08builtins\x8c\x07getattr\x93\x8c\x01a\x8c\x05upper\x86R.",
		"a call of an attribute":           "\x80\x04\x8c\x08builtins\x8c\x07getattr\x93\x8c\x06models\x8c\x03Row\x93\x8c\x03get\x86R)R.",
		"a model of one name":              "\x80\x04\x8c\x14django.db.models.base\x8c\x0emodel_unpickle\x93\x8c\x01a\x85\x85R.",
		"a zone of no name":                "\x80\x04cpytz\n_p\nK\x01\x85R.",
		"a zone of many days":              "\x80\x04cpytz\nFixedOffset\nJ\xff\xff\xff\x7f\x85R.",
	} {
		var v any
		err := pickle.Serializer.Unmarshal([]byte(data), &v)
		require.ErrorIs(t, err, codec.ErrCorrupt, name)
		require.Nil(t, v, name)
	}
}

func TestNamesThatMayBeValuesAreNotShown(t *testing.T) {
	for _, data := range []string{
		"\x80\x04\x8c\x08builtins\x8c\x07getattr\x93\x8c\x02os\x8c\x06canary\x93\x8c\x08a secret\x86R.",
		"\x80\x04\x8c\x02os\x8c\x08a canary\x93.",
		"\x80\x04\x8c\x15django.db.models.base\x8c\x0emodel_unpickle\x93\x8c\x04shop\x8c\x08a canary\x86\x85R.",
	} {
		err := pickle.Serializer.Unmarshal([]byte(data), new(any))
		require.ErrorIs(t, err, codec.ErrCorrupt)
		require.NotContains(t, err.Error(), "secret")
		require.NotContains(t, err.Error(), "a canary")
	}
	deep := "\x80\x04cmodels\nRow\n"
	for range 100 {
		deep = deep[:2] + "cbuiltins\ngetattr\n" + deep[2:] + "\x8c\x01a\x86R"
	}
	require.ErrorIs(t, pickle.Serializer.Unmarshal([]byte(deep+"."), new(any)), codec.ErrCorrupt)
}

// The bounds of containers also hold for containers that calls make.
func TestBombsOfCollections(t *testing.T) {
	const dict = "\x80\x04ccollections\nOrderedDict\n)R"
	const dicts = "\x80\x04ccollections\ndefaultdict\n)R"
	for name, data := range map[string]string{
		"an OrderedDict in itself": dict + "\x94K\x01h\x00s.",
		"a defaultdict in itself":  dicts + "\x94K\x01h\x00s.",
		"a deque in itself":        "\x80\x04ccollections\ndeque\n)R\x94h\x00a.",
		"a deque doubled":          strings.Replace(doubled("]"), "]", "ccollections\ndeque\n)R", 1),
		"Counters of one dict":     "\x80\x04}(" + strings.Repeat("NN", 1000) + "u\x94ccollections\nCounter\n\x94" + strings.Repeat("0h\x01h\x00\x85R", 1<<16) + "\x86.",
	} {
		var err error
		n := allocated(func() { err = pickle.Serializer.Unmarshal([]byte(data), new(any)) })
		require.ErrorIs(t, err, codec.ErrTooLarge, name)
		require.Less(t, n, uint64(96<<20), name)
	}
}

func TestIntsIntoFloatsAreExact(t *testing.T) {
	stored, err := pickle.Serializer.Append(nil, 1<<24+1)
	require.NoError(t, err)
	require.ErrorIs(t, pickle.Serializer.Unmarshal(stored, new(float32)), codec.ErrCorrupt)
	stored, err = pickle.Serializer.Append(nil, -1<<24)
	require.NoError(t, err)
	var f float32
	require.NoError(t, pickle.Serializer.Unmarshal(stored, &f))
	require.InDelta(t, -math.Exp2(24), float64(f), 0)
}
