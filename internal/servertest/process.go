package servertest

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
)

// process is a child process. One goroutine owns it: starts it, waits for it
// and closes exited when it has ended.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{}
}

// startProcess starts cmd as a child that ends with this process, whatever
// ends it.
func startProcess(cmd *exec.Cmd) (*process, error) {
	endWithParent(cmd)
	p := &process{cmd: cmd, exited: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The system counts the thread that started a child as its parent, and
		// would end the child with it. So the thread is kept until then.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is in its log
			close(p.exited)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// kill ends the process, frozen or not, and waits until it is gone.
func (p *process) kill() error {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-p.exited
	return nil
}
