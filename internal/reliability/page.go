package reliability

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/xcache-go/xcache/internal/soak"
)

// Page returns the page about all faults.
func Page(tests Tests, report soak.Report) []byte {
	var b bytes.Buffer
	b.WriteString(`<!-- Written by "make reliability", do not edit. -->

# Reliability

What a cache promises when something fails, which tests show it, and what they measured. Two rules hold for every fault: **a failed write has
changed nothing, unless the error matches ` + "`ErrUnknownOutcome`" + ` or is an ` + "`*UnreadReplyError`" + `**, and **no write is sent again
when its reply is lost**. [A few commands](concepts.md#what-is-repeated), such as those of locks, are repeated on purpose.

` + "```sh" + `
make reliability        # runs these tests on both drivers, and writes this page anew
make soak MINUTES=60    # the soak
` + "```" + `

Each test runs on real servers, and asserts that the fault happened. `)
	for _, driver := range Drivers {
		fmt.Fprintf(&b, "The %s driver met %s. ", driver, tests.Servers[driver])
	}
	b.WriteString("Both drivers make the same promises, and pass the same tests. Figures are those of one run, on two processors with other work: " +
		"they say what happened, and durations are shorter on a machine of your own.\n")

	happened := map[string]int{}
	for _, d := range report.Deployments {
		for fault, n := range d.Faults {
			happened[fault] += n
		}
	}
	for _, group := range Groups {
		fmt.Fprintf(&b, "\n## %s\n\n| fault | what is promised | what was measured |\n|---|---|---|\n", group.Name)
		for _, f := range group.Faults {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", f.Name, f.Promise, strings.Join(measured(f, tests, happened), "<br>"))
		}
	}
	writeBeside(&b, tests)
	writeSoak(&b, report)
	b.WriteString("\n## The tests\n\nAll of them are in [drivers/internal/drivertest](../drivers/internal/drivertest), and run on both drivers: " +
		"`go test -run '^TestFaults$/^killed server$' ./drivers/redis ./drivers/valkey`.\n\n| fault | tests |\n|---|---|\n")
	for _, f := range Named() {
		var names []string
		for _, test := range f.Tests {
			names = append(names, "`"+test+"`")
		}
		fmt.Fprintf(&b, "| %s | %s |\n", f.Name, strings.Join(names, "<br>"))
	}
	return b.Bytes()
}

// measured returns the lines of a cell.
func measured(f Fault, tests Tests, happened map[string]int) []string {
	passed := map[int][]string{}
	for _, driver := range Drivers {
		n := 0
		for _, test := range f.Tests {
			n += checks(tests.below(driver, test))
		}
		passed[n] = append(passed[n], driver)
	}
	var lines []string
	for _, n := range slices.Sorted(maps.Keys(passed)) {
		lines = append(lines, fmt.Sprintf("%s on %s", times(n, "check"), strings.Join(passed[n], " and ")))
	}
	happenings := 0
	for _, fault := range f.Soak {
		happenings += happened[fault]
	}
	if happenings > 0 {
		lines = append(lines, times(happenings, "time")+" in the [soak](#the-soak)")
	}
	for _, test := range f.Tests {
		for _, driver := range Drivers {
			results := tests.below(driver, test)
			for _, name := range slices.Sorted(maps.Keys(results)) {
				for _, text := range results[name].Measured {
					what := driver
					if len(f.Tests) > 1 || strings.Contains(name, "/") {
						what += ", " + strings.ReplaceAll(name[strings.LastIndexByte(name, '/')+1:], "_", " ")
					}
					lines = append(lines, what+": "+text)
				}
			}
		}
	}
	if f.Beside != "" {
		lines = append(lines, "[beside the client alone](#beside-the-client-alone)")
	}
	return lines
}

// writeBeside writes the table of the client libraries under the same faults.
func writeBeside(b *bytes.Buffer, tests Tests) {
	b.WriteString(`
## Beside the client alone

The cache and the client library that its driver is on, with the defaults of both, count at the same time on the same servers, eight callers each. What is
*counted twice* is above what was called for: the library has sent an increment again that the server had counted. What is *lost* was
acknowledged and is not there. *Back after* is the time from the beginning of the fault until a call succeeded that began after it.

| fault | | calls | failed | longest call | back after | counted twice | lost |
|---|---|--:|--:|--:|--:|--:|--:|
`)
	written := map[string]bool{}
	for _, f := range Named() {
		if f.Beside == "" || written[f.Beside] {
			continue
		}
		written[f.Beside] = true
		_, name, _ := strings.Cut(f.Beside, "/")
		for _, driver := range Drivers {
			for _, result := range tests.below(driver, f.Beside) {
				for _, r := range result.Beside {
					client := r.Client
					if client == "xcache" {
						client = "xcache, " + driver
					}
					fmt.Fprintf(b, "| %s | %s | %d | %d | %v | %v | %d | %d |\n", name, client, r.Calls, r.Failed,
						r.Longest.Round(time.Millisecond), r.Recovered.Round(time.Millisecond), r.TwiceCounted, r.Fewer)
				}
			}
		}
	}
}

// writeSoak writes the figures of the soak.
func writeSoak(b *bytes.Buffer, report soak.Report) {
	minutes := report.Took.Round(time.Minute).Minutes()
	operations, faults, failed, wrong, unclassified, held := 0, 0, 0, 0, 0, 0
	connections := 0
	for _, d := range report.Deployments {
		operations += soak.Sum(d.Operations)
		faults += soak.Sum(d.Faults)
		failed += soak.Sum(d.Errors)
		wrong += d.Wrong
		unclassified += d.Unclassified
		held += d.Held
		connections += d.Connections
	}
	fmt.Fprintf(b, `
## The soak

`+"`make soak MINUTES=%.0f SEED=%d`"+` has callers use values, pipelines, lists, hashes, sorted sets, sets, streams, counters, locks, rate limits, tags
and subscriptions, under the race detector, while a fault follows the other. Each caller holds every answer to what the cache had told: a value
carries its key and a number that must not go back, a lock has one holder, an element is popped once. A run of seconds is part of the tests.

In %.0f minutes: **%d operations, %d faults, %d wrong values, %d errors without a class, %d goroutines and %d connections left behind.** %d answers were
held to all that was acknowledged. The heap went from %.1f to %.1f MiB, by linear regression %+.1f KiB a minute over %d samples.

`, minutes, report.Seed, minutes, operations, faults, wrong, unclassified, max(0, report.Goroutines), connections, held,
		report.HeapFirst/(1<<20), report.HeapLast/(1<<20), report.HeapSlope/(1<<10), report.HeapSamples)

	if report.Note != "" {
		fmt.Fprintf(b, "%s\n\n", report.Note)
	}
	deployments := slices.SortedFunc(slices.Values(report.Deployments), func(a, b soak.Deployment) int { return cmp.Compare(a.Name, b.Name) })
	row := func(name string, value func(d soak.Deployment) string) {
		fmt.Fprintf(b, "| %s |", name)
		for _, d := range deployments {
			fmt.Fprintf(b, " %s |", value(d))
		}
		b.WriteString("\n")
	}
	row("", func(d soak.Deployment) string { return "`" + d.Name + "`" })
	row("---", func(soak.Deployment) string { return "--:" })
	row("servers", func(d soak.Deployment) string { return d.Servers })
	row("operations", func(d soak.Deployment) string { return fmt.Sprint(soak.Sum(d.Operations)) })
	row("faults", func(d soak.Deployment) string { return fmt.Sprint(soak.Sum(d.Faults)) })
	row("wrong values", func(d soak.Deployment) string { return fmt.Sprint(d.Wrong) })
	row("answers held to all that was acknowledged", func(d soak.Deployment) string { return fmt.Sprint(d.Held) })
	row("answers while servers may have lost something", func(d soak.Deployment) string { return fmt.Sprint(d.Loose) })
	row("longest call, with `op_timeout=1s`", func(d soak.Deployment) string {
		return fmt.Sprintf("%v (%s)", d.Longest.Round(time.Millisecond), d.LongestOperation)
	})
	row("longest time until every caller was back", func(d soak.Deployment) string {
		return fmt.Sprintf("%v (%s)", d.Recovery.Round(time.Millisecond), d.RecoveryFrom)
	})
	row("messages heard, and gaps told", func(d soak.Deployment) string { return fmt.Sprintf("%d, %d", d.Messages, d.Gaps) })
	for _, class := range keys(deployments, func(d soak.Deployment) map[string]int { return d.Errors }) {
		row("errors: "+class, func(d soak.Deployment) string { return count(d.Errors[class]) })
	}
	for _, fault := range keys(deployments, func(d soak.Deployment) map[string]int { return d.Faults }) {
		row("fault: "+fault, func(d soak.Deployment) string { return count(d.Faults[fault]) })
	}
	b.WriteString("\nWhile a failover, an eviction or a flush may lose what was acknowledged, answers are held to the rest: no foreign value, " +
		"nothing that was never written, and nothing that a call said it had not changed.\n")
}

// times returns a number with its noun.
func times(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprint(n, " ", what)
}

func count(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// keys returns the keys of the counts of all deployments.
func keys(deployments []soak.Deployment, of func(soak.Deployment) map[string]int) []string {
	all := map[string]bool{}
	for _, d := range deployments {
		for key := range of(d) {
			all[key] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}
