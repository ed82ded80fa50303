package xcachetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// wantErr compares errors with errors.Is; format describes the call.
func (s *subject) wantErr(got, want error, format string, args ...any) error {
	if want == nil && got == nil || want != nil && errors.Is(got, want) {
		return nil
	}
	return fmt.Errorf("%s: error is %w, want %v", fmt.Sprintf(format, args...), orNone(got), errText(want))
}

// wantContextErr wants the error of a call whose context has ended.
func (s *subject) wantContextErr(got, want error, format string, args ...any) error {
	return errors.Join(s.wantErr(got, want, format, args...),
		that(!errors.Is(got, driver.ErrUnavailable), "%s: %v blames the server for the end of the caller's context", fmt.Sprintf(format, args...), got))
}

// wantUnanswered wants the error of a call that the store has given up.
func (s *subject) wantUnanswered(got error, format string, args ...any) error {
	blamed := errors.Is(got, context.DeadlineExceeded) || errors.Is(got, context.Canceled)
	return errors.Join(s.wantErr(got, driver.ErrUnavailable, format, args...),
		that(!blamed, "%s: %v matches a context's error, and no context has ended", fmt.Sprintf(format, args...), got))
}

// expect compares values other than errors.
func expect[T comparable](got, want T, format string, args ...any) error {
	if got == want {
		return nil
	}
	return fmt.Errorf("%s = %v, want %v", fmt.Sprintf(format, args...), got, want)
}

// that checks a condition.
func that(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf(format, args...)
}

// sameReply compares replies. A whole number may be a text, as from old servers. A score is
// a number in every version of RESP.
func sameReply(got, want driver.Reply) bool {
	switch want.Kind {
	case driver.ReplyInt:
		n, err := got.AsInt()
		return err == nil && n == want.Int
	case driver.ReplyData:
		return got.Kind == driver.ReplyData && bytes.Equal(got.Data, want.Data)
	case driver.ReplyArray:
		return got.Kind == driver.ReplyArray && slices.EqualFunc(got.Items, want.Items, sameReply)
	case driver.ReplyFloat:
		return got.Kind == driver.ReplyFloat && got.Float == want.Float
	default:
		return got.Kind == want.Kind
	}
}

var errNone = errors.New("nil")

// errText returns the text of a wanted error.
func errText(err error) string { return orNone(err).Error() }

// isBare reports whether an error is the sentinel itself. Callers may compare such an error
// with ==, without an allocation.
func isBare(err, sentinel error) bool {
	return err == sentinel //nolint:errorlint // an unwrapped error is the rule
}

// orNone returns err, or an error with a text for nil.
func orNone(err error) error {
	if err == nil {
		return errNone
	}
	return err
}

// cmpErr returns the error of the call, or else the error of its only key.
func cmpErr(call, own error) error {
	if call != nil {
		return call
	}
	return own
}

func entryErrs(entries []driver.Entry) error {
	errs := make([]error, len(entries))
	for i := range entries {
		errs[i] = entries[i].Err
	}
	return errors.Join(errs...)
}

// Texts show keys without the prefix of the check.

func (s *subject) show(key string) string {
	if rest, ok := strings.CutPrefix(key, s.prefix); ok {
		return quote(rest)
	}
	return quote(key)
}

func (s *subject) showAll(keys []string) string {
	var texts []string
	for _, key := range keys[:min(len(keys), 5)] {
		texts = append(texts, s.show(key))
	}
	if len(keys) > 5 {
		texts = append(texts, fmt.Sprintf("… %d keys", len(keys)))
	}
	return strings.Join(texts, ", ")
}

func (s *subject) commandText(name string, args []driver.Arg) string {
	texts := []string{}
	for _, arg := range args {
		if arg.Role == driver.RoleKey {
			texts = append(texts, s.show(arg.Text))
		} else {
			texts = append(texts, quote(arg.String()))
		}
	}
	return name + "(" + strings.Join(texts, ", ") + ")"
}

// quote quotes a text, and only the beginning of a long text.
func quote(text string) string {
	const enough = 60
	if len(text) <= enough {
		return strconv.Quote(text)
	}
	return fmt.Sprintf("%q… (%d bytes)", text[:enough], len(text))
}

func ttlText(ttl time.Duration) string {
	switch ttl {
	case driver.NoExpiry:
		return "NoExpiry"
	case driver.KeepTTL:
		return "KeepTTL"
	}
	return ttl.String()
}

func condText(cond driver.Cond) string {
	return [...]string{"Always", "IfAbsent", "IfPresent"}[cond]
}

func replyText(r driver.Reply) string {
	switch r.Kind {
	case driver.ReplyNil:
		return "nil"
	case driver.ReplyInt:
		return strconv.FormatInt(r.Int, 10)
	case driver.ReplyFloat:
		return fmt.Sprint(r.Float)
	case driver.ReplyData:
		return quote(string(r.Data))
	case driver.ReplyArray:
		var texts []string
		for _, item := range r.Items {
			texts = append(texts, replyText(item))
		}
		return "[" + strings.Join(texts, ", ") + "]"
	}
	return fmt.Sprintf("error %v", r.Err)
}
