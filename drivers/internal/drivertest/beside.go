package drivertest

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/internal/stopwatch"
	"github.com/xcache-go/xcache/xcachetest"
)

// A RawClient is the client library of a driver, used as the documentation of the
// library shows, with the library's default options.
type RawClient struct {
	Incr  func(ctx context.Context, key string) error
	Close func()
}

// A Topology says where a RawClient finds its servers.
type Topology struct {
	Addrs   []string
	Cluster bool
	Master  string // name of the primary at the sentinels of Addrs, or "" without sentinels
}

// BesideTheClient runs a store, and the client library without the store, under the same
// faults at the same time. Callers of both increment counters, each caller on keys of its
// own. The results are attributes of the test. The test fails if the store has counted an
// increment twice, or if calls do not succeed again after a fault.
func (s *Subject) BesideTheClient(t *testing.T) {
	t.Run("replies lost", s.besideLostReplies)
	t.Run("killed and restarted", s.besideARestart)
	t.Run("frozen", s.besideAFrozenServer)
	t.Run("failover of a killed primary", s.besideASentinelFailover)
	t.Run("cluster failover of a frozen primary", s.besideAClusterFailover)
}

// A contestant is the store or the client library.
type contestant struct {
	name string
	incr func(ctx context.Context, key string) error

	callers   sync.WaitGroup
	counts    []callerCount
	succeeded atomic.Int64
	fault     atomic.Pointer[time.Time] // when the fault began
}

// A callerCount has the outcomes of the calls of one caller.
type callerCount struct {
	key                  string
	acknowledged, failed int
	longest              time.Duration
	recovered            time.Duration // from the beginning of the fault to the first success of a later call
}

// Beside has the measurements of a contestant.
type Beside struct {
	Client              string
	Calls, Failed       int
	Longest, Recovered  time.Duration
	TwiceCounted, Fewer int // increments beyond all calls, and acknowledged increments that are missing
}

const (
	besideCallers = 8
	besideSlot    = "{beside}" // of all keys, so that a fault of one server of a cluster meets all callers
)

// beside runs both contestants under a fault. The function fault calls began when the fault
// begins. value reads a counter in the end.
func (s *Subject) beside(t *testing.T, store driver.Store, raw RawClient, fault func(began func()), value func(key string) string) (own, client Beside) {
	t.Helper()
	watch := stopwatch.Start()
	defer watch.Stop()
	both := []*contestant{
		{name: "xcache", incr: func(ctx context.Context, key string) error { return Do(ctx, store, "INCR", driver.Key(key)) }},
		{name: s.RawName, incr: raw.Incr},
	}
	ended := make(chan struct{})
	for _, c := range both {
		c.counts = make([]callerCount, besideCallers)
		for i := range c.counts {
			c.counts[i].key = besideSlot + Key(t, fmt.Sprint(c.name, i))
			c.callers.Go(func() { c.call(&c.counts[i], watch, ended) })
		}
	}
	progress := func(what string) {
		t.Helper()
		for _, c := range both {
			from := c.succeeded.Load()
			Eventually(t, func() bool { return c.succeeded.Load() > from+5*besideCallers }, func() string { return c.name + " does not succeed " + what })
		}
	}
	progress("before the fault")
	fault(func() {
		for _, c := range both {
			c.fault.Store(new(time.Now()))
		}
	})
	progress("after the fault")
	close(ended)
	results := make([]Beside, len(both))
	for i, c := range both {
		c.callers.Wait()
		results[i] = c.result(value)
		text, err := json.Marshal(results[i])
		if err != nil {
			t.Fatal(err)
		}
		t.Attr("beside", string(text))
		t.Logf("%+v", results[i])
	}
	if results[0].TwiceCounted > 0 {
		t.Errorf("%d increments too many", results[0].TwiceCounted)
	}
	return results[0], results[1]
}

func (c *contestant) call(of *callerCount, watch *stopwatch.Watch, ended chan struct{}) {
	for {
		select {
		case <-ended:
			return
		case <-time.After(loadPause):
		}
		began, from := time.Now(), watch.Elapsed()
		err := c.incr(context.Background(), of.key)
		of.longest = max(of.longest, watch.Elapsed()-from)
		if err != nil {
			of.failed++
			continue
		}
		of.acknowledged++
		c.succeeded.Add(1)
		if fault := c.fault.Load(); fault != nil && of.recovered == 0 && began.After(*fault) {
			of.recovered = time.Since(*fault)
		}
	}
}

func (c *contestant) result(value func(key string) string) Beside {
	r := Beside{Client: c.name}
	for _, of := range c.counts {
		r.Calls += of.acknowledged + of.failed
		r.Failed += of.failed
		r.Longest = max(r.Longest, of.longest)
		if of.recovered > 0 && (r.Recovered == 0 || of.recovered < r.Recovered) {
			r.Recovered = of.recovered
		}
		n, _ := strconv.Atoi(value(of.key))
		r.TwiceCounted += max(0, n-of.acknowledged-of.failed)
		r.Fewer += max(0, of.acknowledged-n)
	}
	return r
}

func valueAt(t *testing.T, server func(key string) *servertest.Server) func(key string) string {
	return func(key string) string {
		value, _ := server(key).Do(t, "GET", key).(string)
		return value
	}
}

// besideLostReplies cuts replies after the server has counted. A client that sends a request
// again counts twice.
func (s *Subject) besideLostReplies(t *testing.T) {
	const losses = 20
	server := s.StartServer(t)
	ours, theirs := xcachetest.NewProxy(t, server.Addr), xcachetest.NewProxy(t, server.Addr)
	raw := s.Raw(t, Topology{Addrs: []string{theirs.Addr()}})
	own, _ := s.beside(t, s.Open(t, s.Scheme+"://"+ours.Addr()), raw, func(began func()) {
		began()
		for range losses {
			for _, proxy := range []*xcachetest.Proxy{ours, theirs} {
				cut := proxy.Stats().CutReplies
				proxy.CutReply(0)
				Eventually(t, func() bool { return proxy.Stats().CutReplies > cut }, func() string { return "no reply was cut" })
			}
			time.Sleep(2 * loadPause)
		}
	}, valueAt(t, func(string) *servertest.Server { return server }))
	raw.Close()
	if own.Failed == 0 {
		t.Error("lost replies, and no call failed")
	}
}

func (s *Subject) besideARestart(t *testing.T) {
	server := s.StartServer(t, servertest.Config("appendonly", "yes"), servertest.Config("appendfsync", "no"))
	raw := s.Raw(t, Topology{Addrs: []string{server.Addr}})
	own, _ := s.beside(t, s.Open(t, s.Scheme+"://"+server.Addr), raw, func(began func()) {
		server.Kill(t)
		began()
		time.Sleep(outage)
		server.Start(t)
	}, valueAt(t, func(string) *servertest.Server { return server }))
	raw.Close()
	if own.Recovered < outage || own.Fewer > 0 {
		t.Errorf("was there an outage? %+v", own)
	}
}

func (s *Subject) besideAFrozenServer(t *testing.T) {
	server := s.StartServer(t)
	raw := s.Raw(t, Topology{Addrs: []string{server.Addr}})
	own, _ := s.beside(t, s.Open(t, s.Scheme+"://"+server.Addr), raw, func(began func()) {
		server.Freeze(t)
		began()
		time.Sleep(2 * outage)
		server.Thaw(t)
	}, valueAt(t, func(string) *servertest.Server { return server }))
	raw.Close()
	if own.Recovered < outage || own.Fewer > 0 {
		t.Errorf("was the server frozen? %+v", own)
	}
}

func (s *Subject) besideASentinelFailover(t *testing.T) {
	servers := s.StartSentinel(t)
	raw := s.Raw(t, Topology{Addrs: servers.Addrs(), Master: servers.MasterName})
	own, _ := s.beside(t, s.Open(t, s.sentinelDSN(servers, "")), raw, func(began func()) {
		old := servers.Primary(t)
		old.Kill(t)
		began()
		servers.AwaitFailover(t, old)
	}, valueAt(t, func(string) *servertest.Server { return servers.Primary(t) }))
	raw.Close()
	if own.Recovered < outage {
		t.Errorf("was there a failover? %+v", own)
	}
}

func (s *Subject) besideAClusterFailover(t *testing.T) {
	servers := s.StartCluster(t)
	raw := s.Raw(t, Topology{Addrs: servers.Addrs(), Cluster: true})
	own, _ := s.beside(t, s.Open(t, s.clusterDSN(servers, "")), raw, func(began func()) {
		old := servers.Primary(t, besideSlot)
		old.Freeze(t)
		began()
		servers.AwaitFailover(t, old)
		time.Sleep(outage)
		old.Thaw(t)
		servers.AwaitOK(t)
	}, valueAt(t, func(key string) *servertest.Server { return servers.Primary(t, key) }))
	raw.Close()
	if own.Recovered < outage {
		t.Errorf("was there a failover? %+v", own)
	}
}
