package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
)

// results are the measurements of a run. The page is made of results.
type results struct {
	Versions string
	Records  []record
}

func readResults(path string) (results, error) {
	var r results
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(data, &r)
}

func (r *results) write(path string) error {
	data, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644) //nolint:gosec // the figures are for everybody
}

// add replaces the record with the same group and title, or appends the new
// record.
func (r *results) add(fresh record) {
	i := slices.IndexFunc(r.Records, func(old record) bool { return old.Group == fresh.Group && old.title() == fresh.title() })
	if i < 0 {
		r.Records = append(r.Records, fresh)
		return
	}
	r.Records[i] = fresh
}

func (r *results) group(name string) (all []record) {
	for _, record := range r.Records {
		if record.Group == name {
			all = append(all, record)
		}
	}
	return all
}

func (r *results) find(group, title string) (record, error) {
	for _, record := range r.group(group) {
		if record.title() == title {
			return record, nil
		}
	}
	return record{}, fmt.Errorf("nobody has measured %s/%s", group, title)
}

//go:embed page.md.tmpl
var pageTemplate string

// render returns the page.
func (r *results) render() ([]byte, error) {
	page, err := template.New("page").Funcs(template.FuncMap{
		"versions": func() string { return r.Versions },
		"tables": func(group string) (string, error) {
			all := r.group(group)
			if len(all) == 0 {
				return "", fmt.Errorf("nobody has measured the tables of %s", group)
			}
			return markdown(all), nil
		},
		"table": func(group, title string) (string, error) {
			found, err := r.find(group, title)
			return markdown([]record{found}), err
		},
		"slower": r.slower,
	}).Parse(pageTemplate)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = page.Execute(&out, nil)
	return out.Bytes(), err
}

func markdown(all []record) string {
	var tables []string
	for _, r := range all {
		var out strings.Builder
		r.writeMarkdown(&out)
		tables = append(tables, out.String())
	}
	return strings.TrimSuffix(strings.Join(tables, "\n"), "\n")
}

// writePage writes the page and its charts below the folder of the documentation.
func (r *results) writePage(docs string) error {
	page, err := r.render()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(docs, "benchmarks.md"), page, 0o644); err != nil { //nolint:gosec // a page of documentation is for everybody
		return err
	}
	all, err := r.charts(docs)
	if err != nil {
		return err
	}
	for name, c := range all {
		if err := c.write(filepath.Join(docs, "benchmarks", name+".svg")); err != nil {
			return err
		}
	}
	return nil
}
