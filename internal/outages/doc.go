// Package outages proves the promises of docs/failing-open.md, with real servers that
// are frozen under load.
package outages
