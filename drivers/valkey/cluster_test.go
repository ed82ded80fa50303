package valkey_test

import "testing"

func TestClusterConformance(t *testing.T) { subject.ClusterConformance(t) }
