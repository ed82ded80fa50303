package djangotest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
)

// A python is a Python process that evaluates expressions.
type python struct {
	cmd    *exec.Cmd
	errors bytes.Buffer

	mu  sync.Mutex // a question and its answer
	in  io.WriteCloser
	out *bufio.Reader
}

// start runs a script that answers each line, an expression as JSON, with one:
// {"value": its repr} or {"error": …}. The error is release.ErrNotFound if there
// is no Python.
func start(script string, args ...string) (*python, error) {
	cmd, err := Command(append([]string{script}, args...)...)
	if err != nil {
		return nil, err
	}
	p := &python{cmd: cmd}
	p.cmd.Stderr = &p.errors
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	return p, p.cmd.Start()
}

// eval returns the repr of the value of an expression.
func (p *python) eval(expression string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	line, err := json.Marshal(expression)
	if err != nil {
		return "", err
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		return "", fmt.Errorf("python has ended: %w", err)
	}
	answer, err := p.out.ReadBytes('\n')
	if err != nil {
		return "", fmt.Errorf("python has ended: %w", err)
	}
	var reply struct{ Value, Error string }
	if err := json.Unmarshal(answer, &reply); err != nil {
		return "", err
	}
	if reply.Error != "" {
		return "", errors.New(reply.Error)
	}
	return reply.Value, nil
}

// stop ends the process and waits for it. It returns what it printed as errors.
func (p *python) stop() error {
	err := errors.Join(p.in.Close(), p.cmd.Wait())
	if err != nil && p.errors.Len() > 0 {
		return fmt.Errorf("%w\n%s", err, p.errors.Bytes())
	}
	return err
}
