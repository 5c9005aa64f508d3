package conform

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/uffdsim/uffdsim/scenario"
)

// Command is a program as a target: it reads statements, one a line, on its standard
// input, and prints the answers, one a line. docs/protocol.md has the details.
type Command struct {
	// Args are the program and its arguments.
	Args []string
	// Timeout is how long the program may take for an answer.
	Timeout time.Duration
	// Errors receives the program's standard error; nil discards it.
	Errors io.Writer
	// Supervisor are arguments with which this executable calls [Supervise] with the
	// arguments that follow. The supervisor kills every process that a program has
	// started, even if this process is killed. Without one, or on a system other than
	// Linux, a process that leaves the program's process group is not killed.
	Supervisor []string

	mu       sync.Mutex
	running  map[*running]bool // programs that were not closed; protected by mu
	closed   bool              // Close was called: no program may be started; protected by mu
	answered atomic.Bool       // a program has answered
}

// errClosed is the error of New after Close.
var errClosed = errors.New("the target has been closed")

// errUnanswered is the error of Do if the program ends before any program of the target
// has answered. Then it does not follow the protocol, and nothing can be compared.
var errUnanswered = errors.New("the target ended without an answer")

// New implements [Target]: each scenario gets a program of its own.
func (c *Command) New() (Doer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClosed
	}
	if _, err := exec.LookPath(c.Args[0]); err != nil { // a supervisor would find out later
		return nil, fmt.Errorf("target %s: %w", c.Args[0], notFound(err))
	}
	cmd := exec.Command(c.Args[0], c.Args[1:]...)
	hasSupervisor := canSupervise && c.Supervisor != nil
	if hasSupervisor {
		cmd = supervised(c.Supervisor, c.Args)
	}
	cmd.Stderr = c.Errors
	cmd.WaitDelay = waitDelay
	contain(cmd, hasSupervisor)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	r := &running{command: c, cmd: cmd, hasSupervisor: hasSupervisor, in: in, answers: make(chan string), ended: make(chan struct{})}
	if err := r.start(); err != nil {
		return nil, fmt.Errorf("target %s: %w", c.Args[0], err)
	}
	if c.running == nil {
		c.running = map[*running]bool{}
	}
	c.running[r] = true
	go r.listen(out)
	return r, nil
}

// notFound returns the reason why a program cannot be started.
func notFound(err error) error {
	if errors.Is(err, exec.ErrNotFound) {
		return errors.New("no such program in a directory of PATH")
	}
	if wrapped, ok := errors.AsType[*exec.Error](err); ok {
		err = wrapped.Err
	}
	if wrapped, ok := errors.AsType[*fs.PathError](err); ok {
		err = wrapped.Err
	}
	return err
}

// Close implements [Target]: it kills the programs that still run. A call of Do that
// waits for an answer returns an error, and New starts no more programs.
func (c *Command) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for r := range c.running {
		r.kill()
	}
}

// running is the program of a scenario.
type running struct {
	command       *Command
	cmd           *exec.Cmd
	hasSupervisor bool // cmd is the supervisor
	in            io.WriteCloser
	answers       chan string
	tooLong       bool          // a line was too long; set before answers is closed
	ended         chan struct{} // closed by Close
	line          int
	broken        error
}

// start starts the program on a thread that stays until Close: see [contain].
func (r *running) start() error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := r.cmd.Start()
		started <- err
		if err == nil {
			<-r.ended
		}
	}()
	return <-started
}

// kill kills the program and what it has started. It does not wait.
func (r *running) kill() {
	if r.hasSupervisor {
		stop(r.cmd)
	} else {
		kill(r.cmd)
	}
}

// waitDelay is how long Close waits for the standard error of an ended program: a process
// that left the program's group may keep it open.
const waitDelay = time.Second

// stopDelay is how long Close waits for a supervisor before it kills the process group.
const stopDelay = 5 * time.Second

// maxAnswer is the maximal length of an answer, in bytes.
const maxAnswer = 1 << 20

// listen sends the program's lines to Do.
func (r *running) listen(out io.Reader) {
	defer close(r.answers)
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, maxAnswer)
	for lines.Scan() {
		select {
		case r.answers <- lines.Text():
		case <-r.ended:
			return
		}
	}
	r.tooLong = errors.Is(lines.Err(), bufio.ErrTooLong)
}

// Do implements [Doer].
func (r *running) Do(line string) (*scenario.Result, error) {
	if r.broken != nil {
		return nil, r.broken
	}
	r.line++
	limit := time.NewTimer(r.command.Timeout)
	defer limit.Stop()
	sent := make(chan error, 1)
	go func() { // the program may not read
		_, err := fmt.Fprintln(r.in, line)
		sent <- err
	}()
	select {
	case err := <-sent:
		switch {
		case err != nil && !r.command.answered.Load():
			return nil, r.unanswered(line)
		case err != nil:
			return nil, r.breaks(line, "it has ended, or no longer reads (%v)", err)
		}
	case <-limit.C:
		return nil, r.breaks(line, "it has read nothing for %v", r.command.Timeout)
	}
	select {
	case text, ok := <-r.answers:
		switch {
		case !ok && r.tooLong:
			return nil, r.breaks(line, "it printed a line of more than %d bytes", maxAnswer)
		case !ok && !r.command.answered.Load():
			return nil, r.unanswered(line)
		case !ok:
			return nil, r.breaks(line, "it has ended")
		}
		r.command.answered.Store(true)
		return r.result(line, text)
	case <-limit.C:
		return nil, r.breaks(line, "no answer within %v", r.command.Timeout)
	}
}

func (r *running) unanswered(line string) error {
	r.broken = fmt.Errorf("%w to %q (docs/protocol.md says what it must read and print)", errUnanswered, line)
	return r.broken
}

func (r *running) breaks(line, format string, args ...any) error {
	r.broken = fmt.Errorf("target: %s, at operation %d: %s", fmt.Sprintf(format, args...), r.line, line)
	return r.broken
}

// result reads an answer: "= text", with the lines of a block behind it, or "?".
func (r *running) result(line, text string) (*scenario.Result, error) {
	result := &scenario.Result{File: "target", Line: r.line, Op: line, OK: true}
	parts := strings.Split(text, "\t")
	switch head := parts[0]; {
	case strings.HasPrefix(text, "! "):
		return nil, r.breaks(line, "it says: %s", text[2:])
	case head == "?":
		result.Skipped = true
	case head == "=" || strings.HasPrefix(head, "= "):
		result.Answer = strings.TrimPrefix(strings.TrimPrefix(head, "="), " ")
		result.Block = parts[1:]
	default:
		if len(text) > 80 {
			text = text[:80] + "..."
		}
		return nil, r.breaks(line, "%q is not an answer", text)
	}
	return result, nil
}

// Close implements [Doer]: it kills the program and what it has started, and waits.
func (r *running) Close() {
	r.command.mu.Lock()
	delete(r.command.running, r)
	r.command.mu.Unlock()
	close(r.ended)
	_ = r.in.Close()
	r.kill()
	late := time.AfterFunc(stopDelay, func() { kill(r.cmd) })
	defer late.Stop()
	_ = r.cmd.Wait()
}

// Serve is the other side of the protocol: it reads statements and prints the answers of
// a Doer. It returns the error of reading or writing.
func Serve(d Doer, in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxAnswer)
	w := bufio.NewWriter(out)
	for lines.Scan() {
		r, err := d.Do(lines.Text())
		if err == nil && r.Finding != nil {
			err = r.Finding
		}
		switch {
		case err != nil:
			fmt.Fprintf(w, "! %v\n", strings.ReplaceAll(err.Error(), "\n", "; "))
		case r.Finding != nil:
			fmt.Fprintf(w, "! %v\n", strings.ReplaceAll(r.Finding.Error(), "\n", "; "))
		case r.Skipped:
			fmt.Fprintln(w, "?")
		default:
			fmt.Fprintln(w, strings.Join(append([]string{strings.TrimRight("= "+r.Answer, " ")}, r.Block...), "\t"))
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return lines.Err()
}
