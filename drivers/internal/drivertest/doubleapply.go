package drivertest

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/xcachetest"
)

// DoubleApply loses the replies to every kind of write, sent in every way. The
// server has run the write each time. The test fails if the server has run a
// write twice, or if the caller is not told of an unknown outcome.
func (s *Subject) DoubleApply(t *testing.T) {
	t.Run("standalone", func(t *testing.T) {
		server := s.Standalone(t)
		m := s.newMatrix(t, server, Parse(t, withLongTimeouts(s.Scheme+"://"+server.Addr)), server.Addr)
		m.run(t)
	})
	t.Run("cluster", s.doubleApplyOnCluster)
}

func (s *Subject) doubleApplyOnCluster(t *testing.T) {
	cluster := s.Cluster(t)
	m := s.newMatrix(t, cluster.Primary(t, "{"+Key(t, "")+"}"), Parse(t, withLongTimeouts(s.clusterDSN(cluster, ""))), cluster.Addrs()...)
	m.run(t)
}

// A doubleWrite is a write whose key shows how often the write was applied.
type doubleWrite struct {
	name string
	// prepare are the commands of an inspector that give the key its value before
	// the write. KEY stands for the key.
	prepare []string
	// write is the command. call, if there is one, is the method of a store that
	// sends this command alone.
	write func(key driver.Arg) *driver.Cmd
	call  func(ctx context.Context, s driver.Store, key string) error
	// look is a command of an inspector. The answer is before at first, and changes
	// by step with each application of write.
	look           string
	before, step   float64
	alsoCountedFor []string // names of commands that the driver may send in place of write
}

var one = driver.Val([]byte("1"))

// increments is the script that EVAL runs.
const increments = "return redis.call('INCRBY', KEYS[1], ARGV[1])"

var doubleWrites = []doubleWrite{
	{name: "INCR", prepare: []string{"SET KEY 10"}, write: bare("INCR"), look: "GET KEY", before: 10, step: 1},
	{name: "DECR", prepare: []string{"SET KEY 10"}, write: bare("DECR"), look: "GET KEY", before: 10, step: -1},
	{name: "SET", write: func(k driver.Arg) *driver.Cmd { return driver.NewCmd("SET", k, one) }, call: storing(driver.Always), look: "EXISTS KEY", step: 1},
	{name: "SET NX", write: func(k driver.Arg) *driver.Cmd { return driver.NewCmd("SET", k, one, driver.Literal("NX")) }, call: storing(driver.IfAbsent), look: "EXISTS KEY", step: 1},
	{name: "DEL", prepare: []string{"SET KEY 1"}, write: bare("DEL"), call: deleting, look: "EXISTS KEY", before: 1, step: -1, alsoCountedFor: []string{"UNLINK"}},
	{name: "LPUSH", write: func(k driver.Arg) *driver.Cmd { return driver.NewCmd("LPUSH", k, one) }, look: "LLEN KEY", step: 1},
	{name: "LPOP", prepare: []string{"RPUSH KEY a b c"}, write: bare("LPOP"), look: "LLEN KEY", before: 3, step: -1},
	{name: "SPOP", prepare: []string{"SADD KEY a b c"}, write: bare("SPOP"), look: "SCARD KEY", before: 3, step: -1},
	{name: "SADD", write: func(k driver.Arg) *driver.Cmd { return driver.NewCmd("SADD", k, one) }, look: "SCARD KEY", step: 1},
	{name: "HINCRBY", prepare: []string{"HSET KEY f 10"}, write: func(k driver.Arg) *driver.Cmd { return driver.NewCmd("HINCRBY", k, driver.Field("f"), driver.Int(1)) }, look: "HGET KEY f", before: 10, step: 1},
	{name: "ZINCRBY", prepare: []string{"ZADD KEY 10 1"}, write: func(k driver.Arg) *driver.Cmd { return driver.NewCmd("ZINCRBY", k, driver.Literal("0.5"), one) }, look: "ZSCORE KEY 1", before: 10, step: 0.5},
	{name: "XADD", write: func(k driver.Arg) *driver.Cmd {
		return driver.NewCmd("XADD", k, driver.Literal("*"), driver.Field("f"), one)
	}, look: "XLEN KEY", step: 1},
	{name: "GETDEL", prepare: []string{"SET KEY 1"}, write: bare("GETDEL"), look: "EXISTS KEY", before: 1, step: -1},
	{name: "EVAL", prepare: []string{"SET KEY 10"}, write: func(k driver.Arg) *driver.Cmd {
		return driver.NewCmd("EVAL", driver.Literal(increments), driver.Int(1), k, driver.Int(1))
	}, look: "GET KEY", before: 10, step: 1, alsoCountedFor: []string{"EVALSHA"}},
	{name: driver.CmdIncr, prepare: []string{"SET KEY 10"}, write: func(k driver.Arg) *driver.Cmd { return driver.NewCmd(driver.CmdIncr, k, driver.Int(1)) }, call: counting, look: "GET KEY", before: 10, step: 1, alsoCountedFor: []string{"EVAL", "EVALSHA"}},
}

func bare(name string) func(driver.Arg) *driver.Cmd {
	return func(key driver.Arg) *driver.Cmd { return driver.NewCmd(name, key) }
}

func storing(cond driver.Cond) func(context.Context, driver.Store, string) error {
	return func(ctx context.Context, s driver.Store, key string) error {
		entries := []driver.Entry{{Key: key, Value: []byte("1"), TTL: time.Hour, Cond: cond}}
		return cmp.Or(s.Set(ctx, entries), entries[0].Err)
	}
}

func deleting(ctx context.Context, s driver.Store, key string) error {
	_, err := s.Delete(ctx, []string{key})
	return err
}

func counting(ctx context.Context, s driver.Store, key string) error {
	_, err := driver.CapsOf(s).Counter.Incr(ctx, key, 1)
	return err
}

// losses are the ways in which a reply can fail to come.
var losses = []struct {
	name string
	// lose is called when the server has run the write. lose is nil if the caller gives up.
	lose func(*xcachetest.Proxy)
	want error
}{
	{"close", (*xcachetest.Proxy).Cut, driver.ErrUnavailable},
	{"reset", (*xcachetest.Proxy).Reset, driver.ErrUnavailable},
	{"silence", nil, context.DeadlineExceeded},
}

// ways are the ways to send a write. send returns the error of each command.
var ways = []struct {
	name string
	send func(ctx context.Context, s driver.Store, w *doubleWrite, key string) []error
}{
	{"single", func(ctx context.Context, s driver.Store, w *doubleWrite, key string) []error {
		if w.call != nil {
			return []error{w.call(ctx, s, key)}
		}
		return do(ctx, s, driver.Plain, w.write(driver.Key(key)))
	}},
	{"pipeline", func(ctx context.Context, s driver.Store, w *doubleWrite, key string) []error {
		return do(ctx, s, driver.Plain, w.write(driver.Key(key)), beside(key))
	}},
	{"transaction", func(ctx context.Context, s driver.Store, w *doubleWrite, key string) []error {
		return do(ctx, s, driver.Atomic, w.write(driver.Key(key)), beside(key))
	}},
}

// beside is the other write of a batch with the write under test.
func beside(key string) *driver.Cmd {
	return driver.NewCmd("RPUSH", driver.Key(key+besideIt), one)
}

const besideIt = ":beside"

// do runs commands and returns the error of each.
func do(ctx context.Context, s driver.Store, how driver.How, cmds ...*driver.Cmd) []error {
	err := driver.CapsOf(s).Commander.Do(ctx, cmds, how)
	errs := make([]error, len(cmds))
	for i, c := range cmds {
		errs[i] = cmp.Or(err, c.Err)
	}
	return errs
}

// A matrix has the cells of one topology. All cells share one store, because the
// driver must not take a late reply for the reply of a later cell.
type matrix struct {
	store    driver.Store
	server   *servertest.Server // has all the keys
	conn     *servertest.Conn   // to server, past the driver
	front    front
	proxy    *xcachetest.Proxy // of server
	tag      string            // beginning of all keys, so that the keys are in one slot
	sent     []string          // the keys of the cells so far
	attempts int
}

func (s *Subject) newMatrix(t *testing.T, server *servertest.Server, dsn *driver.DSN, addrs ...string) *matrix {
	t.Helper()
	m := &matrix{server: server, conn: server.Dial(t), front: newFront(t, addrs...), tag: "{" + Key(t, "") + "}"}
	m.proxy = m.front[server.Announced]
	m.store = s.OpenDSN(t, dsn, m.front.dial)
	return m
}

func (m *matrix) run(t *testing.T) {
	began, cells := time.Now(), 0
	for i := range doubleWrites {
		w := &doubleWrites[i]
		for _, loss := range losses {
			for _, way := range ways {
				name := strings.Join([]string{strings.ReplaceAll(w.name, " ", ""), loss.name, way.name}, "/")
				t.Run(name, func(t *testing.T) {
					cells++
					send := func(ctx context.Context, key string) []error { return way.send(ctx, m.store, w, key) }
					for _, err := range m.cell(t, w, send, loss.lose) {
						WantErr(t, err, driver.Unknown, loss.want, driver.ErrUnknownOutcome)
					}
				})
			}
		}
	}
	// By now, a driver that sends a write again late has had the time to do so.
	transcript := string(m.proxy.Transcript())
	for _, key := range m.sent {
		if n := strings.Count(transcript, key+"\r\n"); n > 1 {
			t.Errorf("a write to %s was sent %d times", key, n)
		}
	}
	t.Logf("%d cells in %v: each write applied once and answered with an unknown outcome; %d were lost before they were sent, and tried anew",
		cells, time.Since(began).Round(time.Millisecond), m.attempts-cells)
}

// cell sends a write, loses the reply when the server has run the write, and
// returns the errors of the commands. Without lose the caller gives up.
func (m *matrix) cell(t *testing.T, w *doubleWrite, send func(ctx context.Context, key string) []error, lose func(*xcachetest.Proxy)) []error {
	t.Helper()
	// On a busy machine the caller may give up before the request is on its way.
	within := 40 * time.Millisecond
	if lose != nil {
		// The store may ask for the slots while replies are kept, on the connection of the
		// call before. Then the write would need another connection, whose greeting has no
		// answer.
		within = 2 * time.Second
	}
	// Either way the write has another chance, with more time.
	for ; within < waitTimeout; within *= 2 {
		if errs, reached := m.attempt(t, w, send, lose, within); reached {
			return errs
		}
	}
	t.Fatal("the write did not reach the server")
	return nil
}

// attempt is cell for a write that must reach the server within a time. attempt reports
// whether the server has run the write.
func (m *matrix) attempt(t *testing.T, w *doubleWrite, send func(ctx context.Context, key string) []error, lose func(*xcachetest.Proxy), within time.Duration) ([]error, bool) {
	t.Helper()
	m.attempts++
	key := m.tag + strconv.Itoa(m.attempts)
	m.sent = append(m.sent, key)
	m.warm(t, w, send)
	m.conn.Do(t, "DEL", key, key+besideIt) // left by an earlier run of the tests
	m.prepare(t, w, key)
	calls := m.calls(t, w)

	m.proxy.StallReplies()
	defer m.proxy.Resume()
	timeout := within
	if lose != nil {
		timeout = waitTimeout // the loss ends the call, and not the time
	}
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	answered := make(chan []error, 1)
	go func() { answered <- send(ctx, key) }()
	reached := false
	if lose != nil {
		if reached = m.reached(t, w, key, within); reached {
			lose(m.proxy)
			m.proxy.Resume() // a driver that sends the write again gets an answer
		} else {
			cancel()
		}
	}
	errs := <-answered
	m.proxy.Resume()
	if lose == nil {
		reached = m.reached(t, w, key, within)
	}
	if !reached {
		return errs, false
	}
	if n := m.applied(t, w, key); n != 1 {
		t.Errorf("the write was applied %v times", n)
	}
	if n := m.calls(t, w) - calls; n > 1 {
		t.Errorf("the server ran the write %d times", n)
	}
	if n := m.conn.Do(t, "LLEN", key+besideIt).(int64); n != int64(len(errs)-1) {
		t.Errorf("the server ran the other write of the batch %d times, want %d", n, len(errs)-1)
	}
	return errs, true
}

// prepare gives the key its value before the write.
func (m *matrix) prepare(t *testing.T, w *doubleWrite, key string) {
	t.Helper()
	for _, command := range w.prepare {
		m.conn.Do(t, words(command, key)...)
	}
	if n := m.applied(t, w, key); n != 0 {
		t.Fatalf("the write was applied %v times before it was sent", n)
	}
}

// warm sends the write without a fault. So the reply that is lost later is the
// reply to the write. The lost reply is not a reply to the handshake of a
// connection, to a question about the server's version, or to a script that the
// server does not know.
//
// The fault before may have closed a connection, and the news of this may come
// after warm has sent the write there. Then the outcome of the write is
// unknown, once for each connection.
func (m *matrix) warm(t *testing.T, w *doubleWrite, send func(ctx context.Context, key string) []error) {
	t.Helper()
	key := m.tag + "warm"
	const connections = 4
	for closed := 0; ; closed++ {
		m.conn.Do(t, "DEL", key, key+besideIt)
		m.prepare(t, w, key)
		err := errors.Join(send(t.Context(), key)...)
		if err == nil {
			break
		}
		if closed == connections || !errors.Is(err, driver.ErrUnknownOutcome) {
			t.Fatalf("without a fault, but after others: %v", err)
		}
	}
	if n := m.applied(t, w, key); n != 1 {
		t.Errorf("without a fault, but after others, the write was applied %v times", n)
	}
}

// reached waits until the server has run the write.
func (m *matrix) reached(t *testing.T, w *doubleWrite, key string, longest time.Duration) bool {
	t.Helper()
	for end := time.Now().Add(longest); m.applied(t, w, key) == 0; time.Sleep(200 * time.Microsecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// applied returns how often the write was applied, as far as the value shows.
func (m *matrix) applied(t *testing.T, w *doubleWrite, key string) float64 {
	t.Helper()
	var n float64
	switch reply := m.conn.Do(t, words(w.look, key)...).(type) {
	case int64:
		n = float64(reply)
	case string:
		var err error
		if n, err = strconv.ParseFloat(reply, 64); err != nil {
			t.Fatal(err)
		}
	default:
		t.Fatalf("%s: got %v", w.look, reply)
	}
	return (n - w.before) / w.step
}

// calls returns how often the server has run commands of the write's name, for any
// key.
func (m *matrix) calls(t *testing.T, w *doubleWrite) int {
	t.Helper()
	name, _, _ := strings.Cut(w.name, " ")
	total := 0
	for _, name := range append([]string{name}, w.alsoCountedFor...) {
		n := timesRun(t, m.server, strings.ToLower(name))
		if name == "UNLINK" { // Delete runs one command for the lease, and one command for the value
			n = (n + 1) / 2
		}
		total += n
	}
	return total
}

// words returns a command with the key in its place.
func words(command, key string) []string {
	list := strings.Fields(command)
	for i, word := range list {
		if word == "KEY" {
			list[i] = key
		}
	}
	return list
}
