package soak

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	_ "github.com/xcache-go/xcache/drivers/redis"
	_ "github.com/xcache-go/xcache/drivers/valkey"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/internal/stopwatch"
	"github.com/xcache-go/xcache/xcachetest"
)

const (
	opTimeout = time.Second
	user      = "soak"
	// passwordAtStart is the user's password in the servers' configuration, and therefore
	// the password after each restart.
	passwordAtStart = "first"
)

// A deployment is servers, a cache on them, and its callers.
type deployment struct {
	t    *testing.T
	name string
	seed uint64
	// random decides about faults. Callers have random numbers of their own.
	random *rand.Rand

	data      []*servertest.Server                           // the servers with keys
	primaries func(t testing.TB) []*servertest.Server        // nil for a single server
	replica   func(of *servertest.Server) *servertest.Server // likewise
	sentinel  *servertest.SentinelServers
	cluster   *servertest.ClusterServers
	proxy     *xcachetest.Proxy // in front of a single server

	passwordFile string
	cache        *xcache.Cache
	values       *xcache.View[item]

	figures      *figures
	watch        *stopwatch.Watch
	losses       losses
	auth, memory window // in which servers refuse the user, or writes
	cancelling   atomic.Bool
	cancelled    atomic.Int64

	callers []*caller
	ending  chan struct{} // closed when callers are to stop
	running sync.WaitGroup
	atEnd   []func() error

	mu     sync.Mutex
	recent []string // the last faults
	broken bool     // a failure has been told
	fail   func(text string)
}

// open starts the servers of a deployment and opens the cache. The name of the deployment
// is the scheme of the DSN.
func open(t *testing.T, name string, seed uint64) *deployment {
	t.Helper()
	d := &deployment{
		t: t, name: name, seed: seed, figures: newFigures(name), watch: stopwatch.Start(), ending: make(chan struct{}),
		random: rand.New(rand.NewPCG(seed, hash(name))),
	}
	d.fail = func(text string) { d.t.Error(text) }
	product, topology, _ := strings.Cut(name, "+")
	d.passwordFile = filepath.Join(t.TempDir(), "password")
	d.setPassword(passwordAtStart)
	options := []servertest.Option{
		servertest.Release(product),
		servertest.User(user, passwordAtStart, "~*", "&*", "+@all"),
	}
	query := url.Values{"password_file": {d.passwordFile}, "op_timeout": {opTimeout.String()}, "prefix": {"soak"}, "format": {"tagged"}}
	var hosts []string
	switch topology {
	case "":
		// A restart loses nothing: every acknowledged write is in the append-only file, and the
		// kernel keeps the file's data when the process is killed.
		server := servertest.Redis(t, append(options, servertest.Config("appendonly", "yes"), servertest.Config("appendfsync", "no"))...)
		d.data = []*servertest.Server{server}
		d.proxy = xcachetest.NewProxy(t, server.Addr)
		hosts = []string{d.proxy.Addr()}
	case "sentinel":
		s := servertest.Sentinel(t, options...)
		d.sentinel, d.data, hosts = s, s.Servers, s.Addrs()
		d.primaries = func(t testing.TB) []*servertest.Server { return []*servertest.Server{s.Primary(t)} }
		d.replica = func(*servertest.Server) *servertest.Server {
			replicas := s.Replicas(t)
			return replicas[d.random.IntN(len(replicas))]
		}
		d.losses.look = func() (string, bool) { return d.roles(1) }
		query.Set("master", s.MasterName)
	case "cluster":
		c := servertest.Cluster(t, append(options, servertest.Config("cluster-require-full-coverage", "no"))...)
		d.cluster, d.data, hosts = c, c.Nodes, c.Addrs()
		d.primaries = c.Primaries
		d.replica = c.Partner
		d.losses.look = func() (string, bool) { return d.roles(3) }
	default:
		t.Fatalf("there is no deployment %q", name)
	}
	d.figures.report.Servers = d.data[0].Release.Name
	d.losses.refresh()
	cache, err := xcache.OpenDSN(fmt.Sprintf("%s://%s@%s/?%s", name, user, strings.Join(hosts, ","), query.Encode()))
	require.NoError(t, err)
	d.cache, d.values = cache, xcache.For[item](cache)
	return d
}

func hash(text string) (h uint64) {
	for _, b := range []byte(text) {
		h = h*31 + uint64(b)
	}
	return h
}

func (d *deployment) setPassword(password string) {
	d.t.Helper()
	next := d.passwordFile + ".next" // so that nobody reads half of the file
	require.NoError(d.t, os.WriteFile(next, []byte(password), 0o600))
	require.NoError(d.t, os.Rename(next, d.passwordFile))
}

// theirs returns the servers that take writes: the primaries, or the single server.
func (d *deployment) theirs() []*servertest.Server {
	if d.primaries == nil {
		return d.data
	}
	return d.primaries(d.t)
}

// roles describes the roles of the servers, and reports whether the roles are settled:
// there are so many primaries, and every other server is connected to its primary.
func (d *deployment) roles(primaries int) (string, bool) {
	var b strings.Builder
	histories := map[string]bool{}
	for _, server := range d.data {
		info, err := infoOf(server, "replication")
		if err != nil {
			return "", false
		}
		if info["role"] == "master" {
			primaries--
		} else if info["master_link_status"] != "up" {
			return "", false
		}
		histories[info["master_replid"]] = true
		fmt.Fprintln(&b, server.Addr, info["role"], info["master_replid"])
	}
	return b.String(), primaries == 0 && len(histories) == len(d.data)-strings.Count(b.String(), " slave ")
}

// infoOf returns the fields of a section of INFO.
func infoOf(server *servertest.Server, section string) (map[string]string, error) {
	reply, err := server.Try("INFO", section)
	if err != nil {
		return nil, err
	}
	fields := map[string]string{}
	for line := range strings.Lines(reply.(string)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	return fields, nil
}

// run lets the callers work while faults follow each other, for at least length and at
// least a number of faults.
func (d *deployment) run(length time.Duration, faults int) {
	began := time.Now()
	d.start()
	d.awaitProgress()
	var deck []fault
	for n := 0; (n < faults || time.Since(began) < length) && !d.isBroken(); n++ {
		if len(deck) == 0 { // so that each fault comes as often as any other
			deck = d.faults()
			d.random.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
		}
		f := deck[0]
		deck = deck[1:]
		d.note("%v %s", time.Since(began).Round(time.Millisecond), f.name)
		if d.proxy != nil {
			d.proxy.ResetStats() // until then the proxy keeps all data that was sent
		}
		f.inject(d)
		d.note("%v end of it", time.Since(began).Round(time.Millisecond))
		d.figures.happened(f.name, d.awaitProgress())
		time.Sleep(time.Duration(d.random.Int64N(int64(2*time.Second)) * int64(min(length, time.Minute)) / int64(time.Minute)))
	}
}

// start starts the callers.
func (d *deployment) start() {
	d.startValues()
	d.startStructures()
	d.startCoordination()
	d.startWork()
	if d.losses.look != nil {
		d.running.Go(func() {
			for {
				select {
				case <-d.ending:
					return
				case <-time.After(500 * time.Millisecond):
					d.losses.refresh()
				}
			}
		})
	}
}

// caller starts a goroutine that makes calls until the deployment stops.
func (d *deployment) caller(name string, work func(c *caller)) {
	name = fmt.Sprintf("%s%d", name, len(d.callers))
	c := &caller{deployment: d, name: name, random: rand.New(rand.NewPCG(d.seed, hash(d.name+name)))}
	d.callers = append(d.callers, c)
	d.running.Go(func() { work(c) })
}

// recoveryLimit is how long callers may take to succeed again after a fault, even on a
// busy machine.
const recoveryLimit = 2 * time.Minute

// awaitProgress waits until each caller has succeeded twice, and returns how long that took.
func (d *deployment) awaitProgress() time.Duration {
	d.t.Helper()
	from := make([]int64, len(d.callers))
	for i, c := range d.callers {
		from[i] = c.succeeded.Load()
	}
	began, deadline := d.watch.Elapsed(), time.Now().Add(recoveryLimit)
	for i, c := range d.callers {
		for c.succeeded.Load() < from[i]+2 && !d.isBroken() {
			if time.Now().After(deadline) {
				stacks := make([]byte, 1<<20)
				stacks = stacks[:runtime.Stack(stacks, true)]
				d.tell("caller %s does not succeed\n%s\n%s", c.name, d.figures.text(), stacks)
				return 0
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	return d.watch.Elapsed() - began
}

// stop ends the callers, closes the cache, and checks that the servers have no connection
// left.
func (d *deployment) stop() {
	d.t.Helper()
	close(d.ending)
	d.running.Wait()
	for _, end := range d.atEnd {
		require.NoError(d.t, end())
	}
	require.NoError(d.t, d.cache.Close())
	d.watch.Stop()
	var left int
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if left = d.connections(); left == 0 {
			break
		}
	}
	d.figures.report.Connections, d.figures.report.Own = left, d.losses.own
	if left > 0 {
		d.tell("%d connections are left at the servers after Close", left)
	}
}

// connections returns how many connections of the user the servers have.
func (d *deployment) connections() (n int) {
	d.t.Helper()
	for _, server := range d.data {
		list, _ := server.Do(d.t, "CLIENT", "LIST").(string)
		n += strings.Count(list, " user="+user+" ")
	}
	return n
}

// note remembers the last faults.
func (d *deployment) note(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	const kept = 12
	d.recent = append(d.recent, fmt.Sprintf(format, args...))
	d.recent = slices.Clone(d.recent[max(0, len(d.recent)-kept):])
}

func (d *deployment) isBroken() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.broken
}

// tell fails the test with a message, the last faults and the seed. Only the first
// failure is told, because later failures follow from the first.
func (d *deployment) tell(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.broken {
		return
	}
	d.broken = true
	d.fail(fmt.Sprintf("%s: %s\nseed %d, last faults:\n%s", d.name, fmt.Sprintf(format, args...), d.seed, strings.Join(d.recent, "\n")))
}

// wrong tells of an answer that contradicts earlier acknowledgements.
func (c *caller) wrong(format string, args ...any) {
	c.figures.add(&c.figures.report.Wrong)
	c.tell("caller %s: %s", c.name, fmt.Sprintf(format, args...))
}

// unexplained tells of an error that no fault explains.
func (c *caller) unexplained(format string, args ...any) {
	c.figures.add(&c.figures.report.Unclassified)
	c.tell("caller %s: an error that nothing explains: %s", c.name, fmt.Sprintf(format, args...))
}
