// Package coordination proves the promises of the handles for coordination, with holders
// that are frozen, killed or cut off by a failover. The holders are processes of their
// own.
package coordination
