package docs

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// An aclPage is what docs/acl.md says, by the names of operations.
type aclPage struct {
	rows     map[string]aclRow
	pipeline map[string][]string
	dsn      map[string][]string
	cluster  map[string][]string
	lines    map[string][]string // those to copy, as arguments of ACL SETUSER
}

// An aclRow has the commands of the second and the third column.
type aclRow struct{ usual, special []string }

func (r aclRow) all() []string {
	all := slices.Concat(r.usual, r.special)
	slices.Sort(all)
	return slices.Compact(all)
}

var (
	quotedWord = regexp.MustCompile("`([^`]+)`")
	aclLine    = regexp.MustCompile("(?m)^<!-- (\\w+) -->\n```\nACL SETUSER (\\w+) (.*)\n```$")
)

func readACLPage(t *testing.T) aclPage {
	t.Helper()
	text := read(t, "docs/acl.md")
	page := aclPage{map[string]aclRow{}, map[string][]string{}, map[string][]string{}, map[string][]string{}, map[string][]string{}}
	words := func(cell string) (list []string) {
		for _, match := range quotedWord.FindAllStringSubmatch(cell, -1) {
			if word := strings.ReplaceAll(match[1], `\|`, "|"); word == strings.ToLower(word) {
				list = append(list, word)
			}
		}
		return list
	}
	table := ""
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.ReplaceAll(strings.TrimSpace(line), `\|`, "\x00"), "|")
		if len(cells) < 4 {
			continue
		}
		for i := range cells {
			cells[i] = strings.ReplaceAll(cells[i], "\x00", "|")
		}
		subject, commands := strings.TrimSpace(cells[1]), words(cells[2])
		if strings.HasPrefix(cells[2], "---") {
			continue
		}
		if strings.HasPrefix(strings.TrimSpace(cells[2]), "commands") {
			table = subject
			continue
		}
		var names []string
		for _, match := range quotedWord.FindAllStringSubmatch(subject, -1) {
			names = append(names, match[1])
		}
		for _, name := range append(names, subject) {
			switch table {
			case "operation":
				if name != subject || len(names) == 0 {
					page.rows[name] = aclRow{commands, words(cells[3])}
				}
			case "in a pipeline":
				page.pipeline[name] = commands
			case "in the DSN":
				page.dsn[name] = commands
			case "in a cluster":
				page.cluster[name] = commands
			}
		}
	}
	for _, match := range aclLine.FindAllStringSubmatch(text, -1) {
		page.lines[match[1]] = append([]string{match[2]}, strings.Fields(match[3])...)
	}
	return page
}

// commands returns what a line to copy allows.
func (p aclPage) commands(line string) []string {
	var list []string
	for _, word := range p.lines[line] {
		if command, ok := strings.CutPrefix(word, "+"); ok {
			list = append(list, command)
		}
	}
	slices.Sort(list)
	return list
}
