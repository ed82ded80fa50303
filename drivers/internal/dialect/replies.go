package dialect

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/keyslot"
)

// The versions of RESP shape some replies differently. Here each reply gets the one shape
// that drivers answer with: scores are numbers, and what comes in pairs is flat, a name and
// its value in turn.

// reshapings has what is done to the replies of each command that has such a reply, by the
// index of its row.
var reshapings = func() []func(c *driver.Cmd) {
	byName := map[string]func(*driver.Cmd){
		"XREAD":       func(c *driver.Cmd) { flatten(&c.Reply) },
		"XREADGROUP":  func(c *driver.Cmd) { flatten(&c.Reply) },
		"XPENDING":    pendingSummary,
		"XINFO":       streamInfo,
		"BZMPOP":      func(c *driver.Cmd) { ReshapeWaiting(c.Name, &c.Reply) }, // of sessions, in Do
		"BZPOPMAX":    func(c *driver.Cmd) { ReshapeWaiting(c.Name, &c.Reply) },
		"BZPOPMIN":    func(c *driver.Cmd) { ReshapeWaiting(c.Name, &c.Reply) },
		"HRANDFIELD":  func(c *driver.Cmd) { flatten(&c.Reply) },
		"ZADD":        func(c *driver.Cmd) { scoreUnlessCount(&c.Reply) },
		"ZINCRBY":     func(c *driver.Cmd) { score(&c.Reply) },
		"ZSCORE":      func(c *driver.Cmd) { score(&c.Reply) },
		"ZMSCORE":     func(c *driver.Cmd) { each(c.Reply.Items, score) },
		"ZRANK":       func(c *driver.Cmd) { second(&c.Reply, score) },
		"ZREVRANK":    func(c *driver.Cmd) { second(&c.Reply, score) },
		"ZPOPMIN":     func(c *driver.Cmd) { scoredMembers(&c.Reply) },
		"ZPOPMAX":     func(c *driver.Cmd) { scoredMembers(&c.Reply) },
		"ZMPOP":       func(c *driver.Cmd) { second(&c.Reply, scoredMembers) },
		"ZSCAN":       func(c *driver.Cmd) { second(&c.Reply, scoredMembers) },
		"ZRANGE":      withScores(3),
		"ZRANDMEMBER": withScores(2),
		"ZDIFF":       withScores(2),
		"ZINTER":      withScores(2),
		"ZUNION":      withScores(2),
	}
	rows := driver.Commands()
	list := make([]func(*driver.Cmd), len(rows))
	for i := range rows {
		list[i] = byName[rows[i].Name]
	}
	return list
}()

// reshape gives the replies of commands the shape that drivers answer with.
func reshape(cmds []*driver.Cmd) {
	for _, c := range cmds {
		if errors.Is(c.Err, driver.ErrCrossSlot) && inOneSlot(c) {
			c.Err = driver.Fail(driver.ErrSyntax, driver.NotApplied, errors.New("the server takes other arguments for keys than those that are given as keys"))
		}
		if errors.Is(c.Err, errors.ErrUnsupported) && hasSubcommand(c) {
			c.Err = driver.Fail(driver.ErrSyntax, driver.NotApplied, errors.New("wrong number of arguments for "+c.Name+" "+c.Args[0].String()))
		}
		i := c.Command().Index()
		if i < 0 || reshapings[i] == nil || c.Err != nil {
			continue
		}
		reshapings[i](c)
	}
}

// ReshapeWaiting gives the reply to a command that waits the shape that drivers answer with.
// Its arguments do not matter for that.
func ReshapeWaiting(name string, reply *driver.Reply) {
	switch name {
	case "BZPOPMIN", "BZPOPMAX":
		if len(reply.Items) == 3 {
			score(&reply.Items[2])
		}
	case "BZMPOP":
		second(reply, scoredMembers)
	case "XREAD", "XREADGROUP":
		flatten(reply)
	}
}

// subcommands are those that every server has. Redis 6.0 gives a wrong number of arguments to
// one, and a subcommand that it does not know, the same error.
var subcommands = map[string][]string{
	"XGROUP": {"CREATE", "DELCONSUMER", "DESTROY", "SETID"},
	"XINFO":  {"CONSUMERS", "GROUPS", "STREAM"},
}

// hasSubcommand reports whether every server has the subcommand of a command.
func hasSubcommand(c *driver.Cmd) bool {
	return len(c.Args) > 0 && slices.ContainsFunc(subcommands[c.Name], func(name string) bool {
		return strings.EqualFold(name, c.Args[0].String())
	})
}

// inOneSlot reports whether the keys of a command are in one slot of a cluster. A server that
// says otherwise has read the command in another way, by a wrong number of keys, say.
func inOneSlot(c *driver.Cmd) bool {
	first := -1
	for i := range c.Args {
		if c.Args[i].Role != driver.RoleKey {
			continue
		}
		switch slot := int(keyslot.Of(c.Args[i].Text)); first {
		case -1, slot:
			first = slot
		default:
			return false
		}
	}
	return true
}

// score makes a number of the text of one. What is neither stays, for the caller to find
// that the server answers something else.
func score(r *driver.Reply) {
	switch r.Kind {
	case driver.ReplyInt:
		*r = driver.FloatReply(float64(r.Int))
	case driver.ReplyData:
		if f, err := strconv.ParseFloat(string(r.Data), 64); err == nil {
			*r = driver.FloatReply(f)
		}
	}
}

// scoreUnlessCount is score for a reply that may be a number of members.
func scoreUnlessCount(r *driver.Reply) {
	if r.Kind == driver.ReplyData {
		score(r)
	}
}

func each(items []driver.Reply, change func(*driver.Reply)) {
	for i := range items {
		change(&items[i])
	}
}

// second changes the second of two elements.
func second(r *driver.Reply, change func(*driver.Reply)) {
	if len(r.Items) == 2 {
		change(&r.Items[1])
	}
}

// scoredMembers changes a list of members and their scores.
func scoredMembers(r *driver.Reply) {
	flatten(r)
	for i := 1; i < len(r.Items); i += 2 {
		score(&r.Items[i])
	}
}

// withScores changes a list of members that has their scores if WITHSCORES is among the
// arguments from one on.
func withScores(from int) func(*driver.Cmd) {
	return func(c *driver.Cmd) {
		for i := from; i < len(c.Args); i++ {
			if c.Args[i].Role != driver.RoleKey && strings.EqualFold(c.Args[i].String(), "WITHSCORES") {
				scoredMembers(&c.Reply)
				return
			}
		}
	}
}

// flatten puts the elements of pairs one behind the other, if the list is one of pairs.
func flatten(r *driver.Reply) {
	if len(r.Items) == 0 || r.Items[0].Kind != driver.ReplyArray {
		return
	}
	flat := make([]driver.Reply, 0, 2*len(r.Items))
	for i := range r.Items {
		if len(r.Items[i].Items) != 2 {
			return
		}
		flat = append(flat, r.Items[i].Items...)
	}
	r.Items = flat
}

// pendingSummary changes what XPENDING answers without a range: behind three elements the
// consumers, each with a number as text.
func pendingSummary(c *driver.Cmd) {
	if len(c.Args) != 2 || len(c.Reply.Items) != 4 {
		return
	}
	consumers := &c.Reply.Items[3]
	flatten(consumers)
	for i := 1; i < len(consumers.Items); i += 2 {
		if n, err := consumers.Items[i].AsInt(); err == nil {
			consumers.Items[i] = driver.IntReply(n)
		}
	}
}

// The names of what XINFO answers, in their order. Servers add some in between.
var (
	streamNames   = []string{"length", "last-generated-id", "max-deleted-entry-id", "entries-added", "recorded-first-entry-id", "groups", "first-entry", "last-entry"}
	groupNames    = []string{"name", "consumers", "pending", "last-delivered-id", "entries-read", "lag"}
	consumerNames = []string{"name", "pending", "idle", "inactive"}
)

func streamInfo(c *driver.Cmd) {
	switch subcommand := c.Args[0].String(); {
	case strings.EqualFold(subcommand, "STREAM"):
		sortNames(&c.Reply, streamNames)
	case strings.EqualFold(subcommand, "GROUPS"):
		each(c.Reply.Items, func(r *driver.Reply) { sortNames(r, groupNames) })
	case strings.EqualFold(subcommand, "CONSUMERS"):
		each(c.Reply.Items, func(r *driver.Reply) { sortNames(r, consumerNames) })
	}
}

// sortNames puts the pairs of a flat list in the order of names, and others behind.
func sortNames(r *driver.Reply, names []string) {
	pairs, err := r.AsPairs()
	if err != nil {
		return
	}
	place := func(p driver.Pair) int {
		if i := slices.Index(names, string(p.Name)); i >= 0 {
			return i
		}
		return len(names)
	}
	slices.SortStableFunc(pairs, func(a, b driver.Pair) int { return cmp.Compare(place(a), place(b)) })
	items := make([]driver.Reply, 0, 2*len(pairs))
	for _, p := range pairs {
		items = append(items, driver.DataReply(p.Name), *p.Value)
	}
	r.Items = items
}
