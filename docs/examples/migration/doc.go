// Package migration has the code of the guide on moving to xcache, as tests that run.
package migration
