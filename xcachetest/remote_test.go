package xcachetest

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// These tests test the checks behind a proxy, with a server and a network in between. The
// client is correct or broken.

func TestRemoteStorePasses(t *testing.T) {
	wantAllPassed(t, runRemoteChecks(t, func(callTimeout time.Duration) Harness { return remoteHarness(t, bugs{}, callTimeout) }))
}

func TestBrokenRemoteStoresAreCaught(t *testing.T) {
	for _, broken := range brokenRemoteStores {
		t.Run(broken.name, func(t *testing.T) {
			results := runRemoteChecks(t, func(callTimeout time.Duration) Harness {
				h := remoteHarness(t, broken.bugs, callTimeout)
				h.Grace = time.Millisecond // these tests need no longer wait for missing events
				return h
			}, broken.caught...)
			for _, r := range results {
				if r.err == nil {
					t.Errorf("%s did not catch it (skipped: %q)", r.name, r.skipped)
				}
			}
		})
	}
}

var brokenRemoteStores = []struct {
	name   string
	bugs   bugs
	caught []string
}{
	{"a write is sent again when its reply is lost", bugs{resends: true}, []string{"faults/lost-reply-to-set", "faults/lost-reply-to-delete", "faults/lost-reply-to-incr", "faults/incr-reply-cut-after-each-byte"}},
	{"a lost reply counts as not applied", bugs{lostIsNotApplied: true}, []string{"faults/lost-reply-to-set", "context/cancelled-during-set"}},
	{"a refused connection counts as unknown", bugs{refusedIsUnknown: true}, []string{"faults/refused"}},
	{"a context that ends during the call is ignored", bugs{ignoresContext: true}, []string{"context/cancelled-during-get", "context/deadline-during-set"}},
	{"the error of an ended call is not the context's", bugs{hidesContext: true}, []string{"context/cancelled-during-get", "context/deadline-during-get"}},
	{"a call whose context has ended is sent", bugs{sendsAfterEnd: true}, []string{"context/ended-starts-no-io"}},
	{"a batch is a request for each key", bugs{oneByOne: true}, []string{"round-trips/one-for-batch-get", "round-trips/one-for-batch-set", "round-trips/one-for-a-mixed-batch"}},
	{"an empty batch is sent", bugs{sendsEmpty: true}, []string{"round-trips/none-for-empty-get"}},
	{"opening connects", bugs{dialsEarly: true}, []string{"faults/opening-does-no-io"}},
	{"a dead connection is kept", bugs{keepsDead: true}, []string{"faults/cut-while-idle", "faults/reset-while-idle"}},
	{"a connection is used again before its reply came", bugs{reusesBusy: true}, []string{"context/usable-after-an-early-return", "context/no-reply-reaches-another-caller"}},
	{"a reply that was cut is a miss", bugs{cutIsMiss: true}, []string{"faults/get-reply-cut-after-each-byte"}},
	{"Close leaves connections open", bugs{leaksConnections: true}, []string{"close/leaves-no-connection"}},
	{"the end of the caller's context is the server's fault, too", bugs{blamesServer: true}, []string{"context/deadline-during-get", "context/cancelled-during-set", "context/ended-before-get", "context/deadline-that-has-passed"}},
	{"the end of CallTimeout is a context's", bugs{blamesContext: true}, []string{"faults/silent-server-without-deadline"}},
	{"each byte gives a call more time", bugs{rearms: true}, []string{"faults/trickling-reply-without-deadline"}},
	{"Disconnect waits for the calls", bugs{disconnectWaits: true}, []string{"close/cache-at-a-silent-server"}},
	{"Disconnect says that nothing was applied", bugs{disconnectIsNotApplied: true}, []string{"close/disconnected-during-set", "close/cache-at-a-silent-server"}},
	{"a call that Disconnect ends is ErrUnavailable", bugs{disconnectIsUnavailable: true}, []string{"close/disconnected-during-set", "close/cache-at-a-silent-server"}},
	{"Inspect asks the server", bugs{inspectAsks: true}, []string{"inspect/asks-nobody"}},
	{"Locate asks the server", bugs{locateAsks: true}, []string{"breaker/locate-asks-nobody"}},
	{"Locate names another server each time", bugs{locateWanders: true}, []string{"breaker/locate-is-steady", "breaker/opens-at-a-dead-server"}},
	{"a refused connection counts as an answer", bugs{refusedIsAnswered: true}, []string{"breaker/opens-at-a-dead-server"}},
	{"values are sent after the call", bugs{sendsLate: true}, []string{"context/inputs-free-after-an-early-return"}},
}

// bugs are the possible bugs of a remoteStore.
type bugs struct {
	resends, lostIsNotApplied, refusedIsUnknown, ignoresContext, hidesContext, sendsAfterEnd, oneByOne,
	sendsEmpty, dialsEarly, keepsDead, reusesBusy, cutIsMiss, leaksConnections, sendsLate,
	blamesServer, blamesContext, rearms, disconnectWaits, disconnectIsNotApplied, disconnectIsUnavailable, inspectAsks,
	locateAsks, locateWanders, refusedIsAnswered bool
}

// longCallTimeout is for checks that do not measure the time-out of a call.
const longCallTimeout = 30 * time.Second

// runRemoteChecks runs the named checks, or all, on the stores of a harness with a time-out for
// calls without a deadline. The time-out is short for the checks that measure the time-out.
func runRemoteChecks(t *testing.T, harness func(callTimeout time.Duration) Harness, names ...string) []result {
	t.Helper()
	if len(names) == 0 {
		for _, c := range table() {
			names = append(names, c.name)
		}
	}
	var measuring, others []string
	for _, name := range names {
		if strings.HasSuffix(name, "-without-deadline") {
			measuring = append(measuring, name)
		} else {
			others = append(others, name)
		}
	}
	var results []result
	if len(measuring) > 0 {
		results = runChecks(t, harness(time.Second), measuring...)
	}
	if len(others) > 0 {
		results = append(results, runChecks(t, harness(longCallTimeout), others...)...)
	}
	return results
}

func remoteHarness(t *testing.T, bugs bugs, callTimeout time.Duration) Harness {
	addr := serve(t)
	openAt := func(_ testing.TB, addr string) driver.Store {
		s := &remoteStore{addr: addr, callTimeout: callTimeout, bugs: bugs}
		if bugs.dialsEarly {
			if c, err := s.dial(noDeadline); err == nil {
				s.idle = append(s.idle, c)
			}
		}
		return s
	}
	return Harness{
		Open:     func(t testing.TB) driver.Store { return openAt(t, addr) },
		OpenAt:   openAt,
		Addr:     addr,
		Lacks:    lackedBy(new(remoteStore)),
		MaxValue: 1 << 20,
		Timeout:  20 * time.Second,
	}
}

// request and response are sent over the network, with gob.
type request struct {
	Op          string
	Keys        []string
	Values      [][]byte
	TTLs        []time.Duration
	Conds       []driver.Cond
	Delta, Init int64
}

type response struct {
	Data [][]byte
	Errs []int // indexes of sentinels
	N    int64
}

var sentinels = []error{nil, driver.ErrNotFound, driver.ErrNotStored, driver.ErrWrongType, driver.ErrOverflow}

func sentinelIndex(err error) int {
	return slices.IndexFunc(sentinels, func(s error) bool { return errors.Is(err, s) })
}

// serve answers requests from a correct store until the test ends.
func serve(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	store := newCorrect()
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				defer context.AfterFunc(ctx, func() { conn.Close() })()
				defer conn.Close()
				in, out := gob.NewDecoder(conn), gob.NewEncoder(conn)
				for {
					var req request
					if in.Decode(&req) != nil || out.Encode(answer(store, &req)) != nil {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		cancel()
		work.Wait()
	})
	return listener.Addr().String()
}

func answer(store correct, req *request) *response {
	resp := new(response)
	var err error
	switch req.Op {
	case "get":
		dst := make([]driver.Value, len(req.Keys))
		err = store.Get(noDeadline, req.Keys, dst)
		for _, v := range dst {
			resp.Data = append(resp.Data, v.Data)
			resp.Errs = append(resp.Errs, sentinelIndex(v.Err))
		}
	case "set":
		entries := make([]driver.Entry, len(req.Keys))
		for i := range entries {
			entries[i] = driver.Entry{Key: req.Keys[i], Value: req.Values[i], TTL: inMilliseconds(req.TTLs[i]), Cond: req.Conds[i]}
		}
		err = store.Set(noDeadline, entries)
		for _, e := range entries {
			resp.Errs = append(resp.Errs, sentinelIndex(e.Err))
		}
	case "delete":
		var n int
		n, err = store.Delete(noDeadline, req.Keys)
		resp.N = int64(n)
	case "incr":
		resp.N, err = store.Incr(noDeadline, req.Keys[0], req.Delta)
	case "incrinit":
		resp.N, err = store.IncrInit(noDeadline, req.Keys[0], req.Delta, req.Init, inMilliseconds(req.TTLs[0]))
	case "LPUSH", "INCRBY", "SET":
		resp.N, err = runCommand(store, req)
		resp.Errs = []int{sentinelIndex(err)}
	}
	if err != nil {
		resp.Errs = []int{sentinelIndex(err)}
	}
	return resp
}

// inMilliseconds rounds a TTL up: over a network, a TTL of a nanosecond would never be
// seen.
func inMilliseconds(ttl time.Duration) time.Duration {
	if isPositive(ttl) && ttl < time.Second {
		return time.Duration(driver.Milliseconds(ttl)) * time.Millisecond
	}
	return ttl
}

// A remoteStore is a client with a pool of connections, and with at most one bug.
type remoteStore struct {
	addr        string
	callTimeout time.Duration // of a call without a deadline
	bugs        bugs
	delay       func() // before or after each call, or nil

	located atomic.Int64

	mu           sync.Mutex
	idle         []*remoteConn
	busy         map[*remoteConn]struct{}
	disconnected bool
}

func (s *remoteStore) Limits() driver.Limits { return driver.Limits{CallTimeout: s.callTimeout} }

func (s *remoteStore) Inspect() driver.Inspection {
	if s.bugs.inspectAsks {
		s.ask()
	}
	return driver.Inspection{Servers: []driver.InspectedServer{{Addr: s.addr, Role: driver.RolePrimary, State: driver.StateUp}}}
}

// ask asks the server something, for a method that must not ask.
func (s *remoteStore) ask() {
	ctx, cancel := context.WithTimeout(noDeadline, time.Second)
	defer cancel()
	_ = s.Get(ctx, []string{"k"}, make([]driver.Value, 1))
}

// Locate names the only server.
func (s *remoteStore) Locate(string) string {
	switch {
	case s.bugs.locateAsks:
		s.ask()
	case s.bugs.locateWanders:
		return fmt.Sprint(s.located.Add(1))
	}
	return s.addr
}

// Disconnect closes all connections, so that the calls on them fail.
func (s *remoteStore) Disconnect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.disconnected = true
	if s.bugs.disconnectWaits {
		return
	}
	for c := range s.busy {
		c.Close()
	}
}

// ended returns the error of a call whose context or time has ended.
func (s *remoteStore) ended(ctx context.Context, outcome driver.Outcome, cause error) error {
	err := ctx.Err()
	switch {
	case err == nil && s.bugs.blamesContext:
		return errors.Join(driver.Fail(driver.ErrUnavailable, outcome, cause), context.DeadlineExceeded)
	case err == nil:
		return driver.Fail(driver.ErrUnavailable, outcome, cause)
	case s.bugs.blamesServer:
		return errors.Join(driver.Fail(driver.ErrUnavailable, outcome, nil), err)
	}
	return driver.Fail(err, outcome, nil)
}

type remoteConn struct {
	net.Conn
	in       *gob.Decoder
	out      *gob.Encoder
	rearming time.Duration // the new time-out at each read, or 0
}

func (c *remoteConn) Read(p []byte) (int, error) {
	if c.rearming > 0 {
		_ = c.SetDeadline(time.Now().Add(c.rearming))
	}
	return c.Conn.Read(p)
}

func (s *remoteStore) dial(ctx context.Context) (*remoteConn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.addr)
	if err != nil {
		return nil, err
	}
	c := &remoteConn{Conn: conn, out: gob.NewEncoder(conn)}
	c.in = gob.NewDecoder(c)
	return c, nil
}

func (s *remoteStore) take(ctx context.Context) (*remoteConn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.disconnected {
		return nil, driver.Fail(driver.ErrClosed, driver.NotApplied, nil)
	}
	var c *remoteConn
	if n := len(s.idle); n > 0 {
		c = s.idle[n-1]
		s.idle = s.idle[:n-1]
	} else {
		var err error
		if c, err = s.dial(ctx); err != nil {
			return nil, err
		}
	}
	if s.busy == nil {
		s.busy = make(map[*remoteConn]struct{})
	}
	s.busy[c] = struct{}{}
	return c, nil
}

func (s *remoteStore) give(c *remoteConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, c)
	if s.disconnected {
		c.Close()
		return
	}
	s.idle = append(s.idle, c)
}

// call sends a request and waits for its reply. Reads are sent again after a failure;
// writes are not.
func (s *remoteStore) call(ctx context.Context, req *request) (*response, error) {
	if s.delay != nil {
		defer delayed(s.delay)()
	}
	const tries = 3
	for try := 1; ; try++ {
		resp, err := s.try(ctx, req)
		again := req.Op == "get" || req.Op == "ping" || s.bugs.resends
		if err == nil || try == tries || !again || ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded) || !errors.Is(err, driver.ErrUnknownOutcome) {
			return resp, err
		}
	}
}

func (s *remoteStore) try(ctx context.Context, req *request) (*response, error) {
	if ctx.Err() != nil && !s.bugs.sendsAfterEnd {
		return nil, s.ended(ctx, driver.NotApplied, nil)
	}
	if s.bugs.sendsAfterEnd && ctx.Err() != nil {
		if _, err := s.try(context.WithoutCancel(ctx), req); err != nil {
			return nil, err
		}
		return nil, s.ended(ctx, driver.Unknown, nil)
	}
	c, err := s.take(context.WithoutCancel(ctx))
	if errors.Is(err, driver.ErrClosed) {
		return nil, err
	}
	if err != nil {
		outcome := driver.NotApplied
		if s.bugs.refusedIsUnknown {
			outcome = driver.Unknown
		}
		failure := driver.Fail(driver.ErrUnavailable, outcome, err)
		failure.Answered = s.bugs.refusedIsAnswered
		return nil, failure
	}
	if s.bugs.sendsLate {
		return s.tryLate(ctx, c, req)
	}
	if _, ok := ctx.Deadline(); !ok {
		if s.bugs.rearms {
			c.rearming = s.callTimeout
		}
		_ = c.SetDeadline(time.Now().Add(s.callTimeout))
	}
	if !s.bugs.ignoresContext {
		stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
		defer stop()
	} else {
		_ = c.SetDeadline(time.Now().Add(4 * time.Second)) // the client's own time-out
	}
	resp := new(response)
	if err = c.out.Encode(req); err == nil {
		err = c.in.Decode(resp)
	}
	if err == nil {
		// A context that has just ended may have left its deadline behind.
		if ctx.Err() == nil && c.SetDeadline(time.Time{}) == nil {
			s.give(c)
		} else {
			c.Close()
		}
		return resp, ctx.Err()
	}
	return nil, s.failed(ctx, c, err)
}

func (s *remoteStore) failed(ctx context.Context, c *remoteConn, err error) error {
	switch {
	case s.bugs.keepsDead:
		s.give(c)
	case s.bugs.reusesBusy && ctx.Err() != nil:
		_ = c.SetDeadline(time.Time{})
		s.give(c)
	default:
		c.Close()
	}
	if s.bugs.cutIsMiss {
		return driver.ErrNotFound
	}
	s.mu.Lock()
	disconnected := s.disconnected
	delete(s.busy, c)
	s.mu.Unlock()
	outcome := driver.Unknown
	if s.bugs.lostIsNotApplied || disconnected && s.bugs.disconnectIsNotApplied {
		outcome = driver.NotApplied
	}
	switch {
	case disconnected && !s.bugs.disconnectIsUnavailable:
		return driver.Fail(driver.ErrClosed, outcome, err)
	case ctx.Err() != nil && !s.bugs.hidesContext, errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil:
		return s.ended(ctx, outcome, err)
	}
	return driver.Fail(driver.ErrUnavailable, outcome, err)
}

// tryLate leaves the request to a goroutine that continues after the end of the context.
// The goroutine sends the later bytes of the caller's value.
func (s *remoteStore) tryLate(ctx context.Context, c *remoteConn, req *request) (*response, error) {
	resp := new(response)
	done := make(chan error, 1)
	late := *req
	late.Values = nil
	for _, value := range req.Values {
		late.Values = append(late.Values, lateBytes(len(value)))
	}
	// The request is encoded before, because encoding may take longer than the check
	// listens.
	var encoded bytes.Buffer
	if err := gob.NewEncoder(&encoded).Encode(&late); err != nil {
		return nil, driver.Fail(driver.ErrUnavailable, driver.NotApplied, err)
	}
	go func() {
		time.Sleep(40 * time.Millisecond)
		_, err := c.Write(encoded.Bytes()) // no connection is used twice here
		if err == nil {
			err = c.in.Decode(resp)
		}
		c.Close()
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			return nil, driver.Fail(driver.ErrUnavailable, driver.Unknown, err)
		}
		return resp, nil
	case <-ctx.Done():
		return nil, s.ended(ctx, driver.Unknown, nil)
	}
}

// lateBytes returns the bytes with which the check overwrites its value. Reading them from
// the value would be the data race of the bug, and would fail this test.
func lateBytes(n int) []byte { return slices.Repeat([]byte("X"), n) }

func (s *remoteStore) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	if len(keys) == 0 && !s.bugs.sendsEmpty {
		return nil
	}
	if s.bugs.oneByOne && len(keys) > 1 {
		for i := range keys {
			if err := s.Get(ctx, keys[i:i+1], dst[i:i+1]); err != nil {
				return err
			}
		}
		return nil
	}
	resp, err := s.call(ctx, &request{Op: "get", Keys: keys})
	if err != nil {
		return err
	}
	if len(resp.Errs) != len(keys) {
		return driver.Fail(driver.ErrUnavailable, driver.NotApplied, errors.New("the reply is another request's"))
	}
	for i := range dst {
		dst[i].Err = sentinels[resp.Errs[i]]
		if i < len(resp.Data) {
			dst[i].Data = resp.Data[i]
		}
	}
	return nil
}

func (s *remoteStore) Set(ctx context.Context, entries []driver.Entry) error {
	if len(entries) == 0 && !s.bugs.sendsEmpty {
		return nil
	}
	if s.bugs.oneByOne && len(entries) > 1 {
		for i := range entries {
			if err := s.Set(ctx, entries[i:i+1]); err != nil {
				return err
			}
		}
		return nil
	}
	req := &request{Op: "set"}
	for _, e := range entries {
		req.Keys = append(req.Keys, e.Key)
		req.Values = append(req.Values, e.Value)
		req.TTLs = append(req.TTLs, e.TTL)
		req.Conds = append(req.Conds, e.Cond)
	}
	resp, err := s.call(ctx, req)
	if err != nil {
		return err
	}
	for i := range entries {
		entries[i].Err = sentinels[resp.Errs[i]]
	}
	return nil
}

func (s *remoteStore) Delete(ctx context.Context, keys []string) (int, error) {
	if len(keys) == 0 {
		return 0, ctx.Err()
	}
	n, err := s.number(ctx, &request{Op: "delete", Keys: keys})
	return int(n), err
}

func (s *remoteStore) Incr(ctx context.Context, key string, delta int64) (int64, error) {
	return s.number(ctx, &request{Op: "incr", Keys: []string{key}, Delta: delta})
}

func (s *remoteStore) IncrInit(ctx context.Context, key string, delta, init int64, ttl time.Duration) (int64, error) {
	return s.number(ctx, &request{Op: "incrinit", Keys: []string{key}, Delta: delta, Init: init, TTLs: []time.Duration{ttl}})
}

func (s *remoteStore) number(ctx context.Context, req *request) (int64, error) {
	resp, err := s.call(ctx, req)
	if err != nil {
		return 0, err
	}
	if len(resp.Errs) > 0 {
		return 0, sentinels[resp.Errs[0]]
	}
	return resp.N, nil
}

func (s *remoteStore) Ping(ctx context.Context) error {
	_, err := s.call(ctx, &request{Op: "ping"})
	return err
}

func (s *remoteStore) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.idle {
		if !s.bugs.leaksConnections {
			c.Close()
		}
	}
	return nil
}
