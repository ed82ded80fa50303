// Package memory is the embedded driver: a cache inside the process.
package memory
