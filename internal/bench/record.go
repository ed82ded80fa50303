package main

import (
	"fmt"
	"io"
	"strings"
)

// A record has the measurements of a table.
type record struct {
	Group string
	// Heads name the columns of text. The first of them is the title of the table.
	Heads   []string
	Columns []column
	Rows    []row
}

type column struct {
	Name string
	Unit unit
}

// A unit tells how the numbers of a column are written.
type unit string

const (
	nanoseconds unit = "nanoseconds"
	ratios      unit = "ratio"
	counts      unit = "count"
	percents    unit = "percent"
	thousands   unit = "thousand"
)

// A row has a name for each head of its record, and a cell for each column.
type row struct {
	Names []string
	Cells []float64
}

func (u unit) format(value float64) string {
	if value == 0 {
		return "0"
	}
	switch u {
	case nanoseconds:
		return duration(value)
	case ratios:
		return fmt.Sprintf("%.2f", value)
	case percents:
		return fmt.Sprintf("%.1f %%", 100*value)
	case thousands:
		return fmt.Sprintf("%.0f,000", value)
	default:
		return fmt.Sprintf("%.0f", value)
	}
}

// duration writes no digits beyond the precision of the measurement.
func duration(nanoseconds float64) string {
	switch {
	case nanoseconds < 1000:
		return fmt.Sprintf("%.0f ns", nanoseconds)
	case nanoseconds < 100_000:
		return fmt.Sprintf("%.2f µs", nanoseconds/1000)
	case nanoseconds < 10_000_000:
		return fmt.Sprintf("%.0f µs", nanoseconds/1000)
	default:
		return fmt.Sprintf("%.0f ms", nanoseconds/1e6)
	}
}

// writeMarkdown writes the record as a table.
func (r record) writeMarkdown(out io.Writer) {
	heads, rule := strings.Join(r.Heads, " | "), strings.Repeat("---|", len(r.Heads))
	for _, c := range r.Columns {
		heads += " | " + c.Name
		rule += "--:|"
	}
	fmt.Fprintf(out, "| %s |\n|%s\n", heads, rule)
	for _, row := range r.Rows {
		fmt.Fprintf(out, "| %s |", strings.Join(row.Names, " | "))
		for i, cell := range row.Cells {
			fmt.Fprintf(out, " %s |", r.Columns[i].Unit.format(cell))
		}
		fmt.Fprintln(out)
	}
}

func (r record) title() string { return r.Heads[0] }

// column returns the numbers of the column with a name, by the first name of their
// rows.
func (r record) column(name string) map[string]float64 {
	cells := make(map[string]float64)
	for i, c := range r.Columns {
		if c.Name != name {
			continue
		}
		for _, row := range r.Rows {
			cells[row.Names[0]] = row.Cells[i]
		}
	}
	return cells
}
