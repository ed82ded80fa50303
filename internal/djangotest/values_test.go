package djangotest

import (
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // so that the zones are there

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
)

// What Django keeps in a cache beside plain data is read as the plain value that it
// is.
func TestPlainValuesOfDjangosOwnTypes(t *testing.T) {
	s := open(t)
	c := s.cache("serializer=pickle")
	for _, v := range []struct {
		name, python string
		golang       any
	}{
		{"safe", "mark_safe('<b>')", "<b>"},
		{"rendered", "Template('<b>{{ x }}</b>').render(Context({'x': 'é&'}))", "<b>é&amp;</b>"},
		{"safe_in_dict", "{'html': mark_safe('x'), mark_safe('key'): 1}", map[string]any{"html": "x", "key": int64(1)}},
		{"ordered", "collections.OrderedDict([('b', 1), ('a', 2)])", map[string]any{"a": int64(2), "b": int64(1)}},
		{"default", "collections.defaultdict(list, {'a': [1]})", map[string]any{"a": []any{int64(1)}}},
		{"counter", "collections.Counter('aab')", map[string]any{"a": int64(2), "b": int64(1)}},
		{"deque", "collections.deque([1, 2], 5)", []any{int64(1), int64(2)}},
		{"frozen", "frozenset([1])", []any{int64(1)}},
		{"lazy_object", "SimpleLazyObject(lambda: ['x'])", []any{"x"}},
		{"date", "datetime.date(2026, 2, 28)", time.Date(2026, 2, 28, 0, 0, 0, 0, time.UTC)},
		{"span", "datetime.timedelta(hours=1)", time.Hour},
		{"clock", "datetime.time(1, 2)", time.Hour + 2*time.Minute},
	} {
		s.want(t, fmt.Sprintf("cache.set('%s', %s)", v.name, v.python), "None")
		wantGet(t, c, v.name, v.golang)
	}
	// The template tag stores a fragment under a key of Django's.
	s.want(t, "Template('{% load cache %}{% cache 60 sidebar %}<i>{{ x }}</i>{% endcache %}').render(Context({'x': 'y'}))", "'<i>y</i>'")
	s.want(t, "cache.set('fragment', cache.get(__import__('django.core.cache.utils', fromlist=['x']).make_template_fragment_key('sidebar')))", "None")
	wantGet(t, c, "fragment", "<i>y</i>")
}

// A time with a zone is the instant that Python says.
func TestTimesWithZones(t *testing.T) {
	s := open(t)
	c := s.cache("serializer=pickle")
	for i, zone := range []string{
		"zoneinfo.ZoneInfo('Europe/Berlin')", "zoneinfo.ZoneInfo('America/St_Johns')", "zoneinfo.ZoneInfo('Australia/Lord_Howe')",
		"zoneinfo.ZoneInfo('Asia/Kolkata')", "zoneinfo.ZoneInfo('UTC')", "zoneinfo.ZoneInfo('Africa/Casablanca')",
		"pytz.timezone('Europe/Berlin')", "pytz.timezone('Etc/GMT+1')", "pytz.utc", "pytz.FixedOffset(-90)", "timezone.get_fixed_timezone(90)",
	} {
		for j, wall := range []string{
			"2026, 1, 28, 1, 2, 3", "2026, 7, 28, 23, 59, 59", "2026, 10, 25, 2, 30", "2026, 10, 25, 2, 30, fold=1", "2026, 3, 29, 2, 30",
			"2026, 3, 29, 2, 30, fold=1", "2026, 4, 5, 1, 45", "2026, 4, 5, 1, 45, fold=1", "1960, 5, 1, 12, 0",
		} {
			key := fmt.Sprintf("%d_%d", i, j)
			made := fmt.Sprintf("datetime.datetime(%s, tzinfo=%s)", wall, zone)
			if strings.Contains(zone, "'Europe/Berlin'") && strings.HasPrefix(zone, "pytz") {
				made = fmt.Sprintf("%s.localize(datetime.datetime(%s))", zone, wall)
			}
			s.want(t, fmt.Sprintf("cache.set('%s', %s)", key, made), "None")
			at, err := xcache.For[time.Time](c).Get(t.Context(), key)
			require.NoError(t, err, made)
			s.want(t, fmt.Sprintf("(%s - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // datetime.timedelta(seconds=1)", made), fmt.Sprint(at.Unix()))
			// And back.
			require.NoError(t, xcache.For[time.Time](c).Set(t.Context(), key, at))
			s.want(t, fmt.Sprintf("(cache.get('%s') - %s).total_seconds() == 0", key, made), "True")
		}
	}
}

// What is not plain is refused by the name of its class, and nothing is called.
func TestObjectsOfDjangoAreRefusedByName(t *testing.T) {
	s := open(t)
	c := s.cache("serializer=pickle")
	for _, v := range []struct{ python, says string }{
		{"shop.models.Status.PAID", "shop.models.Status,"}, {"shop.models.Level.LOW", "shop.models.Level,"},
		{"shop.models.Color.RED", "shop.models.Color,"}, {"{'id': 1, 'status': shop.models.Status.PAID}", "shop.models.Status,"},
		{"Article(id=1, title='x')", "the model shop.Article"}, {"SimpleLazyObject(lambda: Article(id=1))", "the model shop.Article"},
		{"gettext_lazy('hello')", "store its str()"}, {"decimal.Decimal('1.5')", "decimal.Decimal"}, {"uuid.UUID(int=1)", "uuid.UUID"},
	} {
		s.want(t, "cache.set('k', "+v.python+")", "None")
		_, err := xcache.For[any](c).Get(t.Context(), "k")
		require.ErrorIs(t, err, xcache.ErrCorrupt, v.python)
		require.ErrorContains(t, err, v.says, v.python)
		require.NotContains(t, err.Error(), "getattr", v.python)
	}
	type row struct {
		ID int `json:"id"`
	}
	s.want(t, "cache.set('k', {'id': 1, 'status': shop.models.Status.PAID})", "None")
	got, err := xcache.For[row](c).Get(t.Context(), "k")
	require.NoError(t, err, "a field that nobody asks for")
	require.Equal(t, row{1}, got)
	s.want(t, "cache.set('k', {'status': shop.models.Status.PAID.value, 'price': str(decimal.Decimal('1.5'))})", "None")
	wantGet(t, c, "k", map[string]any{"status": "paid", "price": "1.5"})
}

func TestIntegersOfAnySizeBothWays(t *testing.T) {
	s := open(t)
	ctx := t.Context()
	for _, serializer := range []string{"pickle", "json"} {
		c := s.cache("serializer=" + serializer)
		for _, text := range []string{"5", "0", "-7", "9223372036854775808", "1267650600228229401496703205376", "-1267650600228229401496703205376", "9" + strings.Repeat("0", 4299)} {
			n, _ := new(big.Int).SetString(text, 10)
			s.want(t, "cache.set('n', "+text+")", "None")
			require.Equal(t, text, s.server.Do(t, "GET", ":1:n"))
			pointer, err := xcache.For[*big.Int](c).Get(ctx, "n")
			require.NoError(t, err, "%s: %.40s", serializer, text)
			require.Zero(t, n.Cmp(pointer), "%s: %.40s is read as %v", serializer, text, pointer)
			value, err := xcache.For[big.Int](c).Get(ctx, "n")
			require.NoError(t, err, "%s: %.40s", serializer, text)
			require.Zero(t, n.Cmp(&value), "%s: %.40s", serializer, text)
			if !n.IsInt64() && !n.IsUint64() {
				wantGet(t, c, "n", any(n))
			}
			for _, set := range []func() error{
				func() error { return xcache.For[*big.Int](c).Set(ctx, "m", n) },
				func() error { return xcache.For[big.Int](c).Set(ctx, "m", *n) },
			} {
				require.NoError(t, set())
				require.Equal(t, text, s.server.Do(t, "GET", ":1:m"))
				s.want(t, "cache.get('m') == "+text, "True")
			}
		}
		s.want(t, "cache.set('small', 5)", "None")
		p, err := xcache.For[*int](c).Get(ctx, "small")
		require.NoError(t, err)
		require.Equal(t, 5, *p)
		f, err := xcache.For[float64](c).Get(ctx, "small")
		require.NoError(t, err)
		require.InDelta(t, 5, f, 0)
		many := new(big.Int).Exp(big.NewInt(10), big.NewInt(4300), nil)
		require.ErrorIs(t, xcache.For[*big.Int](c).Set(ctx, "m", many), xcache.ErrTooLarge)
	}
	// Within other values they are pickled.
	c := s.cache("serializer=pickle")
	s.want(t, "cache.set('list', [5, 2 ** 100, -(2 ** 100)])", "None")
	wantGet(t, c, "list", []any{int64(5), new(big.Int).Lsh(big.NewInt(1), 100), new(big.Int).Neg(new(big.Int).Lsh(big.NewInt(1), 100))})
	require.NoError(t, xcache.For[[]*big.Int](c).Set(ctx, "list", []*big.Int{big.NewInt(5), new(big.Int).Lsh(big.NewInt(1), 100)}))
	s.want(t, "cache.get('list') == [5, 2 ** 100]", "True")
}
