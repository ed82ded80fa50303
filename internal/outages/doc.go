// Package outages proves what docs/failing-open.md promises, with real servers that are
// frozen under load.
package outages
