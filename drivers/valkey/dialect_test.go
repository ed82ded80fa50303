package valkey_test

import "testing"

func TestDialect(t *testing.T)  { subject.Dialect(t) }
func TestRefusals(t *testing.T) { subject.Refusals(t) }
