package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// isTerminal reports whether a writer is a terminal.
func isTerminal(w io.Writer) bool {
	if o, ok := w.(*output); ok {
		w = o.Writer
	}
	f, ok := w.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// progress is a line of a terminal that shows how far a run is. A nil progress shows
// nothing.
type progress struct {
	out   io.Writer
	begun time.Time
	stop  func()

	mu    sync.Mutex
	text  string // protected by mu
	drawn bool   // protected by mu: the line is on the terminal
}

// progressDelay is the time after which a run counts as long.
const progressDelay = time.Second

// startProgress returns the progress of a run that begins now, nil if out is no terminal.
func startProgress(out io.Writer) *progress {
	if !isTerminal(out) {
		return nil
	}
	p := &progress{out: out, begun: time.Now()}
	ticker, stop := time.NewTicker(progressDelay/4), make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		for {
			select {
			case now := <-ticker.C:
				p.draw(now.Sub(p.begun))
			case <-stop:
				return
			}
		}
	})
	p.stop = func() { ticker.Stop(); close(stop); ended.Wait() }
	return p
}

// set says how far the run is.
func (p *progress) set(format string, args ...any) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text = fmt.Sprintf(format, args...)
}

// draw shows the line, if the run is a long one.
func (p *progress) draw(took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if took < progressDelay || p.text == "" {
		return
	}
	p.drawn = true
	fmt.Fprintf(p.out, "\r\x1b[K%s, %v", p.text, took.Round(time.Second))
}

// print calls f, which prints to the terminal, while the line is off the terminal.
func (p *progress) print(f func() error) error {
	if p == nil {
		return f()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.erase()
	return f()
}

// erase removes the line. p.mu must be held.
func (p *progress) erase() {
	if p.drawn {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.drawn = false
	}
}

// end removes the line for good.
func (p *progress) end() {
	if p == nil {
		return
	}
	if p.stop != nil {
		p.stop()
		p.stop = nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.erase()
}
