package main

import (
	"os"

	"github.com/go-analyze/charts"
)

// A chart shows bars in groups: a group for each category, and in each group a bar for each
// series.
type chart struct {
	title      string
	categories []string
	series     []series
	unit       unit
	// horizontal bars leave room for long names of categories.
	horizontal bool
}

type series struct {
	name   string
	values []float64
}

// write draws the chart as SVG. The background is white also on a dark page: the file is an
// image.
func (c chart) write(path string) error {
	var values [][]float64
	var names []string
	for _, s := range c.series {
		values = append(values, s.values)
		names = append(names, s.name)
	}
	options := charts.NewBarChartOptionWithData(values)
	options.Title.Text = c.title
	options.CategoryAxis.Labels = c.categories
	options.Legend.SeriesNames = names
	options.Horizontal = c.horizontal
	options.Legend.Offset = charts.OffsetStr{Left: charts.PositionCenter, Top: charts.PositionBottom}
	options.ValueAxis = []charts.ValueAxisOption{{Min: charts.Ptr(0.0), LabelCount: 5}} // bars that begin elsewhere would mislead
	options.ValueFormatter = c.unit.format
	for i := range options.SeriesList {
		options.SeriesList[i].Label.Show = charts.Ptr(true)
		options.SeriesList[i].Label.ValueFormatter = c.unit.format
	}
	painter := charts.NewPainter(charts.PainterOptions{OutputFormat: charts.ChartOutputSVG, Width: 760, Height: 360})
	if err := painter.BarChart(options); err != nil {
		return err
	}
	svg, err := painter.Bytes()
	if err != nil {
		return err
	}
	return os.WriteFile(path, svg, 0o644) //nolint:gosec // a page of documentation is for everybody
}
