package valkey_test

import "testing"

func TestLostRepliesApplyNothingTwice(t *testing.T) { subject.DoubleApply(t) }
