// Package coordination proves what handles for coordination promise, with holders that are
// frozen, killed or cut off by a failover. The holders are processes of their own.
package coordination
