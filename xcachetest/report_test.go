package xcachetest

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
	"github.com/xcache-go/xcache/drivers/null"
)

// outside runs checks without a test, as Conform does.
func outside(t *testing.T, ctx context.Context, h Harness, checks ...check) Report {
	t.Helper()
	s, err := newSuite(h, checks)
	if err != nil {
		t.Fatal(err)
	}
	for i := range s.checks {
		s.runStandalone(ctx, &s.checks[i])
	}
	return s.report()
}

// resultOf returns the result of a check.
func resultOf(t *testing.T, r Report, name string) Result {
	t.Helper()
	i := slices.IndexFunc(r.Checks, func(result Result) bool { return result.Name == name })
	if i < 0 {
		t.Fatalf("the report has no %s", name)
	}
	return r.Checks[i]
}

// leftBehind fails the test if there are new goroutines.
func leftBehind(t *testing.T, before map[string]string) {
	t.Helper()
	for range 200 {
		if len(goroutinesSince(before)) == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("goroutines are left: %s", goroutinesSince(before))
}

func TestReportOfACorrectStoreIsAllPassed(t *testing.T) {
	before := goroutines()
	r := Conform(t.Context(), func() (driver.Store, error) { return memory.NewStore(memory.Options{}) })
	leftBehind(t, before)
	if !r.OK() || r.Failed != 0 || r.Error != "" {
		t.Errorf("the report of memory: %s", r)
	}
	if r.Passed < 500 || r.Observed < 5 || len(r.Checks) != len(Checks()) || r.Passed+r.Skipped+r.Observed != len(r.Checks) {
		t.Errorf("%d passed, %d skipped, %d observed of %d checks, %d of them in the report", r.Passed, r.Skipped, r.Observed, len(Checks()), len(r.Checks))
	}
	if !strings.HasPrefix(r.Driver, "memory") || r.Suite != Version || r.Began.IsZero() || r.Duration <= 0 {
		t.Errorf("the report is of %q, suite %q, %v, %v", r.Driver, r.Suite, r.Began, r.Duration)
	}
	for _, result := range r.Checks {
		if result.Outcome == Skipped && result.Message == "" || result.Outcome == Passed && result.Message != "" {
			t.Errorf("%s: %s, with the message %q", result.Name, result.Outcome, result.Message)
		}
	}
}

func TestReportOfABrokenStoreNamesTheRules(t *testing.T) {
	for _, broken := range brokenStores {
		if broken.name != "expired TTLs are stored for ever" && broken.name != "Delete counts the keys it was given" {
			continue
		}
		checks := slices.DeleteFunc(table(), func(c check) bool {
			return !slices.Contains(broken.caught, c.name) && c.name != "caps/limits-make-sense"
		})
		h := inProcess(broken.open)
		h.InProcess = false
		r := outside(t, t.Context(), h, checks...)
		if r.OK() || r.Failed != len(broken.caught) {
			t.Errorf("%s: %d failed, want %d: %s", broken.name, r.Failed, len(broken.caught), r)
		}
		for _, name := range broken.caught {
			result := resultOf(t, r, name)
			if result.Outcome != Failed || result.Message == "" || !strings.Contains(r.String(), "failed "+name+" ("+string(result.Level)+"): "+result.Rule) {
				t.Errorf("%s: %+v in\n%s", broken.name, result, r)
			}
		}
	}
}

// variety returns checks with every outcome.
func variety() []check {
	return []check{
		{name: "t/passes", rule: "the first rule", run: func(*subject) error { return nil }},
		{name: "t/fails", rule: "the second rule", run: func(*subject) error { return errors.New("saw <one>\nand \x00 two") }},
		{name: "t/panics", rule: "the third rule", needs: needs(scanner), run: func(*subject) error { panic("boom") }},
		{name: "t/lacks", rule: "the fourth rule", needs: needs("Tracker"), run: func(*subject) error { return nil }},
		{name: "t/tells", rule: "what is seen", tell: func(*subject) (string, error) { return "a sight", nil }},
		{name: "t/tells-not", rule: "what is not seen", tell: func(*subject) (string, error) { return "", errors.New("no sight") }},
		{name: "t/tells-by-panic", rule: "what panics", tell: func(*subject) (string, error) { panic("boom") }},
	}
}

func varied(t *testing.T) Report {
	t.Helper()
	h := inProcess(func() driver.Store { return newCorrect() })
	h.InProcess, h.Driver, h.Server = false, "own 1.2", "thing 3"
	return outside(t, t.Context(), h, variety()...)
}

func TestReportHasLevelsAndOutcomes(t *testing.T) {
	r := varied(t)
	want := []struct {
		level   Level
		outcome Outcome
		message string
	}{
		{LevelRule, Passed, ""}, {LevelRule, Failed, "saw <one>"}, {LevelOption, Failed, "panic: boom"}, {LevelOption, Skipped, "the store has no Tracker"},
		{LevelObservation, Observed, "a sight"}, {LevelObservation, Observed, "no sight"}, {LevelObservation, Failed, "panic: boom"},
	}
	for i, result := range r.Checks {
		if result.Level != want[i].level || result.Outcome != want[i].outcome || !strings.Contains(result.Message, want[i].message) {
			t.Errorf("%+v, want %+v", result, want[i])
		}
	}
	if r.Passed != 1 || r.Failed != 3 || r.Skipped != 1 || r.Observed != 2 {
		t.Errorf("%+v", r)
	}
	if text := r.String(); !strings.HasPrefix(text, "own 1.2 on thing 3: 1 checks passed, 3 failed, 1 did not run (suite "+Version+")\n") || !strings.Contains(text, "t/tells: a sight") {
		t.Errorf("the text is %q", text)
	}
}

func TestReportAsJSON(t *testing.T) {
	r := varied(t)
	// These values differ between runs.
	r.Began, r.Duration, r.Go = time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC), 7*time.Second, "go0 os/cpu"
	r.Checks = r.Checks[:5]
	r.Checks[2].Message = "panic"
	for i := range r.Checks {
		r.Checks[i].Duration = time.Duration(i) * time.Millisecond
	}
	var b bytes.Buffer
	if err := r.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join("testdata", "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the report is\n%s\nwant\n%s", b.String(), want)
	}
	var again Report
	if err := json.Unmarshal(b.Bytes(), &again); err != nil || !reflect.DeepEqual(again, r) {
		t.Errorf("read back: %v, %+v, want %+v", err, again, r)
	}
}

func TestReportAsJUnit(t *testing.T) {
	r := varied(t)
	r.Error = "no such file"
	var b bytes.Buffer
	if err := r.WriteJUnit(&b); err != nil {
		t.Fatal(err)
	}
	var got junitSuites
	if err := xml.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, b.String())
	}
	var failures, skipped, told int
	for i, c := range got.Suites[0].Cases {
		if c.Failure != nil {
			failures++
		}
		if c.Skipped != nil {
			skipped++
		}
		if c.SystemOut != "" {
			told++
		}
		if c.Name != r.Checks[i].Name || c.Class != "t" || c.Properties[0].Value != string(r.Checks[i].Level) {
			t.Errorf("case %d is %+v", i, c)
		}
	}
	if failures != r.Failed || got.Failures != r.Failed || got.Suites[0].Failures != r.Failed || skipped != r.Skipped || got.Skipped != r.Skipped || told != r.Observed || got.Tests != len(r.Checks) || got.Errors != 1 {
		t.Errorf("%+v, want the counts of %+v", got, r)
	}
	if failure := got.Suites[0].Cases[1].Failure; failure.Message != "the second rule" || !strings.HasPrefix(failure.Text, "saw <one>\nand ") {
		t.Errorf("the failure is %+v", failure)
	}
}

func TestReportHoldsNoPassword(t *testing.T) {
	h := inProcess(func() driver.Store { return newCorrect() })
	h.InProcess, h.Driver, h.Server = false, "own redis://user:secret@host", "at redis://:se@cret@host:1"
	fails := func(*subject) error {
		return errors.New("dialling redis://u:secret@h:1/0, then redis+unix://:secret@/run/s?x=1 and http://plain.example/a@b")
	}
	r := outside(t, t.Context(), h, check{name: "t/fails", rule: "a rule", run: fails})
	r.Checks = append(r.Checks, (&suite{}).unable(errors.New("opening redis://u:secret@h")).Checks...)
	for _, write := range []func(io.Writer) error{r.WriteJSON, r.WriteJUnit, func(w io.Writer) error { _, err := io.WriteString(w, r.String()); return err }} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(b.String(), "secret") || strings.Contains(b.String(), "cret@") || !strings.Contains(b.String(), "plain.example/a@b") || !strings.Contains(b.String(), "h:1/0") {
			t.Errorf("the report is %s", b.String())
		}
	}
}

func TestConformEndsWithItsContext(t *testing.T) {
	before := goroutines()
	ctx, cancel := context.WithCancelCause(context.Background())
	opened := 0
	r := Harness{Timeout: time.Minute, Open: func(testing.TB) driver.Store {
		if opened++; opened == 3 {
			cancel(errors.New("enough"))
		}
		return newCorrect()
	}}.Conform(ctx)
	leftBehind(t, before)
	if opened != 3 || r.Failed != 0 && r.Checks[0].Outcome == Skipped {
		t.Errorf("%d stores were opened: %s", opened, r)
	}
	for _, result := range r.Checks[len(r.Checks)-50:] {
		if result.Outcome != Skipped || result.Message != "the context has ended: enough" {
			t.Errorf("%+v", result)
		}
	}

	// A check that waits is left at once, and is not reported as failed.
	waits, cancel := context.WithCancelCause(context.Background())
	r = outside(t, waits, Harness{Open: func(testing.TB) driver.Store { return newCorrect() }, Timeout: time.Hour},
		check{name: "t/waits", rule: "a rule", run: func(s *subject) error {
			cancel(nil)
			s.sleep(time.Hour)
			return s.eventually(func() error { return errors.New("never") })
		}})
	if result := r.Checks[0]; result.Outcome != Skipped || result.Message != "the context has ended: context canceled" {
		t.Errorf("%+v", result)
	}
}

// The functions of a harness may call all methods of a testing.TB without a test.
func TestHarnessWithoutATest(t *testing.T) {
	correct := func() driver.Store { return newCorrect() }
	passes := check{name: "t/passes", rule: "a rule", run: func(*subject) error { return nil }}
	for name, test := range map[string]struct {
		open    func(testing.TB) driver.Store
		outcome Outcome
		message string
	}{
		"Fatal":  {func(t testing.TB) driver.Store { t.Fatalf("no %s", "server"); return nil }, Failed, "the harness failed the test: no server"},
		"Error":  {func(t testing.TB) driver.Store { t.Helper(); t.Error("not", "well"); return correct() }, Failed, "the harness failed the test: not well"},
		"Skip":   {func(t testing.TB) driver.Store { t.Skip("no server"); return nil }, Skipped, "the harness skipped it: no server"},
		"Goexit": {func(t testing.TB) driver.Store { t.FailNow(); return nil }, Failed, "the harness ended the test"},
		"panic":  {func(testing.TB) driver.Store { panic("no server") }, Failed, "the harness panicked: no server"},
		"Setenv": {func(t testing.TB) driver.Store { t.Setenv("A", "b"); return nil }, Failed, "Setenv is for stores that a test opens"},
		"Cleanup": {func(t testing.TB) driver.Store {
			t.Cleanup(func() { t.Error("last") })
			t.Cleanup(func() { t.Log("first"); t.FailNow() })
			return correct()
		}, Failed, "first\nlast"},
		"panic in Cleanup": {func(t testing.TB) driver.Store { t.Cleanup(func() { panic("boom") }); return correct() }, Failed, "panic in clean-up: boom"},
		"nothing":          {func(t testing.TB) driver.Store { t.Log(t.Name()); return correct() }, Passed, ""},
	} {
		r := outside(t, t.Context(), Harness{Open: test.open}, passes)
		if result := r.Checks[0]; result.Outcome != test.outcome || !strings.Contains(result.Message, test.message) {
			t.Errorf("%s: %+v", name, result)
		}
	}

	var dir string
	var ctx context.Context
	outside(t, t.Context(), Harness{Open: func(t testing.TB) driver.Store {
		dir, ctx = t.TempDir(), t.Context()
		if _, err := os.Stat(dir); err != nil {
			t.Fatal(err)
		}
		return correct()
	}}, passes)
	if _, err := os.Stat(dir); !os.IsNotExist(err) || ctx.Err() == nil {
		t.Errorf("after the check: %s: %v, and its context: %v", dir, err, ctx.Err())
	}
}

func TestStandaloneHasAllMethods(t *testing.T) {
	own := reflect.TypeFor[*standalone]()
	for method := range reflect.TypeFor[testing.TB]().Methods() {
		if _, ok := own.MethodByName(method.Name); !ok && method.IsExported() {
			t.Errorf("testing.TB has %s", method.Name)
		}
	}
}

// Run and Conform write the files of a harness with Report, and must agree.
func TestHarnessReport(t *testing.T) {
	dir := t.TempDir()
	h := keepingNothing(func() driver.Store { return null.NewStore() })
	h.Report = filepath.Join(dir, "run")
	t.Run("Run", func(t *testing.T) { Run(t, h) })
	h.Report = filepath.Join(dir, "conform")
	if r := h.Conform(t.Context()); !r.OK() {
		t.Error(r)
	}
	for _, path := range []string{"run", "conform"} {
		text, err := os.ReadFile(filepath.Join(dir, path+".json"))
		var r Report
		if err := errors.Join(err, json.Unmarshal(text, &r)); err != nil {
			t.Fatal(err)
		}
		if !r.OK() || len(r.Checks) != len(Checks()) || r.Passed < 50 {
			t.Errorf("%s: %s", path, r)
		}
		text, err = os.ReadFile(filepath.Join(dir, path+".xml"))
		var suites junitSuites
		if err := errors.Join(err, xml.Unmarshal(text, &suites)); err != nil {
			t.Fatal(err)
		}
		if suites.Tests != len(r.Checks) || suites.Skipped != r.Skipped {
			t.Errorf("%s: %d cases, %d skipped; the JSON has %d and %d", path, suites.Tests, suites.Skipped, len(r.Checks), r.Skipped)
		}
	}
	h.Report = filepath.Join(dir, "no such folder", "report")
	if err := (Report{}).writeFiles(h.Report); err == nil || !strings.Contains(err.Error(), "Harness.Report") {
		t.Errorf("a folder that is not there: %v", err)
	}
}

// An oldStreams is a store whose server reports fewer fields of streams.
type oldStreams struct{ *memory.Store }

func (o oldStreams) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	err := o.Store.Do(ctx, cmds, how)
	for _, c := range cmds {
		if c.Name == "XINFO" && c.Err == nil {
			withoutField(&c.Reply, "entries-added")
			withoutField(&c.Reply, "lag")
		}
	}
	return err
}

// withoutField removes a field and its value from a reply and from nested replies.
func withoutField(r *driver.Reply, name string) {
	for i := range r.Items {
		if string(r.Items[i].Data) == name {
			r.Items = slices.Delete(slices.Clone(r.Items), i, i+2)
			return
		}
		withoutField(&r.Items[i], name)
	}
}

func TestConformFindsOutWhatAServerDoesNotTell(t *testing.T) {
	for name, test := range map[string]struct {
		open func(*memory.Store) driver.Store
		want []string
	}{
		"all is told":  {func(s *memory.Store) driver.Store { return s }, nil},
		"an old store": {func(s *memory.Store) driver.Store { return oldStreams{s} }, []string{"entries-added", "lag"}},
	} {
		h, err := Harness{Open: func(t testing.TB) driver.Store {
			store, err := memory.NewStore(memory.Options{})
			if err != nil {
				t.Fatal(err)
			}
			return test.open(store)
		}}.claiming(t.Context())
		if err != nil || !slices.Equal(h.ServerLacksFields, test.want) {
			t.Errorf("%s: %q are not told, want %q: %v", name, h.ServerLacksFields, test.want, err)
		}
		s, err := newSuite(h, table())
		if err != nil {
			t.Fatal(err)
		}
		for i := range s.checks {
			if strings.Contains(s.checks[i].name, "XINFO") || strings.Contains(s.checks[i].name, "xinfo") {
				if r := s.runStandalone(t.Context(), &s.checks[i]); r.err != nil || r.skipped != "" {
					t.Errorf("%s: %s: %v %s", name, r.name, r.err, r.skipped)
				}
			}
		}
	}
}

func TestConformSaysWhatIsWrong(t *testing.T) {
	for name, test := range map[string]struct {
		report Report
		want   string
	}{
		"no open":       {Conform(t.Context(), nil), "Harness.Open is required"},
		"open fails":    {Conform(t.Context(), func() (driver.Store, error) { return nil, errors.New("redis://u:secret@h refused") }), "opening a store: redis://…@h refused"},
		"a bad harness": {Harness{Open: func(testing.TB) driver.Store { return newCorrect() }, Lacks: []string{"Nothing"}}.Conform(t.Context()), `Harness.Lacks names "Nothing"`},
	} {
		if test.report.OK() || !strings.Contains(test.report.Error, test.want) || test.report.Skipped != len(Checks()) {
			t.Errorf("%s: %s", name, test.report)
		}
	}
	if r := Conform(ended(), func() (driver.Store, error) { return newCorrect(), nil }); r.Passed+r.Failed != 0 || r.Checks[0].Message != "the context has ended: context canceled" {
		t.Errorf("with a context that has ended: %s", r)
	}
}
