package play

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/lessons"
	"github.com/uffdsim/uffdsim/trace/browsertest"
)

// visit opens the page, and waits until its first scenario has run.
func visit(t *testing.T, start Start) *browsertest.Browser {
	b := browsertest.OpenStill(t)
	s := open(t, start)
	b.Do(chromedp.Navigate("http://" + s.address + "/"))
	browsertest.Eval[bool](b, "ready.then(() => true)")
	return b
}

func first() Start { return Start{lessons.All()[0].Name, lessons.All()[0].Source} }

func TestPageBeginsWithARun(t *testing.T) {
	b := visit(t, first())
	require.Equal(t, "01-first-fault.uffd", browsertest.Eval[string](b, `$("title").textContent`))
	require.Equal(t, "As expected (15 answers)", browsertest.Eval[string](b, `$("status").textContent`))
	require.Equal(t, "kernel 6.18", browsertest.Eval[string](b, `$("kernel").textContent`))
	require.False(t, browsertest.Eval[bool](b, `$("run").hidden`))
	require.True(t, browsertest.Eval[bool](b, `$("text").hidden`))
	at := browsertest.Eval[int](b, `run.seq`)
	require.Equal(t, at+1, browsertest.Eval[int](b, `(dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight", bubbles: true})), run.seq)`))
	b.NoComplaints()
}

// Every lesson can be chosen, and its last step reports success.
func TestPageRunsLessons(t *testing.T) {
	b := visit(t, first())
	for _, l := range lessons.All() {
		browsertest.Eval[bool](b, `($("lesson").value = `+quoted(l.Name)+`, chooseLesson()).then(() => true)`)
		require.Contains(t, browsertest.Eval[string](b, `$("status").textContent`), "As expected", l.Name)
		require.Equal(t, l.Name+".uffd", browsertest.Eval[string](b, `$("title").textContent`))
		browsertest.Eval[bool](b, `(go(run.events.length), true)`)
		require.Equal(t, "run_end", browsertest.Eval[string](b, `run.events[run.seq - 1].kind`))
	}
	b.NoComplaints()
}

func TestPageSwitches(t *testing.T) {
	b := visit(t, first())
	browsertest.Eval[bool](b, `(document.querySelector('#rule-list input[value="read-refiles"]').checked = false, sayRules(), runIt().then(() => true))`)
	require.Equal(t, "Line 30: not the answer that the text expects", browsertest.Eval[string](b, `$("status").textContent`))
	require.Equal(t, "Without read-refiles", browsertest.Eval[string](b, `$("rules").firstChild.textContent`))
	b.Do(chromedp.Click("#status a"), chromedp.Sleep(50*time.Millisecond))
	require.Equal(t, "30", browsertest.Eval[string](b, `document.querySelector("#lines .wrong[aria-current]").dataset.line`), "it leads there")
	browsertest.Eval[bool](b, `(document.querySelector('#rule-list input[value="read-refiles"]').checked = true, sayRules(), $("on").value = "6.18", runIt().then(() => true))`)
	require.Equal(t, "kernel 6.18", browsertest.Eval[string](b, `$("kernel").textContent`))
	b.NoComplaints()
}

func TestPageSaysWhatIsWrong(t *testing.T) {
	b := visit(t, Start{"my.uffd", "maps()\n"})
	require.Equal(t, "1 statement", browsertest.Eval[string](b, `$("status").textContent`))
	require.Equal(t, "my.uffd", browsertest.Eval[string](b, `$("lesson").selectedOptions[0].textContent`))
	browsertest.Eval[bool](b, `(edit(true), $("text").value = "maps()\nnmap(1)\n", true)`)
	b.NoComplaints() // the refusal itself is a complaint: the browser reports every answer other than 200
	browsertest.Eval[bool](b, `runIt().then(() => true)`)
	require.Contains(t, browsertest.Eval[string](b, `$("error").textContent`), `my.uffd:2:1: unknown operation "nmap"`)
	require.Equal(t, "nmap(1)", browsertest.Eval[string](b, `$("text").value.slice($("text").selectionStart, $("text").selectionEnd)`))
	require.True(t, browsertest.Eval[bool](b, `$("run").hidden`))
	require.Equal(t, "TEXTAREA", browsertest.Eval[string](b, `document.activeElement.tagName`))
	browsertest.Eval[bool](b, `($("text").value = "maps()\nclose(9)", runIt().then(() => true))`)
	require.True(t, browsertest.Eval[bool](b, `$("error").hidden`))
	require.Equal(t, "2 statements", browsertest.Eval[string](b, `$("status").textContent`))
}

// A text that is far too long is refused with a message, and the page continues to work.
func TestPageWithALongText(t *testing.T) {
	b := visit(t, first())
	browsertest.Eval[bool](b, `(edit(true), $("text").value = ("#" + "x".repeat(9999) + "\n").repeat(1000), runIt().then(() => true))`)
	require.Contains(t, browsertest.Eval[string](b, `$("error").textContent`), "the scenario is too long")
	browsertest.Eval[bool](b, `($("text").value = "maps()", runIt().then(() => true))`)
	require.Equal(t, "1 statement", browsertest.Eval[string](b, `$("status").textContent`))
}

// Of two runs requested at the same time the later one is shown. After a return to the
// text no run is shown.
func TestPageShowsTheLastRun(t *testing.T) {
	b := visit(t, first())
	browsertest.Eval[bool](b, `(edit(true), $("text").value = "load(0x1000, 120)\n".repeat(1500), $("text").value += "close(7)", window.slow = runIt(), $("text").value = "close(8)", Promise.all([slow, runIt()]).then(() => true))`)
	require.Equal(t, "1 statement", browsertest.Eval[string](b, `$("status").textContent`))
	require.Equal(t, "close(8)", browsertest.Eval[string](b, `run.events[0].args.lines.join()`))
	browsertest.Eval[bool](b, `(window.slow = runIt(), edit(true), slow.then(() => true))`)
	require.True(t, browsertest.Eval[bool](b, `$("run").hidden`))
	require.Equal(t, "", browsertest.Eval[string](b, `$("status").textContent`))
	b.NoComplaints()
}

// The keyboard can do everything that a mouse can: here it drops a rule and returns to
// the run, and to the text.
func TestPageByKeyboard(t *testing.T) {
	b := visit(t, first())
	browsertest.Eval[bool](b, `($("rules").firstChild.focus(), true)`)
	b.Do(chromedp.KeyEvent(" "))
	require.True(t, browsertest.Eval[bool](b, `$("rules").open`))
	b.Do(chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent("read-refiles"), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(" "))
	browsertest.Eval[bool](b, settled)
	require.Equal(t, "Line 30: not the answer that the text expects", browsertest.Eval[string](b, `$("status").textContent`))
	b.Do(chromedp.KeyEvent(kb.Escape))
	require.False(t, browsertest.Eval[bool](b, `$("rules").open`))
	require.Equal(t, "Without read-refiles", browsertest.Eval[string](b, `document.activeElement.textContent`))
	b.Do(chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent(kb.ArrowRight))
	require.Equal(t, 3, browsertest.Eval[int](b, `run.seq`))
	b.Do(chromedp.KeyEvent(kb.Escape))
	require.Equal(t, "text", browsertest.Eval[string](b, `document.activeElement.id`))
	b.NoComplaints()
}

// The list of rules is readable on any screen: no part of it lies outside the window.
func TestRulesAreWithinTheWindow(t *testing.T) {
	b := visit(t, first())
	browsertest.Eval[bool](b, `($("rules").open = true)`)
	for _, size := range [][2]int64{{1280, 720}, {820, 600}, {390, 844}} {
		b.Do(chromedp.EmulateViewport(size[0], size[1]))
		require.True(t, browsertest.Eval[bool](b, `(r => r.left >= 0 && r.right <= innerWidth)(document.querySelector(".panel").getBoundingClientRect())`), size)
	}
	b.NoComplaints()
}

// The text in the editor is restored after a visit to another page.
func TestPageRemembers(t *testing.T) {
	b := visit(t, first())
	browsertest.Eval[bool](b, `(edit(true), $("text").value = "close(7)", runIt().then(() => true))`)
	b.Do(chromedp.Reload())
	browsertest.Eval[bool](b, "ready.then(() => true)")
	require.Equal(t, "close(7)", browsertest.Eval[string](b, `$("text").value`))
	require.Equal(t, "1 statement", browsertest.Eval[string](b, `$("status").textContent`))
	b.NoComplaints()
}

// settled waits until no request for a run is in progress.
const settled = `new Promise(yes => { const look = () => asking ? setTimeout(look, 5) : yes(true); look(); })`

// TestGallery draws the picture of the page in docs/gallery.md.
func TestGallery(t *testing.T) {
	dir := browsertest.Screenshots(t)
	b := visit(t, first())
	b.Do(chromedp.EmulateViewport(1280, 720))
	browsertest.Eval[bool](b, `(document.documentElement.dataset.theme = "dark", go(60), true)`)
	b.Screenshot(filepath.Join(dir, "play.png"))
}

// TestScreenshots draws the page in all its states, for a person to look at: on a
// projector, on one with a large zoom, and on a phone.
func TestScreenshots(t *testing.T) {
	dir := browsertest.Screenshots(t)
	for name, size := range map[string][2]int64{"wide": {1280, 720}, "zoomed": {853, 480}, "phone": {390, 844}} {
		b := visit(t, first())
		b.Do(chromedp.EmulateViewport(size[0], size[1]))
		for _, theme := range []string{"dark", "light"} {
			browsertest.Eval[bool](b, `(document.documentElement.dataset.theme = "`+theme+`", go(60), true)`)
			b.Screenshot(filepath.Join(dir, name+"-"+theme+".png"))
		}
		browsertest.Eval[bool](b, `($("rules").open = true)`)
		b.Screenshot(filepath.Join(dir, name+"-rules.png"))
		browsertest.Eval[bool](b, `($("rules").open = false, edit(true), $("text").value = $("text").value.replace("poll(fd)", "pol(fd)"), true)`)
		b.Screenshot(filepath.Join(dir, name+"-edit.png"))
		browsertest.Eval[bool](b, `runIt().then(() => true)`)
		b.Screenshot(filepath.Join(dir, name+"-mistake.png"))
	}
}

func quoted(s string) string { return `"` + s + `"` }
