package drivertest

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/dialect"
	"github.com/xcache-go/xcache/internal/keyslot"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/internal/servertest/release"
)

// Natives tests the commands of newer servers that stand in for scripts, on servers with
// all, some and few of these commands. The test fails if a command or a script has
// another result than the rules say. The test also fails if a server with all of the
// commands runs a script, or if a server without some of the commands runs too few
// scripts.
func (s *Subject) Natives(t *testing.T) {
	for _, name := range []string{release.Redis70.Name, release.Redis8.Name, release.Valkey81.Name, release.Valkey9.Name} {
		t.Run(name, func(t *testing.T) {
			server := s.StartServer(t, servertest.Release(name),
				// This user has the permissions that docs/acl.md asked for before there were natives.
				servertest.User("scripts", "secret", "~*", "+get", "+set", "+del", "+rpush", "+eval", "+evalsha", "+multi", "+exec"))
			version := versionOf(t, server)
			for _, by := range []struct {
				name, user, parameters string
				natives                bool
			}{
				{name: "natives", natives: true},
				{name: "scripts", parameters: "?hello=off"},
				{name: "user without natives", user: "scripts:secret@"},
			} {
				store := s.open(t, s.Scheme+"://"+by.user+server.Addr+by.parameters)
				for _, batch := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s/batch=%v", by.name, batch), func(t *testing.T) {
						server.Do(t, "FLUSHALL")
						evals := scriptRuns(t, server)
						scripted := wantConditionals(t, []*servertest.Server{server}, store, version, batch)
						ran := scriptRuns(t, server) - evals
						switch {
						case by.natives && ran < scripted, by.natives && scripted == 0 && ran > 0:
							t.Errorf("%s ran %d scripts, want %d", version, ran, scripted)
						case by.parameters != "" && ran == 0:
							t.Errorf("%s ran no script", version)
						}
					})
				}
			}
		})
	}
	t.Run("cluster of two releases", s.nativesInAMixedCluster)
}

// nativesInAMixedCluster tests a cluster during an upgrade. The newer node must get natives,
// and the older node must get scripts.
func (s *Subject) nativesInAMixedCluster(t *testing.T) {
	var nodes []*servertest.Server
	for i, name := range []string{release.Redis70.Name, release.Redis8.Name} {
		node := s.StartServer(t, servertest.Release(name), servertest.Config("cluster-enabled", "yes"))
		node.Do(t, "CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
		node.Do(t, "CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(i*8192), strconv.Itoa(i*8192+8191))
		nodes = append(nodes, node)
	}
	host, port, err := net.SplitHostPort(nodes[0].Addr)
	if err != nil {
		t.Fatal(err)
	}
	nodes[1].Do(t, "CLUSTER", "MEET", host, port)
	for _, node := range nodes {
		awaitSlots(t, node)
	}
	store := s.open(t, s.Scheme+"+cluster://"+nodes[0].Addr)
	for _, batch := range []bool{false, true} {
		before := scriptRuns(t, nodes[1])
		old := scriptRuns(t, nodes[0])
		wantConditionals(t, nodes, store, versionOf(t, nodes[0]), batch)
		if n := scriptRuns(t, nodes[1]) - before; n > 0 {
			t.Errorf("batch=%v: the newer node ran %d scripts", batch, n)
		}
		if scriptRuns(t, nodes[0]) == old {
			t.Errorf("batch=%v: the older node ran no scripts", batch)
		}
		for _, node := range nodes {
			node.Do(t, "FLUSHALL")
		}
	}
}

func scriptRuns(t testing.TB, server *servertest.Server) int {
	t.Helper()
	return timesRun(t, server, "eval") + timesRun(t, server, "evalsha")
}

// A conditional is a command with natives, on a key with a certain value, and the result
// that the command must have.
type conditional struct {
	cmd   *driver.Cmd
	setup *driver.Cmd // nil for a key that is not there
	held  string      // value before, for the test's words
	reply string      // "wrong type" for that error
	value string      // value of the key afterwards
	isSet bool        // false if the key holds nothing afterwards
	ttl   string      // none, old or new
}

const (
	oldTTL = time.Hour
	newTTL = time.Minute
)

// conditionals returns every extension with natives, with each kind of value under the key,
// of value to compare, and of TTL.
func conditionals() (all []conditional) {
	values := []string{"old", "5", "05", "", "\x00\xff\r\n", strings.Repeat("long", 10_000)}
	for _, held := range append([]string{"(nothing)", "(list)"}, values...) {
		for _, old := range values {
			for _, ttl := range []time.Duration{driver.NoExpiry, driver.KeepTTL, newTTL, 0} {
				if old != held && old != values[0] {
					continue // once with each TTL is enough where nothing is equal
				}
				key := driver.Key(fmt.Sprint("k", len(all)))
				all = append(all, compared(driver.CmdCompareAndSwap, key, held, old, ttl))
				if old == values[0] { // nothing is compared
					key = driver.Key(fmt.Sprint("k", len(all)))
					all = append(all, compared(driver.CmdSwap, key, held, held, ttl))
				}
			}
			key := driver.Key(fmt.Sprint("k", len(all)))
			all = append(all, compared(driver.CmdCompareAndDelete, key, held, old, 0))
		}
	}
	return all
}

// compared returns a command on a key, with the result by the rules of package driver.
func compared(name string, key driver.Arg, held, old string, ttl time.Duration) conditional {
	c := conditional{held: held, value: held, isSet: true, ttl: "old"}
	switch held {
	case "(nothing)":
		c.isSet = false
	case "(list)":
		c.setup, c.reply, c.ttl = driver.NewCmd("RPUSH", key, driver.Val([]byte("x"))), "wrong type", "none"
	default:
		c.setup = driver.NewCmd("SET", key, driver.Val([]byte(held)), driver.Literal("PX"), driver.Duration(oldTTL))
	}
	fresh := "new " + held
	switch name {
	case driver.CmdSwap:
		c.cmd = driver.NewCmd(name, key, driver.Val([]byte(fresh)), driver.TTLArg(ttl))
	case driver.CmdCompareAndSwap:
		c.cmd = driver.NewCmd(name, key, driver.Val([]byte(old)), driver.Val([]byte(fresh)), driver.TTLArg(ttl))
	default:
		c.cmd = driver.NewCmd(name, key, driver.Val([]byte(old)))
	}
	if held == "(list)" {
		return c
	}
	matches := held == old && (c.isSet || name == driver.CmdSwap)
	switch {
	case name == driver.CmdSwap && !c.isSet:
		c.reply = "nil"
	case name == driver.CmdSwap:
		c.reply = held
	case matches:
		c.reply = "1"
	default:
		c.reply = "0"
	}
	if !matches {
		return c
	}
	hadTTL := c.isSet
	c.value, c.isSet = fresh, !driver.Expired(ttl)
	switch {
	case ttl == driver.NoExpiry, ttl == driver.KeepTTL && !hadTTL:
		c.ttl = "none"
	case ttl != driver.KeepTTL:
		c.ttl = "new"
	}
	return c
}

// wantConditionals fails the test unless each conditional has its result. servers is one
// server, or the servers that share the slots of a cluster evenly. wantConditionals returns
// the number of conditionals for which a server of that version has no native.
func wantConditionals(t *testing.T, servers []*servertest.Server, store driver.Commander, version dialect.Version, batch bool) (scripted int) {
	t.Helper()
	all := conditionals()
	var setups, cmds []*driver.Cmd
	for _, c := range all {
		cmds = append(cmds, c.cmd)
		if c.setup != nil {
			setups = append(setups, c.setup)
		}
		if !hasNative(c.cmd, version) {
			scripted++
		}
	}
	do := func(cmds []*driver.Cmd) {
		t.Helper()
		if err := store.Do(t.Context(), cmds, driver.Plain); err != nil {
			t.Fatal(err)
		}
	}
	do(setups)
	if batch {
		do(cmds)
	} else {
		for c := range slices.Chunk(cmds, 1) {
			do(c)
		}
	}
	conns := make([]*servertest.Conn, len(servers))
	for i, server := range servers {
		conns[i] = server.Dial(t)
	}
	for _, c := range all {
		conn := conns[int(keyslot.Of(c.cmd.Args[0].Text))*len(conns)/16384]
		got := text(&c.cmd.Reply)
		switch {
		case errors.Is(c.cmd.Err, driver.ErrWrongType) && !errors.Is(c.cmd.Err, driver.ErrUnknownOutcome):
			got = "wrong type"
		case c.cmd.Err != nil:
			got = c.cmd.Err.Error()
		}
		if got != c.reply {
			t.Errorf("%s: got %.50q, want %.50q", c.name(), got, c.reply)
		}
		c.wantHeld(t, conn)
	}
	return scripted
}

// hasNative reports whether a server of that version has a native for a command.
func hasNative(c *driver.Cmd, version dialect.Version) bool {
	ttl, err := driver.ParseTTLArg(c.Args[len(c.Args)-1])
	deletes := c.Name == driver.CmdCompareAndDelete || err == nil && driver.Expired(ttl)
	return slices.ContainsFunc(dialect.Natives(), func(n dialect.Native) bool {
		return n.Extension == c.Name && n.In(version) && (strings.Contains(n.Command, "DEL") == deletes)
	})
}

func (c *conditional) name() string {
	words := []string{c.cmd.Name}
	for _, a := range c.cmd.Args {
		words = append(words, fmt.Sprintf("%.20q", a.String()))
	}
	return strings.Join(words, " ") + fmt.Sprintf(" where %.20q was", c.held)
}

// wantHeld fails the test unless the key holds the value and the TTL of the conditional.
func (c *conditional) wantHeld(t *testing.T, conn *servertest.Conn) {
	t.Helper()
	key := c.cmd.Args[0].Text
	left := conn.Do(t, "PTTL", key).(int64)
	if c.reply == "wrong type" {
		if kind := conn.Do(t, "TYPE", key); kind != "list" || left >= 0 {
			t.Errorf("%s: the key holds a %v", c.name(), kind)
		}
		return
	}
	if !c.isSet {
		if held := conn.Do(t, "GET", key); held != nil {
			t.Errorf("%s: the key holds %.50q, want nothing", c.name(), held)
		}
		return
	}
	if held := conn.Do(t, "GET", key); held != c.value {
		t.Errorf("%s: the key holds %.50q, want %.50q", c.name(), held, c.value)
	}
	ttl := "none"
	switch {
	case left > newTTL.Milliseconds():
		ttl = "old"
	case left >= 0:
		ttl = "new"
	}
	if ttl != c.ttl {
		t.Errorf("%s: the TTL is %d ms, want the %s one", c.name(), left, c.ttl)
	}
}

// BenchmarkNatives measures the commands of newer servers, and the scripts for which the
// commands stand in. The benchmark also reports the time of the server's processor for each
// call.
func (s *Subject) BenchmarkNatives(b *testing.B) {
	for _, name := range []string{release.Redis8.Name, release.Valkey9.Name} {
		server := s.StartServer(b, servertest.Release(name))
		value := driver.Val(make([]byte, 100))
		key, minute := driver.Key("key"), driver.TTLArg(time.Minute)
		server.Do(b, "SET", "key", string(value.Data))
		for _, cmd := range []*driver.Cmd{
			driver.NewCmd(driver.CmdCompareAndSwap, key, value, value, minute),
			driver.NewCmd(driver.CmdSwap, key, value, minute),
			driver.NewCmd(driver.CmdCompareAndDelete, key, driver.Val([]byte("other"))),
		} {
			for way, parameters := range map[string]string{"native": "?protocol=2", "script": "?hello=off"} {
				store := s.open(b, s.Scheme+"://"+server.Addr+parameters)
				for _, size := range []int{1, 100} {
					b.Run(fmt.Sprintf("%s/%s/%d/%s", name, cmd.Name, size, way), func(b *testing.B) {
						cmds := make([]*driver.Cmd, size)
						for i := range cmds {
							args := slices.Clone(cmd.Args)
							args[0] = driver.Key(fmt.Sprint("key", i))
							cmds[i] = driver.NewCmd(cmd.Name, args...)
							server.Do(b, "SET", args[0].Text, string(value.Data))
						}
						b.ReportAllocs()
						before := processorTime(b, server)
						for b.Loop() {
							if err := store.Do(b.Context(), cmds, driver.Plain); err != nil || cmds[0].Err != nil {
								b.Fatal(err, cmds[0].Err)
							}
						}
						b.ReportMetric((processorTime(b, server)-before)*1e9/float64(b.N), "server-ns/op")
					})
				}
			}
		}
	}
}

// processorTime returns the seconds of the processor that a server has used.
func processorTime(b *testing.B, server *servertest.Server) (seconds float64) {
	b.Helper()
	info, _ := server.Do(b, "INFO", "cpu").(string)
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name == "used_cpu_user" || name == "used_cpu_sys" {
			used, err := strconv.ParseFloat(value, 64)
			if err != nil {
				b.Fatal(err)
			}
			seconds += used
		}
	}
	return seconds
}
