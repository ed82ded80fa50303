package drivertest

import (
	"regexp"
	"strconv"
	"testing"

	"github.com/xcache-go/xcache/internal/servertest"
)

// timesRun returns how often a server ran a command. The name of the command is
// in lower case.
func timesRun(t testing.TB, server *servertest.Server, command string) int {
	t.Helper()
	return counted(t, server, "commandstats", "cmdstat_"+command+":calls=")
}

// errorReplies returns how often a server answered with an error that begins with
// a word. Servers count errors since Redis 6.2.
func errorReplies(t testing.TB, server *servertest.Server, word string) int {
	t.Helper()
	return counted(t, server, "errorstats", "errorstat_"+word+":count=")
}

// counted returns the number behind a text in a section of INFO. A server
// leaves out a number that is 0.
func counted(t testing.TB, server *servertest.Server, section, text string) int {
	t.Helper()
	stats, _ := server.Do(t, "INFO", section).(string)
	match := regexp.MustCompile(regexp.QuoteMeta(text) + `(\d+)`).FindStringSubmatch(stats)
	if match == nil {
		return 0
	}
	n, err := strconv.Atoi(match[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
