package xcachetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
)

// A script is a sequence of calls of methods of typed handles, with the wanted results. A
// script makes two checks: each call alone, and all calls in one pipeline.
type script struct {
	name  string // "lists/push"; in a pipeline "lists-queued/push"
	rule  string
	needs []string // the commands that the calls need
	calls []call
}

// atCall is an argument that is computed at the time of the call, such as a point in time.
type atCall func() any

// A call is a call of a method, with the wanted result.
type call struct {
	on     string // the handle, by a word of handlesOf
	method string
	args   []any // without the context
	want   any
	err    error
	// untold, if set, replaces want for a server without a field of XINFO.
	untold any
	field  string
	// compare, if set, replaces want.
	compare func(got any) error
	// open, if set, makes the handle. Then on is only its name.
	open func(*xcache.Cache) (any, error)
	// code is the wanted code of the xcache.ScriptError.
	code string
}

// do begins a call of a handle's method.
func do(on, method string, args ...any) call { return call{on: on, method: method, args: args} }

// gives wants a result.
func (c call) gives(want any) call {
	c.want = want
	return c
}

// orUntold wants another result from a server without a field of XINFO.
func (c call) orUntold(field string, want any) call {
	c.field, c.untold = field, want
	return c
}

// givesAll wants these elements in any order.
func (c call) givesAll(want ...string) call {
	slices.Sort(want)
	c.compare = func(got any) error {
		elements, _ := got.([]string)
		elements = slices.Clone(elements)
		slices.Sort(elements)
		return that(slices.Equal(elements, want), "it returned %q, want %q in any order", got, want)
	}
	return c
}

// givesOneOf wants one of these elements.
func (c call) givesOneOf(want ...string) call {
	c.compare = func(got any) error {
		element, _ := got.(string)
		return that(slices.Contains(want, element), "it returned %q, want one of %q", got, want)
	}
	return c
}

// givesSome wants a number of elements, all of them among these. With different, no two may
// be equal.
func (c call) givesSome(number int, different bool, of ...string) call {
	c.compare = func(got any) error {
		elements, _ := got.([]string)
		sorted := slices.Sorted(slices.Values(elements))
		foreign := slices.ContainsFunc(elements, func(e string) bool { return !slices.Contains(of, e) })
		twice := different && len(slices.Compact(sorted)) != number
		return that(len(elements) == number && !foreign && !twice, "it returned %q, want %d of %q", got, number, of)
	}
	return c
}

// fails wants an error.
func (c call) fails(err error) call {
	c.err = err
	return c
}

// says wants a ScriptError with a code.
func (c call) says(code string) call {
	c.err, c.code = xcache.ErrScript, code
	return c
}

// allScripts returns the scripts of each handle.
func allScripts() [][]script {
	return [][]script{listScripts(), setScripts(), hashScripts(), sortedSetScripts(), streamScripts(), streamGroupScripts(), luaScripts()}
}

// scriptChecks returns the checks of all scripts.
func scriptChecks() []check {
	var checks []check
	for _, scripts := range allScripts() {
		for _, sc := range scripts {
			checks = append(checks, sc.checks()...)
		}
	}
	return checks
}

// checks returns the two checks of a script.
func (sc *script) checks() []check {
	inPipeline := check{
		name:  strings.Replace(sc.name, "/", "-queued/", 1),
		rule:  "in a pipeline: " + sc.rule,
		needs: append(queued(sc.needs...), sc.needs...),
		run:   func(s *subject) error { return sc.run(s, runQueued) },
	}
	return []check{{
		name:  sc.name,
		rule:  sc.rule,
		needs: sc.needs,
		run:   func(s *subject) error { return sc.run(s, runAlone) },
	}, inPipeline}
}

func (sc *script) run(s *subject, run func(context.Context, *xcache.Cache, map[string]any, []call) []outcome) error {
	cached, err := s.cache()
	if err != nil {
		return err
	}
	handles, err := handlesOf(cached, sc.calls)
	if err != nil {
		return err
	}
	var errs []error
	for i, got := range run(noDeadline, cached.Cache, handles, sc.calls) {
		c := sc.calls[i]
		if c.untold != nil && slices.Contains(s.h.ServerLacksFields, c.field) {
			c.want = c.untold
		}
		if err := c.check(got); err != nil {
			errs = append(errs, fmt.Errorf("call %d, %w", i+1, err))
		}
	}
	return errors.Join(errs...)
}

// handlesOf makes the handles that calls need.
func handlesOf(c *cached, calls []call) (map[string]any, error) {
	makers := map[string]func() (any, error){
		"cache":   func() (any, error) { return c.Cache, nil },
		"texts":   func() (any, error) { return c.texts, nil },
		"lists":   func() (any, error) { return mixins.NewLists[string](c.Cache) },
		"sets":    func() (any, error) { return mixins.NewSets[string](c.Cache) },
		"hashes":  func() (any, error) { return mixins.NewHashes[string](c.Cache) },
		"counts":  func() (any, error) { return mixins.NewHashes[int](c.Cache) },
		"zsets":   func() (any, error) { return mixins.NewSortedSets[string](c.Cache) },
		"streams": func() (any, error) { return mixins.NewStreams[string](c.Cache) },
	}
	handles := map[string]any{}
	for _, call := range calls {
		if handles[call.on] != nil {
			continue
		}
		open := makers[call.on]
		if call.open != nil {
			open = func() (any, error) { return call.open(c.Cache) }
		}
		handle, err := open()
		if err != nil {
			return nil, fmt.Errorf("the handle of %s: %w", call.on, err)
		}
		handles[call.on] = handle
	}
	return handles, nil
}

// An outcome is the result of a call.
type outcome struct {
	result any // nil for a method that returns only an error
	err    error
}

func (c call) check(got outcome) error {
	what := fmt.Sprintf("%s.%s%s", c.on, c.method, argsText(c.args))
	if c.code != "" {
		failed, _ := errors.AsType[*xcache.ScriptError](got.err)
		return that(errors.Is(got.err, c.err) && failed != nil && failed.Code() == c.code, "%s: the error is %v, want one with the code %s", what, got.err, c.code)
	}
	if c.err != nil || got.err != nil {
		return that(errors.Is(got.err, c.err) && c.err != nil, "%s: the error is %v, want %v", what, got.err, errText(c.err))
	}
	if c.compare != nil {
		if err := c.compare(got.result); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		return nil
	}
	if c.want == nil {
		return nil
	}
	return that(sameResult(got.result, c.want), "%s returned %#v, want %#v", what, got.result, c.want)
}

// sameResult compares results. For an empty result, nil equals an empty list.
func sameResult(got, want any) bool {
	g, w := reflect.ValueOf(got), reflect.ValueOf(want)
	if g.IsValid() && g.Type() == w.Type() && (w.Kind() == reflect.Slice || w.Kind() == reflect.Map) && w.Len() == 0 {
		return g.Len() == 0
	}
	return reflect.DeepEqual(got, want)
}

func argsText(args []any) string {
	texts := make([]string, len(args))
	for i, arg := range args {
		if made, ok := arg.(atCall); ok {
			arg = made()
		}
		texts[i] = fmt.Sprintf("%#v", arg)
	}
	return "(" + strings.Join(texts, ", ") + ")"
}

// runAlone makes each call on its own.
func runAlone(ctx context.Context, _ *xcache.Cache, handles map[string]any, calls []call) []outcome {
	outcomes := make([]outcome, len(calls))
	for i, c := range calls {
		outcomes[i] = outcomeOf(invoke(handles[c.on], c.method, append([]any{ctx}, c.args...)))
	}
	return outcomes
}

// runQueued queues all calls in one pipeline.
func runQueued(ctx context.Context, c *xcache.Cache, handles map[string]any, calls []call) []outcome {
	p := c.Pipeline()
	results := make([]reflect.Value, len(calls))
	for i, c := range calls {
		var handle any = p
		if in := reflect.ValueOf(handles[c.on]).MethodByName("In"); in.IsValid() {
			handle = in.Call([]reflect.Value{reflect.ValueOf(p)})[0].Interface()
		}
		results[i] = invoke(handle, c.method, c.args)[0]
	}
	execErr := p.Exec(ctx)
	outcomes := make([]outcome, len(calls))
	failed := false
	for i := range results {
		outcomes[i] = outcomeOf(results[i].MethodByName("Value").Call(nil))
		failed = failed || outcomes[i].err != nil && !errors.Is(outcomes[i].err, xcache.ErrNotFound)
	}
	if !failed && execErr != nil {
		return []outcome{{err: fmt.Errorf("no operation failed, and Exec returned %w", execErr)}}
	}
	return outcomes
}

// invoke calls a method. Constants are converted to the types of its parameters.
func invoke(handle any, method string, args []any) []reflect.Value {
	m := reflect.ValueOf(handle).MethodByName(method)
	if !m.IsValid() {
		panic(fmt.Sprintf("xcachetest: %T has no method %s", handle, method))
	}
	values := make([]reflect.Value, len(args))
	for i, arg := range args {
		if made, ok := arg.(atCall); ok {
			arg = made()
		}
		values[i] = reflect.ValueOf(arg)
	}
	return m.Call(values)
}

func outcomeOf(returned []reflect.Value) outcome {
	var o outcome
	if err, ok := reflect.TypeAssert[error](returned[len(returned)-1]); ok {
		o.err = err
	}
	if len(returned) > 1 {
		o.result = returned[0].Interface()
	}
	return o
}
