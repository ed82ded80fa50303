package docs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/internal/servertest"
)

// longTimeout is the option of caches whose servers may have to wait for the machine: no time is
// measured.
var longTimeout = xcache.WithOpTimeout(time.Minute)

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

// askNothing are the methods that send nothing, or what another one's row says, or what
// the page of a handle says.
var askNothing = []string{"Close", "CodecReads", "FailedOpen", "In", "Inspect", "Len", "Load", "KeySpace", "Namespace", "PendingInvalidations", "Pipeline", "Require", "Store", "Subscribe", "With", "WithTx"}

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
	cache, err := xcache.OpenDSN(t.dsn+strings.Join(parameters, "&"), longTimeout)
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
			cache, err := xcache.OpenDSN(t.dsn, longTimeout)
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
				// Of the first two NoExpiry, of the third unreadable values and Sliding, of the fourth a TTL
				// of 0, of the others Sliding.
				require.Equal(t, map[string]int{"Touch": 1, "Expire": 1, "GetOrSet": 3, "Swap": 1, "Get": 1, "GetOr": 1, "GetMany": 1}, refused, "the page says what the line does not serve")
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

// rewritten is an Observer that tells when a value has been rewritten, or not.
type rewritten chan error

func (rewritten) Start(ctx context.Context, _ *xcache.Operation) context.Context { return ctx }

func (r rewritten) End(_ context.Context, op *xcache.Operation) {
	if op.Name == "rewrite" {
		r <- op.Err
	}
}

func TestACLOfRewriting(t *testing.T) {
	page := readACLPage(t)
	var rewriteErr error
	get := func(ctx context.Context, v *xcache.View[string]) error {
		ended := make(rewritten, 1)
		err := without(v.With(xcache.WithObserver(ended)).Get(ctx, "text"))
		select {
		case rewriteErr = <-ended:
		case <-time.After(10 * time.Second):
			err = errors.Join(err, errors.New("nothing was rewritten"))
		}
		return err
	}
	eachServer(t, func(t *aclTest) {
		for _, allowed := range []bool{false, true} {
			t.allow([]string{"get"})
			if allowed {
				t.allow([]string{"get"}, page.rows["CompareAndSwap"].usual)
			}
			require.NoError(t, t.try(get, "?rewrite=on&serializer=gob,json"))
			require.Equal(t, !allowed, errors.Is(rewriteErr, xcache.ErrAuth), rewriteErr)
			stored := t.servers[0].Do(t, "GET", ":1:text")
			require.Equal(t, !allowed, stored == `"hello"`, "stored is %q", stored)
		}
	})
}

func TestACLOfReplicasAndSentinels(t *testing.T) {
	page := readACLPage(t)
	usual := map[string]aclForm{}
	for _, op := range aclOperations {
		usual[op.name] = op.usual[0]
	}
	for _, driver := range schemes {
		t.Run(driver, func(t *testing.T) {
			sentinels := servertest.Sentinel(t, servertest.Release(driver))
			replicated := servertest.Replicated(t, 1, servertest.Release(driver))
			for dsn, servers := range map[string][]*servertest.Server{
				driver + "+sentinel://probe:secret@" + strings.Join(sentinels.Addrs(), ",") + "?master=" + sentinels.MasterName: sentinels.Servers,
				driver + "://probe:secret@" + strings.Join(replicated.Addrs(), ",") + "?read=primary":                           {replicated.Primary, replicated.Replicas[0]},
			} {
				t := &aclTest{t, servers, func(string) *servertest.Server { return servers[0] }, dsn}
				for _, name := range []string{"Get", "Set", "Incr", "Rename", "Ping"} {
					t.allow(page.rows[name].all())
					require.NoError(t, t.try(usual[name]), name)
				}
				t.allow([]string{"get"})
				t.dsn = strings.Replace(dsn, "?read=primary", "", 1)
				require.NoError(t, t.try(func(ctx context.Context, v *xcache.View[string]) error {
					return ignore(without(v.Get(ctx, "text")), xcache.ErrNotFound) // which a replica may not have yet
				}))
			}
		})
	}
}
