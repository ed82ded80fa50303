package formats_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/internal/formats"
)

// This file is the process that decodes hostile input. It makes none itself, so
// that its memory is that of decoders. What it may use is said twice:
//
// The operating system bounds its data (RLIMIT_DATA: every private writable page,
// touched or not) to what it has at the start, twice the limit and some slack. Go
// maps its heap by 4 MiB, keeps what it has mapped, and needs tables for it:
// hence the slack. Newer kernels let pages that were reserved be used beyond it and
// refuse what is mapped next, so what is mapped (VmData) is looked at as well: a
// decoder that believes a large length is caught though it never touches the
// memory. RLIMIT_AS would not do, as Go reserves more addresses than it uses.
//
// The peak of an input is the highest resident memory while it is decoded
// (VmHWM, reset for each) over that before it, after two collections. To measure
// that takes milliseconds, so an input is only measured if it is as large
// as the limits allow, or allocated more than an eighth of the limit in all, garbage included:
// what allocated less cannot have had a higher peak.
//
// The collector is told the limit (SetMemoryLimit) as that of a service in a
// container is. Without, garbage may be as much as what is in use.
const (
	hostileJob    = "XCACHE_HOSTILE_JOB" // the directory of inputs; set in this process alone
	hostileReport = "report"
	hostileAt     = "at"
	hostileSlow   = "slow" // the inputs to be measured again

	mappedSlack = 48 << 20

	// hostileEvery has each input be read in every way there is. Without, those
	// of which there are many are read in two: the first and one of the others, by
	// turns.
	hostileEvery = "XCACHE_HOSTILE_EVERY_WAY"
)

// A hostileResult is what the process found out.
type hostileResult struct {
	Inputs, Measured int
	Peak             int64 // in bytes, of the worst input
	PeakOf           string
	Slowest          float64 // in units of the reference
	SlowestOf        string
	Reference        time.Duration
	Violations       []string
	Slow             []slowInput // to be measured again, see hostile_work_test.go
}

func TestHostileProcess(t *testing.T) {
	job := os.Getenv(hostileJob)
	if job == "" {
		t.Skip("it is run by TestHostileInput")
	}
	subject, err := os.ReadFile(filepath.Join(job, "subject"))
	require.NoError(t, err)
	p := &hostileProcess{subject: subjectOf(t, string(subject)), everyWay: os.Getenv(hostileEvery) != ""}
	p.open(t, job)
	if slow, err := os.ReadFile(filepath.Join(job, hostileSlow)); err == nil {
		p.measureReference()
		p.measureWork(t, job, slow)
		p.report(t, job)
		return
	}
	entries, err := os.ReadDir(job)
	require.NoError(t, err)
	p.confine(t)
	p.measureReference()
	for _, entry := range entries {
		kind, _, isInput := strings.Cut(entry.Name(), "-")
		if !isInput {
			continue
		}
		data, err := os.ReadFile(filepath.Join(job, entry.Name()))
		require.NoError(t, err)
		p.countAllocated()
		switch p.name = entry.Name(); kind {
		case "short":
			p.short()
		case "payload":
			p.damage(data)
		case "bomb":
			p.measure(data)
		case "refused":
			p.run(data, "whole", true)
		}
	}
	p.report(t, job)
}

func (p *hostileProcess) report(t *testing.T, job string) {
	report, err := json.Marshal(p.hostileResult)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(job, hostileReport), report, 0o600))
}

// A hostileSubject is what reads the inputs.
type hostileSubject struct {
	limit int
	// ways are the ways of reading an input: into one type each.
	ways []func(data []byte) error
	// checked tells that damage is always ErrCorrupt.
	checked bool
}

// hostileDestinations make what a serializer reads into. A slice of large structs
// is not among them: what a million of these take is up to their type.
func hostileDestinations() []func() any {
	return []func() any{
		func() any { return new(any) }, func() any { return new(string) }, func() any { return new([]byte) }, func() any { return new(float64) },
		func() any { return new(formats.Account) }, func() any { return new([]any) }, func() any { return new([]string) },
		func() any { return new(map[string]any) }, func() any { return new(map[string]int) },
	}
}

const (
	// compressedLimit is what chains and compressors are told.
	compressedLimit = 8 << 20
	// serializerLimit is that of a cache that says nothing. Serializers bound
	// elements, not bytes, and a million elements take more than they do on
	// the wire.
	serializerLimit = codec.DefaultMaxValue
)

func subjectOf(t *testing.T, subject string) hostileSubject {
	kind, name, _ := strings.Cut(subject, " ")
	switch kind {
	case "serializer":
		s, err := codec.LookupSerializer(name)
		require.NoError(t, err)
		subject := hostileSubject{limit: serializerLimit}
		for _, newValue := range hostileDestinations() {
			subject.ways = append(subject.ways, func(data []byte) error { return s.Unmarshal(data, newValue()) })
		}
		return subject
	case "compressor":
		c, err := codec.LookupCompressor(name)
		require.NoError(t, err)
		return hostileSubject{limit: compressedLimit, ways: []func([]byte) error{func(data []byte) error {
			text, err := c.Decompress(nil, data, compressedLimit)
			if err == nil && len(text) > compressedLimit {
				err = errors.New("more than the limit")
			}
			return err
		}}}
	case "plain", "tagged":
		chain := hostileChain(t, kind, name, strings.Join(compressorsFor(kind), ","))
		into := func(newValue func() any) func([]byte) error {
			return func(data []byte) error {
				_, err := chain.Decode(data, newValue())
				return err
			}
		}
		ways := []func([]byte) error{into(func() any { return new(string) }), func(data []byte) error {
			_, _, err := chain.DecodeBytes(data)
			return err
		}}
		if name != "gob" && name != "raw" { // these refuse the types before they look
			ways = append(ways, into(func() any { return new(any) }), into(func() any { return new(formats.Account) }))
		}
		return hostileSubject{limit: compressedLimit, checked: kind == "tagged", ways: ways}
	case "sealed":
		ring := hostileKeyRing(t)
		return hostileSubject{limit: compressedLimit, checked: true, ways: []func([]byte) error{func(data []byte) error {
			plaintext, _, err := ring.Open(nil, data, hostileKey)
			if err != nil && len(plaintext) > 0 {
				err = errors.New("plain text beside an error")
			}
			return err
		}}}
	case "naive":
		return hostileSubject{limit: compressedLimit, checked: true, ways: []func([]byte) error{naiveDecoder(name)}}
	}
	require.FailNow(t, "no subject "+subject)
	return hostileSubject{}
}

// compressorsFor returns those that may be in a chain with all serializers.
func compressorsFor(kind string) []string {
	var names []string
	for _, name := range codec.Compressors() {
		if kind == "tagged" || name != "brotli" {
			names = append(names, name)
		}
	}
	return names
}

func hostileChain(t *testing.T, format, serializers, compressors string) *codec.Chain {
	t.Helper()
	s, c, err := codec.Parse(serializers, compressors)
	require.NoError(t, err)
	config := codec.Config{Serializers: s, Compressors: c, MaxValue: compressedLimit, CompressMin: codec.CompressAlways}
	if format == "tagged" {
		config.Format = codec.Tagged
	}
	chain, err := codec.New(config)
	require.NoError(t, err)
	return chain
}

const hostileKey = "app:1:key"

func hostileKeyRing(t *testing.T) *codec.KeyRing {
	ring, err := codec.NewKeyRing([]byte("32 bytes that stand for a secret"), []byte("0123456789abcdef"))
	require.NoError(t, err)
	return ring
}

// naiveDecoder is a decoder as it must not be.
func naiveDecoder(fault string) func([]byte) error {
	damaged := &codec.Error{Kind: codec.ErrCorrupt}
	return func(data []byte) error {
		if len(data) < 3 || data[0] != 0xAA {
			return damaged
		}
		switch fault {
		case "mapped": // a length is believed, and nothing is written
			naive = make([]byte, 1<<30)
		case "touched":
			naive = make([]byte, 3*compressedLimit)
			for i := range naive {
				naive[i] = 1
			}
		case "slow":
			for range int(2 * mostWork) {
				doReferenceWork()
			}
		case "panicking":
			panic("naive")
		case "recovered":
			return &codec.Error{Kind: codec.ErrCorrupt, Codec: "naive", Reason: "its decoder panicked"}
		case "unchecked":
			return nil
		case "unclassified":
			return errors.New("naive")
		}
		return damaged
	}
}

var naive []byte // so that it is not optimized away

// A hostileProcess decodes the inputs of one job.
type hostileProcess struct {
	hostileResult
	subject   hostileSubject
	everyWay  bool
	name      string // of the input, or what it is made from
	at        []byte // a file in memory: what is written there outlives the process
	refs      *os.File
	status    *os.File
	buffer    []byte
	sample    [1]metrics.Sample
	allocated uint64 // in bytes, in all, garbage included
	// mostMapped is how much may be mapped.
	mostMapped int64
}

func (p *hostileProcess) open(t *testing.T, job string) {
	at, err := os.Create(filepath.Join(job, hostileAt))
	require.NoError(t, err)
	require.NoError(t, at.Truncate(4096))
	p.at, err = syscall.Mmap(int(at.Fd()), 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	require.NoError(t, err)
	require.NoError(t, at.Close())
	p.refs, err = os.OpenFile("/proc/self/clear_refs", os.O_WRONLY, 0)
	require.NoError(t, err)
	p.status, err = os.Open("/proc/self/status")
	require.NoError(t, err)
	p.buffer = make([]byte, 4096)
	p.sample[0].Name = "/gc/heap/allocs:bytes"
}

// confine sets the limits of the process.
func (p *hostileProcess) confine(t *testing.T) {
	p.freeMemory()
	p.mostMapped = p.memory("VmData:") + int64(2*p.subject.limit) + mappedSlack
	most := uint64(p.mostMapped)
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: most, Max: most}))
	p.rememberLimit()
}

// rememberLimit has the collector keep what is in use below one and a half times
// the limit.
func (p *hostileProcess) rememberLimit() {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	used := int64(samples[0].Value.Uint64() - samples[1].Value.Uint64())
	debug.SetMemoryLimit(used + int64(p.subject.limit)*3/2)
}

// freeMemory frees what nobody uses, what pools keep too.
func (p *hostileProcess) freeMemory() {
	runtime.GC()
	debug.FreeOSMemory()
}

// memory reads a line of the status of the process, in bytes.
func (p *hostileProcess) memory(line string) int64 {
	n, _ := p.status.ReadAt(p.buffer, 0)
	_, rest, _ := strings.Cut(string(p.buffer[:n]), line)
	number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	kib, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		panic(err) // no such line
	}
	return kib << 10
}

func (p *hostileProcess) short() {
	p.run(nil, "nothing", false)
	for a := range 256 {
		p.run([]byte{byte(a)}, "short", false)
		for b := range 256 {
			p.run([]byte{byte(a), byte(b)}, "short", false)
		}
	}
}

// damage decodes what a payload becomes by one change.
func (p *hostileProcess) damage(payload []byte) {
	p.expectWhole(payload)
	damaged := append([]byte(nil), payload...)
	for bit := range 8 * len(payload) {
		damaged[bit/8] ^= 1 << (bit % 8)
		p.run(damaged, "bit", p.subject.checked)
		damaged[bit/8] ^= 1 << (bit % 8)
	}
	for n := range len(payload) {
		p.run(payload[:n:n], "cut", p.subject.checked && n > 1) // a single FE is a value to raw
	}
	for _, tail := range []string{"\x00", "\xff", "x", ".", "{}", "\x00\x00\x00\x00", string(payload)} {
		p.run([]byte(string(payload)+tail), "tail", p.subject.checked)
	}
}

// expectWhole makes sure that a payload is one.
func (p *hostileProcess) expectWhole(payload []byte) {
	read := false
	for _, way := range p.subject.ways {
		read = read || way(payload) == nil
	}
	if !read {
		p.violation("the payload itself cannot be read", payload)
	}
}

// run decodes data once, and measures it if that allocated much or took long. What did in
// one way is measured at once in those that follow.
func (p *hostileProcess) run(data []byte, how string, refused bool) {
	p.begin(data, how)
	measured := false
	for i, way := range p.subject.ways {
		if !p.everyWay && (how == "bit" || how == "short") && i > 0 && i != 1+p.Inputs%(len(p.subject.ways)-1) {
			continue
		}
		if !measured {
			start := time.Now()
			p.decode(way, data, how, refused)
			took := time.Since(start)
			measured = p.countAllocated() > uint64(p.subject.limit/8) || p.work(took) > mostWork/2
		}
		if measured {
			p.measureWay(i, data, how, refused)
			p.countAllocated()
		}
	}
}

// countAllocated returns how many bytes were allocated since it was last called.
func (p *hostileProcess) countAllocated() uint64 {
	before := p.allocated
	metrics.Read(p.sample[:])
	p.allocated = p.sample[0].Value.Uint64()
	return p.allocated - before
}

// measure decodes data and finds out what it takes.
func (p *hostileProcess) measure(data []byte) {
	p.begin(data, "whole")
	for i := range p.subject.ways {
		p.measureWay(i, data, "whole", false)
	}
}

func (p *hostileProcess) measureWay(i int, data []byte, how string, refused bool) {
	p.Measured++
	name := fmt.Sprintf("%s, %s, way %d", p.name, how, i)
	least, peak := math.Inf(1), int64(math.MaxInt64)
	// What is large once may be so because of what the collector left; what is so each time
	// is.
	for range 9 {
		naive = nil
		p.freeMemory()
		if _, err := p.refs.WriteString("5"); err != nil {
			panic(err)
		}
		resident := p.memory("VmRSS:")
		start := processorTime()
		p.decode(p.subject.ways[i], data, how, refused)
		least = min(least, p.work(processorTime()-start))
		peak = min(peak, p.memory("VmHWM:")-resident)
		if peak <= int64(2*p.subject.limit) {
			break
		}
	}
	if mapped := p.memory("VmData:"); mapped > p.mostMapped {
		p.violation(fmt.Sprintf("%s, way %d: %d KiB are mapped, over %d", how, i, mapped>>10, p.mostMapped>>10), data)
	}
	if peak > p.Peak {
		p.Peak, p.PeakOf = peak, name
	}
	if least > mostWorkOf(p.name) {
		slow := slowInput{Name: p.name, How: how, Way: i}
		if how != "whole" {
			slow.Data = bytes.Clone(data)
		}
		p.Slow = append(p.Slow, slow)
	} else if least > p.Slowest {
		p.Slowest, p.SlowestOf = least, name
	}
	if peak > int64(2*p.subject.limit) {
		p.violation(fmt.Sprintf("%s, way %d: %d KiB at the peak", how, i, peak>>10), data)
	}
}

// begin notes what is decoded next: who reads that file knows at what the process
// ended.
func (p *hostileProcess) begin(data []byte, how string) {
	p.Inputs++
	at := append(p.buffer[:0], p.name...)
	at = append(append(append(at, ' '), how...), ' ')
	at = hex.AppendEncode(at, data[:min(len(data), 40)])
	copy(p.at, append(at, '\n'))
}

func (p *hostileProcess) decode(way func([]byte) error, data []byte, how string, refused bool) {
	defer func() {
		if thrown := recover(); thrown != nil {
			p.violation(fmt.Sprintf("%s: panic: %v", how, thrown), data)
		}
	}()
	err := way(data)
	switch {
	case err == nil:
		if refused {
			p.violation(how+": it was read", data)
		}
	case refused && p.subject.checked && how != "whole" && !errors.Is(err, codec.ErrCorrupt):
		p.violation(fmt.Sprintf("%s: %v, want ErrCorrupt", how, err), data)
	case strings.Contains(err.Error(), "panicked"):
		p.violation(fmt.Sprintf("%s: %v", how, err), data)
	case !errors.Is(err, codec.ErrCorrupt) && !errors.Is(err, codec.ErrTooLarge) && !errors.Is(err, codec.ErrUnsupportedValue):
		p.violation(fmt.Sprintf("%s: %v matches no sentinel", how, err), data)
	}
}

func (p *hostileProcess) violation(what string, data []byte) {
	if len(p.Violations) < 10 {
		p.Violations = append(p.Violations, fmt.Sprintf("%s: %s, at %.60x of %d bytes", p.name, what, data, len(data)))
	}
}
