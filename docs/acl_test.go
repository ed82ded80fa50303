package docs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
)

// What docs/acl.md says is held to real servers here: as users who may do what
// the page says and nothing else.

var (
	redisServer   = servertest.NewShared(servertest.Release("redis"))
	valkeyServer  = servertest.NewShared(servertest.Release("valkey"))
	redisCluster  = servertest.NewSharedCluster(servertest.Release("redis"))
	valkeyCluster = servertest.NewSharedCluster(servertest.Release("valkey"))
)

func TestMain(m *testing.M) {
	servertest.Main(m, redisServer, valkeyServer, redisCluster, valkeyCluster)
}

var schemes = []string{"redis", "valkey"}

// An aclForm is one way of calling an operation. It returns an error unless the
// operation did its work.
type aclForm func(ctx context.Context, v *xcache.View[string]) error

// An aclOperation is an operation that asks the server something.
type aclOperation struct {
	name string
	// usual are the ways that take the commands of the page's second column,
	// special those that take the ones of its third column, too.
	usual, special []aclForm
	// queue queues the operation in a pipeline, in all those ways. nil if it
	// cannot be queued.
	queue func(p *xcache.Pipeline, v *xcache.View[string])
}

func forms(list ...aclForm) []aclForm { return list }

// done makes an error of a false.
func done(ok bool, err error) error {
	if err == nil && !ok {
		return errors.New("it reports false")
	}
	return err
}

// without drops the result of an operation.
func without[T any](_ T, err error) error { return err }

var (
	expired  = xcache.TTL(0)
	noExpiry = xcache.TTL(xcache.NoExpiry)
	aMinute  = xcache.TTL(time.Minute)
	keepTTL  = xcache.KeepTTL()
)

// notStored is an Observer that keeps why a loaded value was not stored.
type notStored struct{ err error }

func (*notStored) Start(ctx context.Context, _ *xcache.Operation) context.Context { return ctx }
func (*notStored) End(context.Context, *xcache.Operation)                         {}

func (n *notStored) Event(e xcache.Event) {
	if e.Kind == driver.LoadedValueNotStored {
		n.err = e.Err
	}
}

// loadAndStore is GetOrSet, which has no error when it cannot store.
func loadAndStore(ctx context.Context, v *xcache.View[string], key string, opts ...xcache.SetOption) error {
	var told notStored
	v = v.With(xcache.WithObserver(&told))
	_, err := v.GetOrSet(ctx, key, func(context.Context) (string, error) { return "loaded", nil }, opts...)
	return errors.Join(err, told.err)
}

// The keys text, number and bye hold "hello", 5 and "bye".
var aclOperations = []aclOperation{
	{
		name:  "Get",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error { return without(v.Get(ctx, "text")) }),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { v.In(p).Get("text") },
	}, {
		name:  "GetOr",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error { return without(v.GetOr(ctx, "none", "")) }),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { v.In(p).GetOr("none", "") },
	}, {
		name: "GetMany",
		usual: forms(
			func(ctx context.Context, v *xcache.View[string]) error {
				return without(v.GetMany(ctx, []string{"text"}))
			},
			func(ctx context.Context, v *xcache.View[string]) error {
				return without(v.GetMany(ctx, []string{"text", "bye", "none"}))
			},
		),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { v.In(p).GetMany([]string{"text", "bye"}) },
	}, {
		name: "GetOrSet",
		usual: forms(
			func(ctx context.Context, v *xcache.View[string]) error { return loadAndStore(ctx, v, "none") },
			func(ctx context.Context, v *xcache.View[string]) error { return loadAndStore(ctx, v, "none", noExpiry) },
		),
		special: forms(
			func(ctx context.Context, v *xcache.View[string]) error { return loadAndStore(ctx, v, "none", expired) },
			// An integer is no string, so what is loaded takes its place.
			func(ctx context.Context, v *xcache.View[string]) error { return loadAndStore(ctx, v, "number") },
			func(ctx context.Context, v *xcache.View[string]) error {
				return loadAndStore(ctx, v, "number", expired)
			},
		),
	}, {
		name: "Set",
		usual: forms(
			func(ctx context.Context, v *xcache.View[string]) error { return v.Set(ctx, "text", "x") },
			func(ctx context.Context, v *xcache.View[string]) error { return v.Set(ctx, "text", "x", noExpiry) },
			func(ctx context.Context, v *xcache.View[string]) error { return v.Set(ctx, "text", "x", keepTTL) },
		),
		special: forms(func(ctx context.Context, v *xcache.View[string]) error { return v.Set(ctx, "text", "x", expired) }),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) {
			v.In(p).Set("text", "x")
			v.In(p).Set("text", "x", expired)
		},
	}, {
		name: "SetMany",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error {
			return v.SetMany(ctx, map[string]string{"text": "x", "bye": "y"})
		}),
		special: forms(func(ctx context.Context, v *xcache.View[string]) error {
			return v.SetMany(ctx, map[string]string{"text": "x", "bye": "y"}, expired)
		}),
	}, {
		name: "Replace",
		usual: forms(
			func(ctx context.Context, v *xcache.View[string]) error { return done(v.Replace(ctx, "text", "x")) },
			func(ctx context.Context, v *xcache.View[string]) error {
				return done(v.Replace(ctx, "text", "x", keepTTL))
			},
		),
		special: forms(func(ctx context.Context, v *xcache.View[string]) error {
			return done(v.Replace(ctx, "text", "x", expired))
		}),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { v.In(p).Replace("text", "x") },
	}, {
		name:  "Add",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error { return done(v.Add(ctx, "none", "x")) }),
		special: forms(func(ctx context.Context, v *xcache.View[string]) error {
			return done(v.Add(ctx, "none", "x", expired))
		}),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { v.In(p).Add("none", "x") },
	}, {
		name: "Swap",
		usual: forms(
			func(ctx context.Context, v *xcache.View[string]) error { return without(v.Swap(ctx, "text", "x")) },
			func(ctx context.Context, v *xcache.View[string]) error {
				return without(v.Swap(ctx, "text", "x", keepTTL))
			},
		),
		special: forms(func(ctx context.Context, v *xcache.View[string]) error {
			return without(v.Swap(ctx, "text", "x", expired))
		}),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { v.In(p).Swap("text", "x") },
	}, {
		name: "CompareAndSwap",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error {
			return done(v.CompareAndSwap(ctx, "text", "hello", "x"))
		}),
		special: forms(func(ctx context.Context, v *xcache.View[string]) error {
			return done(v.CompareAndSwap(ctx, "text", "hello", "x", expired))
		}),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { v.In(p).CompareAndSwap("text", "hello", "x") },
	}, {
		name: "CompareAndDelete",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error {
			return done(v.CompareAndDelete(ctx, "text", "hello"))
		}),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { v.In(p).CompareAndDelete("text", "hello") },
	}, {
		name:  "Delete",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error { return without(v.Delete(ctx, "text", "bye")) }),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { p.Delete("text", "bye") },
	}, {
		name:  "Has",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error { return done(v.Has(ctx, "text")) }),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { p.Has("text") },
	}, {
		name:  "TTL",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error { return without(v.TTL(ctx, "text")) }),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { p.TTL("text") },
	}, {
		name: "TTLMany",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error {
			return without(v.TTLMany(ctx, []string{"text", "bye"}))
		}),
	}, {
		name: "Touch",
		usual: forms(
			func(ctx context.Context, v *xcache.View[string]) error { return done(v.Touch(ctx, "text")) },
			func(ctx context.Context, v *xcache.View[string]) error { return done(v.Touch(ctx, "text", aMinute)) },
		),
		special: forms(
			func(ctx context.Context, v *xcache.View[string]) error { return done(v.Touch(ctx, "text", expired)) },
			func(ctx context.Context, v *xcache.View[string]) error { return done(v.Touch(ctx, "text", noExpiry)) },
		),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) {
			p.Touch("text", noExpiry)
			p.Touch("text")
			p.Touch("text", expired)
		},
	}, {
		name: "Expire",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error {
			return done(v.Expire(ctx, "text", time.Minute))
		}),
		special: forms(
			func(ctx context.Context, v *xcache.View[string]) error { return done(v.Expire(ctx, "text", 0)) },
			func(ctx context.Context, v *xcache.View[string]) error {
				return done(v.Expire(ctx, "text", xcache.NoExpiry))
			},
		),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { p.Expire("text", time.Minute) },
	}, {
		name: "ExpireAt",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error {
			return done(v.ExpireAt(ctx, "text", time.Now().Add(time.Hour)))
		}),
		special: forms(func(ctx context.Context, v *xcache.View[string]) error {
			return done(v.ExpireAt(ctx, "text", time.Now()))
		}),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { p.ExpireAt("text", time.Now().Add(time.Hour)) },
	}, {
		name:  "Persist",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error { return done(v.Persist(ctx, "text")) }),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { p.Persist("text") },
	}, {
		name:  "Incr",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error { return without(v.Incr(ctx, "number", 1)) }),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { p.Incr("number", 1) },
	}, {
		name:  "Decr",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error { return without(v.Decr(ctx, "number", 1)) }),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { p.Decr("number", 1) },
	}, {
		name: "IncrInit",
		usual: forms(
			func(ctx context.Context, v *xcache.View[string]) error {
				return without(v.IncrInit(ctx, "number", 1, 0))
			},
			func(ctx context.Context, v *xcache.View[string]) error { return without(v.IncrInit(ctx, "none", 1, 0)) },
			func(ctx context.Context, v *xcache.View[string]) error {
				return without(v.IncrInit(ctx, "none", 1, 0, noExpiry))
			},
		),
		special: forms(
			func(ctx context.Context, v *xcache.View[string]) error {
				return without(v.IncrInit(ctx, "none", 1, 0, expired))
			},
			func(ctx context.Context, v *xcache.View[string]) error {
				_, err := v.IncrInit(ctx, "none", 1, math.MaxInt64)
				return done(errors.Is(err, xcache.ErrOverflow), ignore(err, xcache.ErrOverflow))
			},
		),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { p.IncrInit("none", 1, 0) },
	}, {
		name:  "IncrVersion",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error { return without(v.IncrVersion(ctx, "text", 1)) }),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { p.IncrVersion("text", 1) },
	}, {
		name:  "DecrVersion",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error { return without(v.DecrVersion(ctx, "text", 1)) }),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { p.DecrVersion("text", 1) },
	}, {
		name:  "Rename",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error { return v.Rename(ctx, "text", "bye") }),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { p.Rename("text", "bye") },
	}, {
		name:  "RenameNX",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error { return done(v.RenameNX(ctx, "text", "none")) }),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { p.RenameNX("text", "none") },
	}, {
		name:  "Type",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error { return without(v.Type(ctx, "text")) }),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { p.Type("text") },
	}, {
		name: "Keys",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error {
			n := 0
			for _, err := range v.Keys(ctx, "*") {
				if err != nil {
					return err
				}
				n++
			}
			return done(n == 3, nil)
		}),
	}, {
		name: "DeletePattern",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error {
			n, err := v.DeletePattern(ctx, "*e*")
			return done(n == 3, err)
		}),
	}, {
		name: "Clear",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error {
			n, err := v.Clear(ctx)
			return done(n == 3, err)
		}),
	}, {
		name: "ClearAllVersions",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error {
			n, err := v.ClearAllVersions(ctx)
			return done(n == 3, err)
		}),
	}, {
		name:  "FlushDB",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error { return v.FlushDB(ctx) }),
	}, {
		name:  "Ping",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error { return v.Ping(ctx) }),
	},
}

// ignore returns err unless it is the one that is expected.
func ignore(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

// askNothing are the methods that send nothing, or what another one's row says.
var askNothing = []string{"Close", "CodecReads", "In", "Len", "Load", "Namespace", "Pipeline", "Require", "Store", "With"}

func TestACLPageHasEveryOperation(t *testing.T) {
	var run, queued []string
	for _, op := range aclOperations {
		run = append(run, op.name)
		if op.queue != nil {
			queued = append(queued, op.name)
		}
	}
	page := readACLPage(t)
	for name := range page.rows {
		require.Contains(t, run, name, "a row of no operation")
	}
	for _, owner := range []reflect.Type{reflect.TypeFor[*xcache.View[string]](), reflect.TypeFor[*xcache.Cache]()} {
		for method := range owner.Methods() {
			if slices.Contains(askNothing, method.Name) {
				continue
			}
			require.Contains(t, run, method.Name)
			require.Contains(t, page.rows, method.Name)
		}
	}
	for _, owner := range []reflect.Type{reflect.TypeFor[*xcache.PipelineView[string]](), reflect.TypeFor[*xcache.Pipeline]()} {
		for method := range owner.Methods() {
			if !slices.Contains(askNothing, method.Name) && !strings.HasPrefix(method.Name, "Exec") {
				require.Contains(t, queued, method.Name)
			}
		}
	}
}

// An aclPage is what docs/acl.md says, by the names of operations.
type aclPage struct {
	rows     map[string]aclRow
	pipeline map[string][]string
	dsn      map[string][]string
	cluster  map[string][]string
	lines    map[string][]string // those to copy, as arguments of ACL SETUSER
}

// An aclRow has the commands of the second and the third column.
type aclRow struct{ usual, special []string }

func (r aclRow) all() []string {
	all := slices.Concat(r.usual, r.special)
	slices.Sort(all)
	return slices.Compact(all)
}

var (
	quotedWord = regexp.MustCompile("`([^`]+)`")
	aclLine    = regexp.MustCompile("(?m)^<!-- (\\w+) -->\n```\nACL SETUSER (\\w+) (.*)\n```$")
)

func readACLPage(t *testing.T) aclPage {
	t.Helper()
	text := read(t, "docs/acl.md")
	page := aclPage{map[string]aclRow{}, map[string][]string{}, map[string][]string{}, map[string][]string{}, map[string][]string{}}
	words := func(cell string) (list []string) {
		for _, match := range quotedWord.FindAllStringSubmatch(cell, -1) {
			if word := strings.ReplaceAll(match[1], `\|`, "|"); word == strings.ToLower(word) {
				list = append(list, word)
			}
		}
		return list
	}
	table := ""
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.ReplaceAll(strings.TrimSpace(line), `\|`, "\x00"), "|")
		if len(cells) < 4 {
			continue
		}
		for i := range cells {
			cells[i] = strings.ReplaceAll(cells[i], "\x00", "|")
		}
		subject, commands := strings.TrimSpace(cells[1]), words(cells[2])
		if strings.HasPrefix(cells[2], "---") {
			continue
		}
		if strings.HasPrefix(strings.TrimSpace(cells[2]), "commands") {
			table = subject
			continue
		}
		var names []string
		for _, match := range quotedWord.FindAllStringSubmatch(subject, -1) {
			names = append(names, match[1])
		}
		for _, name := range append(names, subject) {
			switch table {
			case "operation":
				if name != subject || len(names) == 0 {
					page.rows[name] = aclRow{commands, words(cells[3])}
				}
			case "in a pipeline":
				page.pipeline[name] = commands
			case "in the DSN":
				page.dsn[name] = commands
			case "in a cluster":
				page.cluster[name] = commands
			}
		}
	}
	for _, match := range aclLine.FindAllStringSubmatch(text, -1) {
		page.lines[match[1]] = append([]string{match[2]}, strings.Fields(match[3])...)
	}
	return page
}

// commands returns what a line to copy allows.
func (p aclPage) commands(line string) []string {
	var list []string
	for _, word := range p.lines[line] {
		if command, ok := strings.CutPrefix(word, "+"); ok {
			list = append(list, command)
		}
	}
	slices.Sort(list)
	return list
}

// An aclTest is servers of one product, asked by one driver.
type aclTest struct {
	*testing.T
	servers []*servertest.Server
	primary func(key string) *servertest.Server
	dsn     string // of the user probe
}

// eachServer runs a test on Redis and Valkey, with both drivers.
func eachServer(t *testing.T, run func(t *aclTest)) {
	for product, shared := range map[string]*servertest.Shared{"redis": redisServer, "valkey": valkeyServer} {
		for _, scheme := range schemes {
			t.Run(product+"/"+scheme, func(t *testing.T) {
				server := shared.Server(t)
				run(&aclTest{
					t,
					[]*servertest.Server{server},
					func(string) *servertest.Server { return server },
					scheme + "://probe:secret@" + server.Addr,
				})
			})
		}
	}
}

// do runs a command on every server.
func (t *aclTest) do(args ...string) {
	t.Helper()
	for _, server := range t.servers {
		server.Do(t, args...)
	}
}

// allow makes probe a user who may do what is named.
func (t *aclTest) allow(commands ...[]string) {
	t.Helper()
	rules := []string{"ACL", "SETUSER", "probe", "reset", "on", ">secret", "~:*"}
	for _, command := range slices.Concat(commands...) {
		rules = append(rules, "+"+command)
	}
	t.do(rules...)
}

// try runs one form of an operation on a new connection of probe's, to servers
// that hold its keys and no script.
func (t *aclTest) try(form aclForm, parameters ...string) error {
	t.Helper()
	for _, server := range t.servers {
		if role := server.Do(t, "ROLE").([]any); role[0] == "master" {
			server.Do(t, "FLUSHALL")
			server.Do(t, "SCRIPT", "FLUSH")
		}
	}
	for key, value := range map[string]string{"text": `"hello"`, "bye": `"bye"`, "number": "5"} {
		t.primary(":1:"+key).Do(t, "SET", ":1:"+key, value, "EX", "100")
	}
	cache, err := xcache.OpenDSN(t.dsn + strings.Join(parameters, "&"))
	require.NoError(t, err)
	defer func() { require.NoError(t, cache.Close()) }()
	return form(t.Context(), xcache.For[string](cache))
}

func TestACLOfOperations(t *testing.T) {
	page := readACLPage(t)
	eachServer(t, func(t *aclTest) {
		for _, op := range aclOperations {
			row := page.rows[op.name]
			t.allow(row.usual)
			for i, form := range op.usual {
				require.NoError(t, t.try(form), "%s, way %d, with %v", op.name, i, row.usual)
			}
			t.allow(row.all())
			for i, form := range op.special {
				require.NoError(t, t.try(form), "%s, special way %d, with %v", op.name, i, row.all())
			}
			for _, needless := range row.all() {
				t.allow(slices.DeleteFunc(row.all(), func(c string) bool { return c == needless }))
				failures := 0
				for _, form := range slices.Concat(op.usual, op.special) {
					if err := t.try(form); err != nil {
						failures++
						require.ErrorIs(t, err, xcache.ErrAuth, "%s without %s", op.name, needless)
					}
				}
				require.NotZero(t, failures, "%s does not need %s", op.name, needless)
			}
		}
	})
}

func TestACLOfPipelines(t *testing.T) {
	page := readACLPage(t)
	eachServer(t, func(t *aclTest) {
		for _, op := range aclOperations {
			if op.queue == nil {
				continue
			}
			commands := page.rows[op.name].all()
			if instead, ok := page.pipeline[op.name]; ok {
				commands = instead
			}
			t.allow(commands)
			require.NoError(t, t.try(func(ctx context.Context, v *xcache.View[string]) error {
				p := v.Pipeline()
				op.queue(p, v)
				return p.Exec(ctx)
			}), "%s in a pipeline with %v", op.name, commands)

			commands = slices.DeleteFunc(slices.Clone(commands), func(c string) bool { return c == "evalsha" })
			t.allow(commands, []string{"multi", "exec"})
			require.NoError(t, t.try(func(ctx context.Context, v *xcache.View[string]) error {
				p := v.Pipeline()
				op.queue(p, v)
				return p.ExecAtomic(ctx)
			}), "%s in a transaction with %v", op.name, commands)
		}
		require.Equal(t, []string{"multi", "exec", "eval"}, page.pipeline["ExecAtomic"])
	})
}

func TestACLLinesToCopy(t *testing.T) {
	page := readACLPage(t)
	everything := map[string]bool{"multi": true, "exec": true}
	for _, row := range page.rows {
		for _, command := range row.all() {
			everything[command] = true
		}
	}
	for _, commands := range page.pipeline {
		for _, command := range commands {
			everything[command] = true
		}
	}
	require.Equal(t, slices.Sorted(maps.Keys(everything)), page.commands("everything"))
	_, values, _ := strings.Cut(read(t, "docs/acl.md"), "It serves ")
	values, _, _ = strings.Cut(values, "; pipelines")

	eachServer(t, func(t *aclTest) {
		server := t.servers[0]
		t.dsn = strings.Replace(t.dsn, "probe", "shop", 1) + "?prefix=shop&"
		shop := map[string]string{"text": `"hello"`, "bye": `"bye"`, "number": "5"}
		try := func(form aclForm) error {
			server.Do(t, "FLUSHALL")
			server.Do(t, "SCRIPT", "FLUSH")
			for key, value := range shop {
				server.Do(t, "SET", "shop:1:"+key, value, "EX", "100")
			}
			server.Do(t, "SET", ":1:of somebody else", "x")
			cache, err := xcache.OpenDSN(t.dsn)
			require.NoError(t, err)
			defer func() { require.NoError(t, cache.Close()) }()
			return form(t.Context(), xcache.For[string](cache))
		}
		for _, line := range []string{"values", "everything"} {
			server.Do(t, slices.Concat([]string{"ACL", "SETUSER"}, page.lines[line])...)
			needed := map[string]bool{}
			refused := map[string]int{}
			for _, op := range aclOperations {
				if line == "values" && !strings.Contains(values, "`"+op.name+"`") {
					for _, form := range op.usual {
						require.ErrorIs(t, try(form), xcache.ErrAuth, "the page should say that it serves %s", op.name)
					}
					continue
				}
				for _, form := range slices.Concat(op.usual, op.special) {
					err := try(form)
					if line == "values" && errors.Is(err, xcache.ErrAuth) {
						refused[op.name]++
						continue
					}
					require.NoError(t, err, "%s with the line of %s", op.name, line)
				}
				for _, command := range page.rows[op.name].all() {
					needed[command] = true
				}
			}
			if line == "values" {
				// Of the first two NoExpiry, of the third unreadable values.
				require.Equal(t, map[string]int{"Touch": 1, "Expire": 1, "GetOrSet": 2}, refused, "the page says what the line does not serve")
				for _, command := range page.commands("values") {
					require.True(t, needed[command], "nothing that the line serves needs %s", command)
				}
			}
		}

		// What the page says of keys.
		err := try(func(ctx context.Context, v *xcache.View[string]) error {
			return without(v.With(xcache.WithPrefix("")).Get(ctx, "of somebody else"))
		})
		require.ErrorIs(t, err, xcache.ErrAuth)
		conn := server.Dial(t)
		conn.Do(t, "AUTH", "shop", "secret")
		require.Contains(t, fmt.Sprint(conn.Do(t, "SCAN", "0", "COUNT", "1000")), "of somebody else")
		server.Do(t, "ACL", "DELUSER", "shop")
	})
}

func TestACLOfDSNs(t *testing.T) {
	page := readACLPage(t)
	get := func(ctx context.Context, v *xcache.View[string]) error { return without(v.Get(ctx, "text")) }
	eachServer(t, func(t *aclTest) {
		for _, parameters := range []string{"?protocol=2", "?protocol=3"} {
			t.allow([]string{"get"})
			require.NoError(t, t.try(get, parameters))
		}
		missing := func(ctx context.Context, v *xcache.View[string]) error {
			return ignore(without(v.Get(ctx, "text")), xcache.ErrNotFound)
		}
		for parameters, name := range map[string]string{"/2": "/2", "?db=2": "db"} {
			t.allow([]string{"get"})
			require.ErrorIs(t, t.try(missing, parameters), xcache.ErrAuth, parameters)
			t.allow([]string{"get"}, page.dsn[name])
			require.NoError(t, t.try(missing, parameters), parameters)
		}
		t.allow([]string{"get"}, page.dsn["client_name"])
		require.NoError(t, t.try(func(ctx context.Context, v *xcache.View[string]) error {
			err := get(ctx, v)
			require.Contains(t, t.servers[0].Do(t, "CLIENT", "LIST"), "name=checkout ")
			return err
		}, "?client_name=checkout"))
	})
}

// eachCluster is eachServer with clusters.
func eachCluster(t *testing.T, run func(t *aclTest, cluster *servertest.ClusterServers)) {
	for product, shared := range map[string]*servertest.SharedCluster{"redis": redisCluster, "valkey": valkeyCluster} {
		for _, scheme := range schemes {
			t.Run(product+"/"+scheme, func(t *testing.T) {
				cluster := shared.Servers(t)
				run(&aclTest{
					t,
					cluster.Nodes,
					func(key string) *servertest.Server { return cluster.Primary(t, key) },
					scheme + "+cluster://probe:secret@" + strings.Join(cluster.Addrs(), ","),
				}, cluster)
			})
		}
	}
}

func TestACLInAClusterOfOperations(t *testing.T) {
	page := readACLPage(t)
	eachCluster(t, func(t *aclTest, _ *servertest.ClusterServers) {
		for _, op := range aclOperations {
			commands := slices.Concat(page.rows[op.name].all(), page.cluster["every operation"], page.cluster[op.name])
			t.allow(commands)
			for i, form := range slices.Concat(op.usual, op.special) {
				require.NoError(t, t.try(form), "%s, way %d, with %v", op.name, i, commands)
			}
			for _, needless := range page.cluster[op.name] {
				if needless == "cluster|nodes" {
					continue // see TestACLInAClusterOfScans
				}
				t.allow(slices.DeleteFunc(slices.Clone(commands), func(c string) bool { return c == needless }))
				require.Error(t, t.try(op.usual[0]), "%s does not need %s", op.name, needless)
			}
		}
		t.allow([]string{"get"})
		require.Error(t, t.try(aclOperations[0].usual[0]), "Get does not need cluster|slots")

		commands := slices.Concat(page.rows["Get"].usual, page.cluster["every operation"])
		t.allow(commands)
		require.ErrorIs(t, t.try(aclOperations[0].usual[0], "?read=replica"), xcache.ErrAuth)
		t.allow(commands, page.cluster["reads from replicas, with `read=`"])
		require.NoError(t, t.try(func(ctx context.Context, v *xcache.View[string]) error {
			return ignore(without(v.Get(ctx, "text")), xcache.ErrNotFound) // which has not come to it yet
		}, "?read=replica"))
	})
}

func TestACLInAClusterWhileSlotsAreMoved(t *testing.T) {
	page := readACLPage(t)
	eachCluster(t, func(t *aclTest, cluster *servertest.ClusterServers) {
		moved := func(ctx context.Context, v *xcache.View[string]) error {
			from := t.primary(":1:text")
			to := otherPrimary(t, cluster, from)
			migration := cluster.StartMigration(t, from, to, slotOf(t, from, ":1:text"))
			migration.MoveKeys(t, ":1:text")
			defer migration.Finish(t)
			return without(v.Get(ctx, "text"))
		}
		commands := slices.Concat([]string{"get"}, page.cluster["every operation"])
		t.allow(commands)
		require.NoError(t, t.try(moved))
		t.allow(slices.DeleteFunc(commands, func(c string) bool { return c == "asking" }))
		require.ErrorIs(t, t.try(moved, "?op_timeout=500ms"), xcache.ErrUnavailable)
	})
}

func TestACLInAClusterOfScans(t *testing.T) {
	page := readACLPage(t)
	eachCluster(t, func(t *aclTest, cluster *servertest.ClusterServers) {
		// A loop over the keys, during which a key that is yet to come moves to where
		// the loop has been.
		var found int
		scan := func(ctx context.Context, v *xcache.View[string]) error {
			var keys []string
			for _, primary := range cluster.Primaries(t) {
				for i := 0; ; i++ {
					if key := fmt.Sprint("key ", i); t.primary(":1:"+key) == primary {
						primary.Do(t, "SET", ":1:"+key, `"x"`)
						keys = append(keys, key)
						break
					}
				}
			}
			moved := map[string]bool{}
			seen := map[string]bool{}
			for key, err := range v.Keys(ctx, "key *") {
				if err != nil {
					return err
				}
				seen[key] = true
				if len(moved) == 0 {
					moved[key] = true
					to := t.primary(":1:" + key)
					last := keys[len(keys)-1]
					if last == key {
						last = keys[0]
					}
					from := t.primary(":1:" + last)
					migration := cluster.StartMigration(t, from, to, slotOf(t, from, ":1:"+last))
					migration.Finish(t)
				}
			}
			found = len(seen)
			return nil
		}
		t.allow(page.rows["Keys"].usual, page.cluster["every operation"], page.cluster["Keys"])
		require.NoError(t, t.try(scan))
		require.Equal(t, 3, found, "with cluster|nodes every key is found")
		t.allow(page.rows["Keys"].usual, page.cluster["every operation"])
		require.NoError(t, t.try(scan))
		require.Equal(t, 2, found, "without it the key that moved is missed")
	})
}

func TestACLInAClusterOfARename(t *testing.T) {
	page := readACLPage(t)
	eachCluster(t, func(t *aclTest, _ *servertest.ClusterServers) {
		commands := slices.Concat(page.rows["Rename"].all(), page.cluster["every operation"], page.cluster["Rename"])
		t.allow(slices.DeleteFunc(commands, func(c string) bool { return c == "unlink" }))
		err := t.try(func(ctx context.Context, v *xcache.View[string]) error { return v.Rename(ctx, "text", "bye") })
		require.ErrorIs(t, err, xcache.ErrUnknownOutcome)
		for _, key := range []string{":1:text", ":1:bye"} {
			require.Equal(t, `"hello"`, t.primary(key).Do(t, "GET", key))
		}
	})
}

func otherPrimary(t *aclTest, cluster *servertest.ClusterServers, than *servertest.Server) *servertest.Server {
	t.Helper()
	primaries := cluster.Primaries(t)
	return primaries[slices.IndexFunc(primaries, func(s *servertest.Server) bool { return s != than })]
}

func slotOf(t *aclTest, server *servertest.Server, key string) int {
	t.Helper()
	return int(server.Do(t, "CLUSTER", "KEYSLOT", key).(int64))
}
