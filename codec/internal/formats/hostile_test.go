package formats_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/internal/formats"
	"github.com/xcache-go/xcache/internal/race"
)

// Every decoder reads every input of one and of two bytes, every cut and every
// flipped bit of some hundred stored values, values with bytes behind them, and
// what is known to end other decoders. None panics, takes more than twice the
// limit of memory or, unless it is a value of as many elements as there may be, more
// of the processor than it takes encoding/json to read some 800 000 numbers, and what
// has a checksum is never read as another value.
func TestHostileInput(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("memory is measured as Linux tells it")
	}
	program := hostileProgram(t)
	if program == "" {
		return
	}
	jobs := hostileJobs(t)
	payloads, flips := 0, 0
	for _, job := range jobs {
		payloads += len(job.payloads)
		for _, payload := range job.payloads {
			flips += 8 * len(payload)
		}
	}
	require.GreaterOrEqual(t, payloads, 200, "%d payloads, want 200", payloads)
	var inputs atomic.Int64
	t.Cleanup(func() { t.Logf("%d inputs, of %d payloads with %d bits", inputs.Load(), payloads, flips) })
	for _, job := range jobs {
		t.Run(job.subject, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			result, err := job.run(t, program)
			require.NoError(t, err)
			require.Empty(t, result.Violations)
			inputs.Add(int64(result.Inputs))
			t.Logf("%d inputs, %d bombs or large, in %v", result.Inputs, result.Measured, time.Since(start).Round(time.Millisecond))
			t.Logf("most memory: %d KiB at %s", result.Peak>>10, result.PeakOf)
			t.Logf("most work: %.1f times the %v of the reference at %s", result.Slowest, result.Reference, result.SlowestOf)
		})
	}
}

// What finds no fault in decoders must find those of bad ones.
func TestNaiveDecodersAreCaught(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("memory is measured as Linux tells it")
	}
	program := hostileProgram(t)
	if program == "" {
		return
	}
	for _, test := range []struct {
		fault string
		want  string // in a violation
	}{
		{"mapped", "are mapped"},
		{"touched", "at the peak"},
		{"slow", "times the work of the reference"},
		{"panicking", "panic: naive"},
		{"recovered", "panicked"},
		{"unchecked", "it was read"},
		{"unclassified", "matches no sentinel"},
		{"faultless", ""},
	} {
		t.Run(test.fault, func(t *testing.T) {
			job := hostileInputs{subject: "naive " + test.fault, bombs: map[string][]byte{"refused-naive": []byte("\xAA\x01\x02")}}
			result, err := job.run(t, program)
			found := strings.Join(result.Violations, "\n")
			if err != nil && test.want == "are mapped" { // ended by its limit
				require.ErrorContains(t, err, "aa0102")
				return
			}
			require.NoError(t, err)
			if test.want == "" {
				require.Empty(t, found)
			}
			require.Contains(t, found, test.want)
		})
	}
}

// hostileProgram returns the program that decodes: the tests of this package without
// the race detector, whose memory cannot be bounded and which takes long to make the
// inputs, and without counters of coverage, which are work of no decoder. Where this
// is not that program it has that one, with its failures, run the whole test, and
// returns "".
func hostileProgram(t *testing.T) string {
	t.Helper()
	if !race.Enabled && testing.CoverMode() == "" {
		program, err := os.Executable()
		require.NoError(t, err)
		return program
	}
	program, err := builtProgram()
	require.NoError(t, err)
	run := "^" + t.Name() + "$"
	if _, subject, ok := strings.Cut(flag.Lookup("test.run").Value.String(), "/"); ok {
		run += "/" + subject
	}
	skip := flag.Lookup("test.skip").Value.String()
	command := exec.CommandContext(t.Context(), program, "-test.run="+run, "-test.skip="+skip, "-test.v", timeLeft(t))
	out, err := command.CombinedOutput()
	t.Logf("%s", out)
	require.NoError(t, err)
	return ""
}

// programDirectory is removed by TestMain.
var programDirectory string

var builtProgram = sync.OnceValues(func() (program string, err error) {
	if programDirectory, err = os.MkdirTemp("", "hostile"); err != nil {
		return "", err
	}
	program = filepath.Join(programDirectory, "hostile")
	// The flags of the environment stay: packages that were built with them are not
	// built again.
	build := exec.Command("go", "test", "-c", "-race=false", "-cover=false", "-vet=off", "-o", program, ".")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return program, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if programDirectory != "" {
		_ = os.RemoveAll(programDirectory) // the tests are over
	}
	os.Exit(code)
}

// A hostileInputs is what one process decodes.
type hostileInputs struct {
	subject  string
	short    bool
	payloads [][]byte
	bombs    map[string][]byte // by name, which starts with "bomb-", or "refused-" if it must not be read
}

// run returns an error if the process did not come to its end.
func (j hostileInputs) run(t *testing.T, program string) (hostileResult, error) {
	dir := t.TempDir()
	write := func(name string, data []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	write("subject", []byte(j.subject))
	if j.short {
		write("short-inputs", nil)
	}
	for i, payload := range j.payloads {
		write(fmt.Sprintf("payload-%03d", i), payload)
	}
	for name, data := range j.bombs {
		write(name, data)
	}
	result, err := runHostileProcess(t, program, dir)
	if err != nil || len(result.Slow) == 0 {
		return result, err
	}
	for _, input := range result.Slow {
		t.Logf("measured again: %s, %s, way %d", input.Name, input.How, input.Way)
	}
	slow, err := json.Marshal(result.Slow)
	require.NoError(t, err)
	write(hostileSlow, slow)
	again, err := runHostileProcess(t, program, dir)
	result.Violations = append(result.Violations, again.Violations...)
	if again.Slowest > result.Slowest {
		result.Slowest, result.SlowestOf = again.Slowest, again.SlowestOf
	}
	return result, err
}

// runHostileProcess runs TestHostileProcess on a directory.
func runHostileProcess(t *testing.T, program, dir string) (result hostileResult, err error) {
	// A thread that C knows has a stack as large as the main thread may have, 8 MiB as a
	// rule. All of it counts as mapped.
	command := exec.CommandContext(t.Context(), "sh", "-c", `ulimit -s 1024 && exec "$0" "$@"`, program, "-test.run=^TestHostileProcess$", timeLeft(t))
	command.Env = append(os.Environ(), hostileJob+"="+dir, "GOMAXPROCS=2", "GODEBUG=", "GOGC=100")
	out, err := command.CombinedOutput()
	if err == nil {
		var report []byte
		if report, err = os.ReadFile(filepath.Join(dir, hostileReport)); err == nil {
			err = json.Unmarshal(report, &result)
		}
	}
	if err != nil {
		at, _ := os.ReadFile(filepath.Join(dir, hostileAt))
		at, _, _ = bytes.Cut(at, []byte("\n"))
		return result, fmt.Errorf("%w at %s\n%.3000s", err, at, out)
	}
	return result, nil
}

// timeLeft is the flag of a test process that ends before this process must.
func timeLeft(t *testing.T) string {
	deadline, ok := t.Deadline()
	if !ok {
		return "-test.timeout=0"
	}
	return fmt.Sprint("-test.timeout=", time.Until(deadline)*9/10)
}

func hostileJobs(t *testing.T) []hostileInputs {
	var jobs []hostileInputs
	for _, s := range formats.Serializers() {
		jobs = append(jobs, hostileInputs{"serializer " + s.Name(), true, serialized(t, s), serializerBombs(t, s.Name())})
	}
	for _, c := range formats.Compressors() {
		jobs = append(jobs, hostileInputs{"compressor " + c.Name(), true, compressed(t, c), compressorBombs(t, c)})
	}
	for _, s := range formats.Serializers() {
		jobs = append(jobs, hostileInputs{"tagged " + s.Name(), true, tagged(t, s), taggedBombs(t, s)})
	}
	return append(jobs,
		hostileInputs{"plain json,gob,cbor,pickle,msgpack", true, chained(t), chainBombs(t)},
		hostileInputs{"sealed", true, sealed(t), nil})
}

const longestPayload = 1000

func serialized(t *testing.T, s codec.Serializer) (payloads [][]byte) {
	for _, class := range formats.Classes() {
		payload, err := s.Append(nil, class.Value)
		if errors.Is(err, codec.ErrUnsupportedValue) {
			continue
		}
		require.NoError(t, err)
		readable := false
		for _, newValue := range hostileDestinations() {
			readable = readable || s.Unmarshal(payload, newValue()) == nil
		}
		if readable && len(payload) <= longestPayload {
			payloads = append(payloads, payload)
		}
	}
	return payloads
}

// hostileTexts are short, of many sizes and kinds.
func hostileTexts() (texts [][]byte) {
	noise := make([]byte, 300)
	state := uint32(1)
	for i := range noise {
		state = state*1664525 + 1013904223
		noise[i] = byte(state >> 24)
	}
	records := ""
	for i := range 200 {
		records += fmt.Sprintf(`{"id":%d,"name":"entry %d"},`, i, noise[i])
	}
	for _, text := range []string{"", "x", "hello, hello", string(noise), records[:300], records[:1<<10], strings.Repeat("all work and no play ", 400), strings.Repeat("\x00", 100_000)} {
		texts = append(texts, []byte(text))
	}
	return texts
}

func compressed(t *testing.T, c codec.Compressor) (payloads [][]byte) {
	for _, text := range hostileTexts() {
		payload, err := c.Append(nil, text)
		require.NoError(t, err)
		payloads = append(payloads, payload)
	}
	return payloads
}

// tagged returns values of a serializer, each through one of the compressors.
func tagged(t *testing.T, s codec.Serializer) (payloads [][]byte) {
	compressors := append([]string{""}, compressorsFor("tagged")...)
	for _, compressor := range compressors {
		chain := hostileChain(t, "tagged", s.Name(), compressor)
		for _, text := range []string{"", "hello", strings.Repeat("long text ", 60)} {
			payloads = append(payloads, encoded(t, chain, text))
		}
	}
	return payloads
}

// chained returns values of every serializer and compressor of the plain chain.
func chained(t *testing.T) (payloads [][]byte) {
	for _, s := range []string{"json", "gob", "cbor", "pickle", "msgpack"} {
		for _, c := range append([]string{""}, compressorsFor("plain")...) {
			payloads = append(payloads, encoded(t, hostileChain(t, "plain", s, c), strings.Repeat("long text ", 20)))
		}
	}
	return payloads
}

func sealed(t *testing.T) (payloads [][]byte) {
	ring := hostileKeyRing(t)
	for _, text := range hostileTexts() {
		if len(text) <= 1<<10 {
			payloads = append(payloads, ring.Seal(nil, text, hostileKey))
		}
	}
	for _, format := range []string{"plain", "tagged"} {
		chain := hostileChain(t, format, "json", "gzip")
		payloads = append(payloads, ring.Seal(nil, encoded(t, chain, "secret"), hostileKey), ring.Seal(nil, encoded(t, chain, strings.Repeat("secret ", 99)), hostileKey))
	}
	return payloads
}

func encoded(t *testing.T, chain *codec.Chain, value any) []byte {
	t.Helper()
	stored, err := chain.Append(nil, value)
	require.NoError(t, err)
	return stored
}
