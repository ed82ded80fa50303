package xcachetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/stopwatch"
)

func inspectChecks() []check {
	return []check{
		{
			name:  "inspect/at-any-time",
			rule:  "Inspect may be called before the first call, beside others and after Close; each server has an address, no time is in the future, and the JSON of it all can be read back",
			needs: needs(inspector),
			run: func(s *subject) error {
				errs := []error{wantInspection(s.caps.Inspector, "before the first call")}
				key := s.key("k")
				errs = append(errs, together(rivals, func(i int) error {
					if i%2 == 0 {
						return s.set(key, "a value that nobody may show", long)
					}
					return wantInspection(s.caps.Inspector, "beside calls")
				}))
				errs = append(errs, wantInspection(s.caps.Inspector, "after calls"), s.hidesWhatItHolds(key), s.end())
				return errors.Join(append(errs, wantInspection(s.caps.Inspector, "after Close"))...)
			},
		},
		{
			name:  "inspect/asks-nobody",
			rule:  "Inspect sends nothing, and returns at once while the server is silent",
			needs: needs(inspector, behindAddr),
			run: func(s *subject) error {
				f, err := s.proxied(s.key("k"))
				if err != nil {
					return err
				}
				f.proxy.ResetStats()
				f.proxy.Stall()
				watch := stopwatch.Start()
				err = wantInspection(f.caps.Inspector, "at a silent server")
				took := watch.Stop()
				sent := f.proxy.Stats().RequestBytes
				f.proxy.Resume()
				return errors.Join(err, that(sent == 0, "Inspect sent %d bytes", sent), that(took < promptly, "Inspect took %v", took), f.close())
			},
		},
	}
}

// wantInspection returns the errors of an inspection.
func wantInspection(i driver.Inspector, when string) error {
	inspection := i.Inspect()
	now := time.Now().Add(time.Minute) // clocks may be adjusted
	var errs []error
	past := func(t time.Time, what string) {
		errs = append(errs, that(t.Before(now), "Inspect %s: %s is %v, in the future", when, what, t))
	}
	past(inspection.Learnt, "Learnt")
	for _, server := range inspection.Servers {
		errs = append(errs, that(server.Addr != "", "Inspect %s: a server without an address: %+v", when, server))
		past(server.Since, "Since")
		past(server.LastErrorAt, "LastErrorAt")
	}
	text, err := json.Marshal(inspection)
	if err != nil {
		return errors.Join(append(errs, fmt.Errorf("the JSON of Inspect %s: %w", when, err))...)
	}
	var read driver.Inspection
	if err := json.Unmarshal(text, &read); err != nil {
		return errors.Join(append(errs, fmt.Errorf("reading the JSON of Inspect %s: %w", when, err))...)
	}
	again, err := json.Marshal(read)
	errs = append(errs, err, that(reflect.DeepEqual(text, again), "Inspect %s: the JSON changes when it is read: %s, %s", when, text, again))
	return errors.Join(errs...)
}

// hidesWhatItHolds returns an error if an inspection shows a key or a value of the store.
func (s *subject) hidesWhatItHolds(key string) error {
	text := fmt.Sprintf("%+v", s.caps.Inspector.Inspect())
	return that(!strings.Contains(text, key) && !strings.Contains(text, "nobody may show"), "Inspect shows a key or a value: %s", text)
}
