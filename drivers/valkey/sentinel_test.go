package valkey_test

import "testing"

func TestSentinelFailover(t *testing.T)    { subject.SentinelFailover(t) }
func TestSentinelConformance(t *testing.T) { subject.SentinelConformance(t) }
