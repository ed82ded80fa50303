package valkey_test

import "testing"

func TestSentinelConformance(t *testing.T)           { subject.SentinelConformance(t) }
func TestSentinelConformanceOfReplicas(t *testing.T) { subject.SentinelConformanceOfReplicas(t) }
func TestSentinelFailoverOnDemand(t *testing.T)      { subject.SentinelFailoverOnDemand(t) }
func TestSentinelDemotedPrimary(t *testing.T)        { subject.SentinelDemotedPrimary(t) }
func TestSentinelsDown(t *testing.T)                 { subject.SentinelsDown(t) }
func TestSentinelFrozen(t *testing.T)                { subject.SentinelFrozen(t) }
func TestSentinelsLearnt(t *testing.T)               { subject.SentinelsLearnt(t) }
func TestSentinelHealed(t *testing.T)                { subject.SentinelHealed(t) }
func TestSentinelScan(t *testing.T)                  { subject.SentinelScan(t) }
func TestSentinelUnknownMaster(t *testing.T)         { subject.SentinelUnknownMaster(t) }
func TestSentinelCredentials(t *testing.T)           { subject.SentinelCredentials(t) }
func TestSentinelBadDSNs(t *testing.T)               { subject.SentinelBadDSNs(t) }
func TestSentinelClose(t *testing.T)                 { subject.SentinelClose(t) }
func TestSentinelReplicas(t *testing.T)              { subject.SentinelReplicas(t) }
func TestSentinelReplicaFailover(t *testing.T)       { subject.SentinelReplicaFailover(t) }
func TestSentinelPartition(t *testing.T)             { subject.SentinelPartition(t) }

func TestSentinelExclusive(t *testing.T) { subject.SentinelExclusive(t) }
func TestSentinelLosses(t *testing.T)    { subject.SentinelLosses(t) }
