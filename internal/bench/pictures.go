package main

import (
	"fmt"

	"github.com/xcache-go/xcache/internal/reliability"
)

// charts are the pictures of the documentation, by the names of their files.
func (r *results) charts(docs string) (map[string]chart, error) {
	callers, err := r.callersChart()
	if err != nil {
		return nil, err
	}
	loads, err := r.stampedeChart()
	if err != nil {
		return nil, err
	}
	failover, err := failoverChart(docs)
	if err != nil {
		return nil, err
	}
	return map[string]chart{"callers": callers, "stampede": loads, "failover": failover}, nil
}

// callersChart shows how many Gets there are in a second with 1, 16 and 256 callers, on either
// driver.
func (r *results) callersChart() (chart, error) {
	c := chart{title: "Gets of 100 bytes a second, at a server on loopback", unit: thousands}
	for _, n := range callers {
		c.categories = append(c.categories, nCallers(n))
	}
	for _, side := range []struct{ driver, client string }{{"redis", "go-redis"}, {"valkey", "valkey-go"}} {
		measured, err := r.find("Server", "Get of 100 bytes at a "+side.driver+"-server")
		if err != nil {
			return chart{}, err
		}
		raw, own := series{name: side.client}, series{name: "xcache on " + side.client}
		for _, n := range callers {
			cells := measured.column(nCallers(n))
			raw.values = append(raw.values, thousandsPerSecond(cells[side.client+cancellableSuffix]))
			own.values = append(own.values, thousandsPerSecond(cells["xcache"+cancellableSuffix]))
		}
		c.series = append(c.series, raw, own)
	}
	return c, nil
}

func thousandsPerSecond(nanoseconds float64) float64 { return 1e6 / nanoseconds }

func (r *results) stampedeChart() (chart, error) {
	measured, err := r.find("Stampede", stampede{}.title())
	if err != nil {
		return chart{}, err
	}
	c := chart{title: fmt.Sprintf("Loads for one expiry: %d callers in %d processes", stampedeProcesses*stampedeCallers, stampedeProcesses), unit: counts, horizontal: true}
	loads := series{name: "loads of the database"}
	for _, row := range measured.Rows {
		c.categories = append(c.categories, row.Names[0])
		loads.values = append(loads.values, row.Cells[0])
	}
	c.series = []series{loads}
	return c, nil
}

// failoverChart shows how long after the beginning of a fault calls succeed again, by the
// measurements of "make reliability".
func failoverChart(docs string) (chart, error) {
	tests, err := reliability.ReadTests(docs)
	if err != nil {
		return chart{}, err
	}
	c := chart{title: "Time until calls succeed again after the primary has failed", unit: nanoseconds}
	faults := []struct{ test, name string }{
		{"TestBesideTheClient/failover_of_a_killed_primary", "killed, failover by sentinels"},
		{"TestBesideTheClient/cluster_failover_of_a_frozen_primary", "frozen, failover of a cluster"},
	}
	for _, fault := range faults {
		c.categories = append(c.categories, fault.name)
	}
	for _, side := range []struct{ driver, client string }{{"redis", "go-redis"}, {"valkey", "valkey-go"}} {
		raw, own := series{name: side.client}, series{name: "xcache on " + side.client}
		for _, fault := range faults {
			result := tests.Results[side.driver][fault.test]
			if result == nil || len(result.Beside) != 2 {
				return chart{}, fmt.Errorf("nobody has measured %s on %s", fault.test, side.driver)
			}
			for _, beside := range result.Beside {
				if beside.Client == "xcache" {
					own.values = append(own.values, float64(beside.Recovered))
				} else {
					raw.values = append(raw.values, float64(beside.Recovered))
				}
			}
		}
		c.series = append(c.series, raw, own)
	}
	return c, nil
}
