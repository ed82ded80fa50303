package redis_test

import "testing"

func TestDialect(t *testing.T)  { subject.Dialect(t) }
func TestRefusals(t *testing.T) { subject.Refusals(t) }
func TestNatives(t *testing.T)  { subject.Natives(t) }
