// Package browsertest opens a real browser, without a window, for tests of pages.
package browsertest

import (
	"context"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// Browser is a tab of a browser.
type Browser struct {
	t   testing.TB
	ctx context.Context

	mu         sync.Mutex
	complaints []string
}

// Open starts a browser, and ends it with the test. It skips the test if the machine has
// no browser.
func Open(t testing.TB) *Browser { return open(t) }

// OpenStill is Open without animations, which is much faster.
func OpenStill(t testing.TB) *Browser {
	return open(t, chromedp.Flag("force-prefers-reduced-motion", true))
}

func open(t testing.TB, more ...chromedp.ExecAllocatorOption) *Browser {
	t.Helper()
	path := os.Getenv("CHROME")
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path == "" {
			path, _ = exec.LookPath(name)
		}
	}
	if path == "" {
		t.Skip("SKIPPED: no page has been looked at: there is no Chromium (.ci/tools installs one)")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(1280, 720))
	ctx, done := chromedp.NewExecAllocator(context.Background(), append(opts, more...)...)
	t.Cleanup(done)
	ctx, done = chromedp.NewContext(ctx)
	t.Cleanup(done)
	b := &Browser{t: t, ctx: ctx}
	require.NoError(t, chromedp.Listen(ctx, b.listen))
	b.Do(chromedp.Navigate("about:blank"))
	return b
}

// listen records the complaints of the page: exceptions, errors and warnings on the
// console, and refused loads.
func (b *Browser) listen(ev any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch ev := ev.(type) {
	case *runtime.EventExceptionThrown:
		text := ev.ExceptionDetails.Text
		if e := ev.ExceptionDetails.Exception; e != nil {
			text += " " + e.Description
		}
		b.complaints = append(b.complaints, text)
	case *runtime.EventConsoleAPICalled:
		if ev.Type == "error" || ev.Type == "warning" {
			b.complaints = append(b.complaints, string(ev.Type)+": "+string(ev.Args[0].Value))
		}
	case *log.EventEntryAdded:
		if ev.Entry.Level == "error" {
			b.complaints = append(b.complaints, ev.Entry.Text+" "+ev.Entry.URL)
		}
	}
}

// NoComplaints fails the test if the page has complained.
func (b *Browser) NoComplaints() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	require.Empty(b.t, b.complaints)
}

// Do performs actions, each within a minute.
func (b *Browser) Do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	for _, a := range actions {
		require.NoError(b.t, chromedp.Do(b.ctx, a))
	}
}

// Eval runs a program in the page, within a minute, and returns its value, or that of its
// promise.
func Eval[T any](b *Browser, program string) T {
	b.t.Helper()
	ctx, done := context.WithTimeout(b.ctx, time.Minute)
	defer done()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](program, chromedp.EvalAwaitPromise))
	require.NoError(b.t, err)
	return value
}

// Screenshots returns the directory for pictures, which the variable SCREENSHOTS names.
// Without the variable it skips the test, whose pictures only a person can judge.
func Screenshots(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		t.Skip("SCREENSHOTS names no directory to draw pictures into")
	}
	return dir
}

// Screenshot writes a picture of the window to a file.
func (b *Browser) Screenshot(file string) {
	b.t.Helper()
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	require.NoError(b.t, err)
	png, err = shrink(png)
	require.NoError(b.t, err)
	require.NoError(b.t, os.WriteFile(file, png, 0o666))
}
