package valkey_test

import "testing"

func TestChaosStandalone(t *testing.T) { subject.ChaosStandalone(t) }
func TestChaosReplicas(t *testing.T)   { subject.ChaosReplicas(t) }
func TestChaosSentinel(t *testing.T)   { subject.ChaosSentinel(t) }
func TestChaosCluster(t *testing.T)    { subject.ChaosCluster(t) }
