package servertest

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
)

// process is a child process. One goroutine starts the child, waits for its
// end and then closes exited.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{}
}

// startProcess starts cmd as a child that ends with this process, in
// whatever way this process ends.
func startProcess(cmd *exec.Cmd) (*process, error) {
	endWithParent(cmd)
	p := &process{cmd: cmd, exited: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The system counts the thread that started a child as the child's
		// parent, and would end the child with that thread. So the thread is kept
		// until the child has ended.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // the server's log says how the server ended
			close(p.exited)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// kill ends the process, frozen or not, and waits until the process is
// gone.
func (p *process) kill() error {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-p.exited
	return nil
}
