//go:build !linux

package servertest

import (
	"errors"
	"os/exec"
)

// endWithParent does nothing: only Linux can tie a child to its parent. Here a
// server is left behind when a test's process crashes.
func endWithParent(*exec.Cmd) {}

func (p *process) freeze() error { return errors.ErrUnsupported }
func (p *process) thaw() error   { return errors.ErrUnsupported }
