// Package servererror makes errors of package driver from error replies of Redis and
// Valkey. Both servers have the same texts, and client libraries pass the texts on, so that
// the package serves all drivers.
package servererror

import (
	"errors"
	"fmt"
	"strings"

	"github.com/xcache-go/xcache/driver"
)

// ErrRefused is the kind of an error reply without a matching sentinel in package driver.
var ErrRefused = errors.New("xcache: server refused the command")

// ErrNoScript is the kind of the error reply to EVALSHA from a server without the script.
// EVAL sends the script in full.
var ErrNoScript = fmt.Errorf("%w: the server does not know it", driver.ErrScript)

// ErrBusyKey is the kind of the error reply to RESTORE for an existing key.
var ErrBusyKey = errors.New("xcache: key exists already")

// Parse returns the error for an error reply. text is the reply without its leading dash.
// cause makes the client library's own error from the text of Clean; nil makes a plain
// error.
//
// The missing key of a RENAME is the bare driver.ErrNotFound. Any other error is a
// *driver.Error. Its outcome is NotApplied, unless the server has ended a script that may
// have written before.
func Parse(text string, cause func(string) error) error {
	if cause == nil {
		cause = errors.New
	}
	reason, aborted := strings.CutPrefix(text, discarded)
	if r := ruleOf(reason); r != nil {
		if r.bare && !strings.Contains(text, "user_script") {
			return r.kind
		}
		native := cause(Clean(text))
		switch {
		case r.redirect:
			native = redirect(reason, native)
		case r.advice != "":
			native = &adviceError{native, r.advice}
		}
		e := driver.Fail(r.kind, driver.NotApplied, native)
		if !aborted && r.unknown || strings.Contains(text, "user_script") && !r.refused {
			e.Outcome = driver.Unknown
		}
		e.Transient = r.transient
		e.Answered = r.answered || !errors.Is(r.kind, driver.ErrUnavailable)
		return e
	}
	e := driver.Fail(ErrRefused, driver.NotApplied, cause(Clean(text)))
	e.Answered = true
	if brokeScript(text) {
		e.Outcome = driver.Unknown
	}
	return e
}

// discarded begins an error reply to EXEC. The reason why the server has run nothing of the
// transaction follows.
const discarded = "EXECABORT Transaction discarded because of: "

// OfArguments returns the error of a command that reads numbers from its arguments only.
// Servers have one text for a malformed number in an argument and in a stored value, so
// that the error becomes driver.ErrSyntax here.
func OfArguments(err error) error {
	e, ok := errors.AsType[*driver.Error](err)
	if !ok || !errors.Is(e.Kind, driver.ErrWrongType) || e.Err == nil || !strings.HasPrefix(e.Err.Error(), "ERR value is not ") {
		return err
	}
	bad := *e
	bad.Kind = driver.ErrSyntax
	return &bad
}

// ruleOf returns the first matching rule for a reply, or nil.
func ruleOf(text string) *rule {
	for _, list := range [][]rule{rules, proxyRules} {
		for i := range list {
			if list[i].matches(text) {
				return &list[i]
			}
		}
	}
	return nil
}

// A rule gives the meaning of error replies. A rule is for replies that begin with prefix
// and contain contains, or for the reply exact.
type rule struct {
	prefix    string
	contains  string
	exact     string
	kind      error
	transient bool
	unknown   bool   // the command may have been applied, or a part of it
	refused   bool   // the command was not applied, although the text is about a script
	bare      bool   // the error is the bare kind
	redirect  bool   // the cause is a RedirectError
	answered  bool   // ErrUnavailable for this call alone: the server serves others
	advice    string // advice for the user
}

func (r *rule) matches(text string) bool {
	if r.exact != "" {
		return text == r.exact
	}
	return strings.HasPrefix(text, r.prefix) && strings.Contains(text, r.contains)
}

// The order of rules counts. Redis 6 puts the error of a command inside the error of its
// script, so that some rules look for contains. Those texts are too long to occur by
// chance.
var rules = []rule{
	{prefix: "WRONGTYPE", kind: driver.ErrWrongType},
	{contains: "WRONGTYPE Operation against a key", kind: driver.ErrWrongType},
	{prefix: "ERR Key should be of string type", kind: driver.ErrWrongType}, // Redis' DELEX
	{prefix: "ERR weight value is not a float", kind: driver.ErrSyntax},
	{contains: "value is not an integer", kind: driver.ErrWrongType},
	{contains: "value is not a valid float", kind: driver.ErrWrongType},
	{contains: "value is not a float", kind: driver.ErrWrongType},
	{contains: "decrement would overflow", kind: driver.ErrOverflow},
	{contains: "increment would produce NaN or Infinity", kind: driver.ErrOverflow},
	{contains: "resulting score is not a number (NaN)", kind: driver.ErrOverflow},
	{prefix: "ERR no such key", kind: driver.ErrNotFound, bare: true},
	{prefix: "ERR syntax error", kind: driver.ErrSyntax},
	{prefix: "ERR wrong number of arguments", kind: driver.ErrSyntax},
	{prefix: "ERR Unsupported option", kind: driver.ErrSyntax},
	{prefix: "ERR unknown argument", kind: driver.ErrSyntax}, // this rule and the next two: hashes since Redis 8.6
	{prefix: "ERR invalid number of fields", kind: driver.ErrSyntax},
	{prefix: "ERR Only one of ", kind: driver.ErrSyntax},
	{prefix: "ERR invalid expire time", kind: driver.ErrSyntax},
	{prefix: "ERR value is out of range", kind: driver.ErrSyntax},
	{prefix: "ERR ", contains: "options at the same time are not compatible", kind: driver.ErrSyntax},
	{prefix: "ERR Number of keys can't be", kind: driver.ErrSyntax},
	{prefix: "ERR numkeys should be greater than 0", kind: driver.ErrSyntax},
	{prefix: "ERR count should be greater than 0", kind: driver.ErrSyntax},
	{prefix: "ERR index out of range", kind: driver.ErrSyntax},
	{prefix: "ERR RANK can't be", kind: driver.ErrSyntax},
	{prefix: "ERR COUNT can't be", kind: driver.ErrSyntax},
	{prefix: "ERR MAXLEN can't be", kind: driver.ErrSyntax},
	{prefix: "ERR LIMIT can't be", kind: driver.ErrSyntax},
	{prefix: "ERR invalid cursor", kind: driver.ErrSyntax},
	{prefix: "ERR Mandatory argument FIELDS", kind: driver.ErrSyntax},
	{prefix: "ERR Mandatory keyword FIELDS", kind: driver.ErrSyntax},
	{prefix: "ERR The `numfields` parameter", kind: driver.ErrSyntax},
	{prefix: "ERR Parameter `numFields`", kind: driver.ErrSyntax},
	{prefix: "ERR Number of fields must be", kind: driver.ErrSyntax},
	{prefix: "ERR numfields should be", kind: driver.ErrSyntax},
	{prefix: "ERR Only one of FXX or FNX", kind: driver.ErrSyntax},
	{prefix: "ERR value is NaN or Infinity", kind: driver.ErrSyntax},
	{prefix: "ERR min or max ", kind: driver.ErrSyntax},
	{prefix: "ERR INCR option supports a single", kind: driver.ErrSyntax},
	{prefix: "ERR at least 1 input key is needed", kind: driver.ErrSyntax},
	{prefix: "ERR LIMIT can't be negative", kind: driver.ErrSyntax},
	{prefix: "ERR Invalid stream ID", kind: driver.ErrSyntax},
	{prefix: "ERR invalid start ID", kind: driver.ErrSyntax},
	{prefix: "ERR invalid end ID", kind: driver.ErrSyntax},
	{prefix: "ERR The ID specified in XADD", kind: driver.ErrSyntax},
	{prefix: "ERR The stream has exhausted", kind: driver.ErrSyntax},
	{prefix: "ERR The MAXLEN argument must be", kind: driver.ErrSyntax},
	{prefix: "ERR The LIMIT argument must be", kind: driver.ErrSyntax},
	{prefix: "ERR The $ ID ", kind: driver.ErrSyntax},
	{prefix: "ERR The > ID ", kind: driver.ErrSyntax},
	{prefix: "ERR Unbalanced ", kind: driver.ErrSyntax},
	{prefix: "ERR Missing GROUP option", kind: driver.ErrSyntax},
	{prefix: "ERR Invalid min-idle-time", kind: driver.ErrSyntax},
	{prefix: "ERR Unrecognized XCLAIM option", kind: driver.ErrSyntax},
	{prefix: "ERR COUNT must be", kind: driver.ErrSyntax},
	{prefix: "ERR value for ENTRIESREAD", kind: driver.ErrSyntax},
	{prefix: "NOGROUP", kind: driver.ErrNotFound, bare: true},
	{prefix: "ERR The XGROUP subcommand requires the key to exist", kind: driver.ErrNotFound, bare: true},
	{prefix: "BUSYGROUP", kind: driver.ErrNotStored, bare: true},
	{prefix: noScript, kind: ErrNoScript},
	{prefix: notCompiled, kind: driver.ErrSyntax, refused: true},
	{prefix: "BUSYKEY", kind: ErrBusyKey},

	{prefix: "LOADING", kind: driver.ErrUnavailable, transient: true},
	{prefix: "MASTERDOWN", kind: driver.ErrUnavailable, transient: true},
	{prefix: "CLUSTERDOWN", kind: driver.ErrUnavailable, transient: true},
	{prefix: "TRYAGAIN", kind: driver.ErrUnavailable, transient: true, answered: true},
	{prefix: "BUSY ", kind: driver.ErrUnavailable, transient: true},
	{prefix: "UNBLOCKED", kind: driver.ErrUnavailable, transient: true, answered: true},
	{prefix: "NOREPLICAS", kind: driver.ErrUnavailable, transient: true, answered: true},
	{prefix: "ERR max number of clients", kind: driver.ErrUnavailable, transient: true},
	{prefix: "MISCONF", kind: driver.ErrUnavailable, answered: true},
	{prefix: "MOVED ", kind: driver.ErrUnavailable, redirect: true, answered: true},
	{prefix: "ASK ", kind: driver.ErrUnavailable, redirect: true, answered: true},
	{prefix: "READONLY", kind: driver.ErrReadOnly, transient: true},
	{contains: "READONLY You can't write against", kind: driver.ErrReadOnly, transient: true},
	{prefix: "OOM", kind: driver.ErrOutOfMemory},
	{contains: "OOM command not allowed", kind: driver.ErrOutOfMemory},

	{prefix: "NOAUTH", kind: driver.ErrAuth},
	{prefix: "WRONGPASS", kind: driver.ErrAuth},
	{prefix: "NOPERM", kind: driver.ErrAuth},
	{prefix: "DENIED", kind: driver.ErrAuth},
	{prefix: "ERR invalid password", kind: driver.ErrAuth},
	{prefix: "ERR operation not permitted", kind: driver.ErrAuth},
	{prefix: "ERR Client sent AUTH", kind: driver.ErrAuth},
	{prefix: "ERR AUTH", kind: driver.ErrAuth},
	{contains: "The user executing the script can't", kind: driver.ErrAuth},
	{prefix: "ERR ACL failure in script", kind: driver.ErrAuth},

	{prefix: "CROSSSLOT", kind: driver.ErrCrossSlot, advice: "a DSN that begins with redis+cluster:// or valkey+cluster:// has batches divided"},
	{prefix: "ERR SELECT is not allowed in cluster mode", kind: errors.ErrUnsupported, advice: noDatabases},
	{prefix: "ERR DB index is out of range", kind: errors.ErrUnsupported, advice: tooFewDatabases},
	{contains: "Protocol error: invalid bulk length", kind: driver.ErrTooLarge},
	{contains: "Protocol error: invalid multibulk length", kind: driver.ErrTooLarge},
	{prefix: "ERR string exceeds maximum allowed size", kind: driver.ErrTooLarge},
	{prefix: "ERR unknown command", kind: errors.ErrUnsupported},
	{prefix: "ERR unknown subcommand", kind: errors.ErrUnsupported},
	{prefix: "ERR Unknown subcommand", kind: errors.ErrUnsupported},
	{prefix: "ERR unsupported command", kind: errors.ErrUnsupported},
	{prefix: "ERR command '", contains: "' is not allowed", kind: errors.ErrUnsupported},
	{prefix: "ERR This instance has cluster support disabled", kind: errors.ErrUnsupported},
}

// Advice for the user of a DSN with a database that the server does not have.
const (
	noDatabases = "this cluster has database 0 and no other: leave the number out of the DSN, " +
		"or use Valkey 9 with cluster-databases in its configuration"
	tooFewDatabases = "the server has fewer databases: give the DSN a smaller number, " +
		"or raise databases in the server's configuration, of a cluster cluster-databases"
)

// IsNoDatabase reports whether a server has refused to select a database that does not
// exist.
func IsNoDatabase(err error) bool {
	advice, ok := errors.AsType[*adviceError](err)
	return ok && (advice.advice == noDatabases || advice.advice == tooFewDatabases)
}

// proxyRules are for replies of proxies without a server. Proxies divide commands on
// several keys, so that an error may be the error of a part.
var proxyRules = []rule{
	// Envoy
	{prefix: "unsupported command", kind: errors.ErrUnsupported},
	{exact: "no upstream host", kind: driver.ErrUnavailable, transient: true},
	{exact: "upstream failure", kind: driver.ErrUnavailable, transient: true, unknown: true},
	{exact: "upstream protocol error", kind: driver.ErrUnavailable, unknown: true},
	{prefix: "finished with ", contains: " error(s)", kind: driver.ErrUnavailable, unknown: true},
	// twemproxy, which passes errors of the system on
	{exact: "ERR Connection refused", kind: driver.ErrUnavailable, transient: true, unknown: true},
	{exact: "ERR Connection timed out", kind: driver.ErrUnavailable, transient: true, unknown: true},
	{exact: "ERR Operation timed out", kind: driver.ErrUnavailable, transient: true, unknown: true},
	{exact: "ERR Connection reset by peer", kind: driver.ErrUnavailable, transient: true, unknown: true},
	{exact: "ERR Broken pipe", kind: driver.ErrUnavailable, transient: true, unknown: true},
	{exact: "ERR No route to host", kind: driver.ErrUnavailable, transient: true, unknown: true},
	{exact: "ERR Network is unreachable", kind: driver.ErrUnavailable, transient: true, unknown: true},
	{exact: "ERR Host is down", kind: driver.ErrUnavailable, transient: true, unknown: true},
	{exact: "ERR Host is unreachable", kind: driver.ErrUnavailable, transient: true, unknown: true},
	{exact: "ERR Cannot assign requested address", kind: driver.ErrUnavailable, transient: true, unknown: true},
	{exact: "ERR Resource temporarily unavailable", kind: driver.ErrUnavailable, transient: true, unknown: true},
	{exact: "ERR Invalid argument", kind: driver.ErrUnavailable, unknown: true},
	{exact: "ERR unknown", kind: driver.ErrUnavailable, unknown: true},
	{prefix: "SERVER_ERROR", kind: driver.ErrUnavailable, unknown: true},
	{prefix: "Server Error", kind: driver.ErrUnavailable, unknown: true},
	{prefix: "ERR Server Error", kind: driver.ErrUnavailable, unknown: true},
}

// brokeScript reports whether a script was ended early, perhaps after a write.
func brokeScript(text string) bool {
	return strings.Contains(text, "user_script") || strings.HasPrefix(text, "ERR Error running script") ||
		strings.Contains(text, "Script killed by user")
}

// maxLength is the limit of a server's text in an error.
const maxLength = 200

// Clean returns an error reply without text that may be a key or a value: quoted arguments,
// and all other quoted text but names of commands.
func Clean(text string) string {
	text, _, _ = strings.Cut(text, ", with args")
	text, _, _ = strings.Cut(text, "\n")
	var b strings.Builder
	for text != "" {
		open := strings.IndexAny(text, "'\"`")
		if open < 0 || isApostrophe(text, open) && !strings.ContainsAny(text[open+1:], "'\"`") {
			break
		}
		if isApostrophe(text, open) {
			b.WriteString(text[:open+1])
			text = text[open+1:]
			continue
		}
		quoted, rest, closed := strings.Cut(text[open+1:], text[open:open+1])
		b.WriteString(text[:open])
		if closed && quotesCommand(text[:open], rest) && isCommand(quoted) {
			b.WriteString("'" + quoted + "'")
		} else {
			b.WriteString("'…'")
		}
		text = rest
		if !closed {
			text = ""
		}
	}
	b.WriteString(text)
	clean := b.String()
	if len(clean) > maxLength {
		clean = strings.ToValidUTF8(clean[:maxLength], "") + "…"
	}
	return strings.ToValidUTF8(clean, "?")
}

// isApostrophe reports whether text[i] stands inside a word, as in "can't".
func isApostrophe(text string, i int) bool {
	return text[i] == '\'' && i > 0 && i+1 < len(text) && isLetter(text[i-1]) && isLetter(text[i+1])
}

// quotesCommand reports whether the quoted text between before and after is the name of a
// command.
func quotesCommand(before, after string) bool {
	return strings.HasSuffix(before, "unknown command ") ||
		strings.HasSuffix(before, "unsupported command ") ||
		strings.HasSuffix(before, "ERR command ") && strings.HasPrefix(after, " is not allowed") ||
		strings.HasSuffix(before, "unknown subcommand ") ||
		strings.HasSuffix(before, "for ") && strings.HasPrefix(after, " command") ||
		strings.HasSuffix(before, "run the ") && strings.HasPrefix(after, " command")
}

func isCommand(word string) bool {
	for i := range len(word) {
		if c := word[i]; !isLetter(c) && c != '.' && c != '|' && c != '_' && c != '-' && (c < '0' || c > '9') {
			return false
		}
	}
	return word != "" && len(word) <= 32
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
