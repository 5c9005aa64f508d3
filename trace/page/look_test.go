package page_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/lessons"
	"github.com/uffdsim/uffdsim/trace"
	"github.com/uffdsim/uffdsim/trace/browsertest"
	"github.com/uffdsim/uffdsim/trace/tracetest"
)

// On a phone, and on a projector with a large zoom, the page has its controls, nothing
// extends beyond its side, and no panel is so small that its content lies under another.
func TestSizes(t *testing.T) {
	b := browsertest.OpenStill(t)
	all := lessons.All()
	if testing.Short() {
		all = all[:3]
	}
	for _, l := range all {
		s := tracetest.Scenario(t, l.Name, l.Source)
		open(t, b, l.Name, s)
		for _, size := range [][2]int64{{1280, 720}, {1024, 576}, {853, 480}, {844, 390}, {390, 844}} {
			b.Do(chromedp.EmulateViewport(size[0], size[1]))
			browsertest.Eval[int](b, fmt.Sprintf("go(%d); run.seq", len(s)*2/3))
			require.Empty(t, browsertest.Eval[[]string](b, tooLarge), "%s at %v", l.Name, size)
			bottom := browsertest.Eval[float64](b, `$("forth").getBoundingClientRect().bottom`)
			require.LessOrEqual(t, bottom, float64(size[1]))
		}
	}
	b.NoComplaints()
}

// tooLarge lists the elements that do not fit into their place.
const tooLarge = `[document.documentElement, ...document.querySelectorAll("#machine section, #machine, #now, .queue, .queue h4, .task, .level")]
	.filter(e => e.scrollWidth > e.clientWidth + 1 || e.matches("#machine section") && e.scrollHeight > e.clientHeight + 1)
	.map(e => e.outerHTML.slice(0, 80))`

// The element with the keyboard focus is drawn again at each step, and keeps the focus.
func TestFocusStays(t *testing.T) {
	l := lessons.All()[0]
	b := browsertest.OpenStill(t)
	open(t, b, l.Name, tracetest.Scenario(t, l.Name, l.Source))
	browsertest.Eval[int](b, "go(100); run.seq")
	for _, what := range []string{`#spaces [aria-label^="0x102000:"]`, `#events [data-seq="104"] a`} {
		browsertest.Eval[bool](b, fmt.Sprintf("document.querySelector('%s').focus(), true", what))
		b.Do(chromedp.KeyEvent(kb.ArrowRight))
		require.True(t, browsertest.Eval[bool](b, fmt.Sprintf("document.activeElement === document.querySelector('%s')", what)), what)
	}
	require.Equal(t, 102, browsertest.Eval[int](b, "run.seq"))
	browsertest.Eval[bool](b, `document.querySelector('#spaces [aria-label^="0x102000:"]').focus(), true`)
	b.Do(chromedp.KeyEvent(kb.Enter))
	require.Equal(t, "0x102000", browsertest.Eval[string](b, `document.querySelector("#walk code").textContent`))
	require.Equal(t, "0x102000", browsertest.Eval[string](b, `document.activeElement.title`))

	// An address without a cell can be entered. A text that is no address changes
	// nothing.
	for _, c := range [][2]string{{"0x7fff12345678", "0x7fff12345678"}, {"nowhere", "0x7fff12345678"}, {"-1", "0x7fff12345678"}, {"0x1000000000000", "0x7fff12345678"}, {"4096", "0x1000"}} {
		browsertest.Eval[bool](b, `(window.prompt = () => "`+c[0]+`", true)`)
		b.Do(chromedp.KeyEvent("a"))
		require.Equal(t, c[1], browsertest.Eval[string](b, `document.querySelector("#walk code").textContent`), c[0])
	}
	b.NoComplaints()
}

// A step links to its line of the scenario, and that line is visible at the end, too.
func TestStepLeadsToItsLine(t *testing.T) {
	l := lessons.All()[0]
	b := browsertest.OpenStill(t)
	s := tracetest.Scenario(t, l.Name, l.Source)
	open(t, b, l.Name, s)
	for i := range s {
		if s[i].Kind != "fault_begin" && s[i].Kind != "msg_read" {
			continue
		}
		browsertest.Eval[int](b, fmt.Sprintf("go(%d); run.seq", i+1))
		want := browsertest.Eval[string](b, `$("line").textContent`)
		browsertest.Eval[bool](b, `$("line").click(), true`)
		require.Equal(t, want, browsertest.Eval[string](b, `"line " + document.activeElement.closest("[data-line]").dataset.line`))
		require.Equal(t, i+1, browsertest.Eval[int](b, "run.seq"), "it is only looked at")
	}
	b.Do(chromedp.EmulateViewport(390, 844))
	browsertest.Eval[bool](b, `(go(60), $("line").click(), true)`)
	require.True(t, browsertest.Eval[bool](b, `(r => r.top >= $("now").getBoundingClientRect().bottom && r.bottom <= $("controls").getBoundingClientRect().top)(document.activeElement.getBoundingClientRect())`), "on a phone, too")
	b.Do(chromedp.EmulateViewport(1280, 720))
	require.Equal(t, "", browsertest.Eval[string](b, `go(run.events.length), $("line").textContent`))
	require.True(t, browsertest.Eval[bool](b, `(r => r.bottom <= innerHeight)($("lines").lastChild.getBoundingClientRect())`))
	b.NoComplaints()
}

// A mapping has its context's colour, and stripes if the context gets write faults, too.
func TestColours(t *testing.T) {
	vma := func(seq int, start, end uint64, uffd, modes string) trace.Event {
		return trace.Event{Seq: seq, Kind: "vma_insert", Args: trace.Args{
			{Key: "mm", Value: "mm1"}, {Key: "was", Value: fmt.Sprintf("%#x", start)}, {Key: "start", Value: fmt.Sprintf("%#x", start)}, {Key: "end", Value: fmt.Sprintf("%#x", end)},
			{Key: "prot", Value: "rw-p"}, {Key: "backing", Value: ""}, {Key: "uffd", Value: uffd}, {Key: "modes", Value: modes},
		}}
	}
	b := browsertest.OpenStill(t)
	open(t, b, "colours", trace.Stream{
		{Seq: 1, Kind: "run_begin", Args: trace.Args{{Key: "kernel", Value: "k"}}},
		vma(2, 0x1000, 0x2000, "", ""), vma(3, 0x2000, 0x3000, "ctx1", "missing"), vma(4, 0x3000, 0x4000, "ctx1", "missing+wp"), vma(5, 0x4000, 0x5000, "ctx2", "missing"),
		{Seq: 6, Kind: "run_end", Args: trace.Args{{Key: "ok", Value: true}, {Key: "finding", Value: ""}}},
	})
	for _, theme := range []string{"light", "dark"} {
		looks := browsertest.Eval[[]string](b, `(document.documentElement.dataset.theme = "`+theme+`", go(6),
			[...document.querySelectorAll(".vma")].map(getComputedStyle).map(s => s.borderTopColor + s.backgroundColor + s.backgroundImage))`)
		require.Len(t, looks, 4)
		slices.Sort(looks)
		require.Len(t, slices.Compact(looks), 4, "each looks different")
	}
	b.NoComplaints()
}

// TestGallery draws the picture of the page in docs/gallery.md.
func TestGallery(t *testing.T) {
	dir := browsertest.Screenshots(t)
	l, ok := lessons.Find("02-two-faulters")
	require.True(t, ok)
	b := browsertest.OpenStill(t)
	open(t, b, l.Name, tracetest.Scenario(t, l.Name, l.Source))
	b.Do(chromedp.EmulateViewport(1280, 720))
	browsertest.Eval[int](b, "go(96); run.seq")
	b.Screenshot(filepath.Join(dir, "page.png"))
}

// manyMappings returns a run that splits one mapping into n, and then returns to the
// first of them.
func manyMappings(t testing.TB, n int) trace.Stream {
	text := fmt.Sprintf("mmap(0x100000, %dp, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED)\n", n)
	for i := range n / 2 {
		text += fmt.Sprintf("mprotect(%#x, 1p, PROT_READ)\n", 0x101000+i*0x2000)
	}
	return tracetest.Scenario(t, "many mappings", text+"madvise(0x100000, 1p, MADV_DONTNEED)\nload(0x100000)\n")
}

// Of very many mappings the page draws those around the one that changes.
func TestManyMappings(t *testing.T) {
	b := browsertest.OpenStill(t)
	s := manyMappings(t, 200)
	open(t, b, "many", s)
	var state trace.State
	label := s.Labels()
	for i := range s {
		state.Apply(&s[i])
		if s[i].Kind != "vma_change" && s[i].Kind != "fault_begin" || i%11 > 0 && i < len(s)*9/10 {
			continue
		}
		at := s[i].Str("start")
		if at == "" {
			at = s[i].Str("address")
		}
		all := state.Spaces[0].Maps(label)
		drawn := browsertest.Eval[[]string](b, fmt.Sprintf(`(go(%d), [...document.querySelectorAll("[data-vma]")].map(e => e.dataset.vma))`, i+1))
		require.Len(t, drawn, min(len(all), 80))
		require.Subset(t, all, drawn)
		require.True(t, slices.ContainsFunc(drawn, func(v string) bool { return strings.HasPrefix("0x"+v, at+"-") }), "%s at step %d", at, i+1)
	}
	require.Equal(t, fmt.Sprintf("%d mappings above", len(state.Spaces[0].VMAs)-80), browsertest.Eval[string](b, `(go(run.events.length), document.querySelector(".more").textContent)`))
	b.NoComplaints()
}

// BenchmarkStep steps to the next event, and to a random one, in the lesson with the
// largest page and in runs of 10,000 events, one of them with many mappings. It includes
// the layout.
func BenchmarkStep(b *testing.B) {
	runs := map[string]trace.Stream{"long": tracetest.Long(b, 10_000), "wide": manyMappings(b, 1300)}
	for _, l := range lessons.All() {
		if s := tracetest.Scenario(b, l.Name, l.Source); len(html(b, s)) > len(html(b, runs["lesson"])) {
			runs["lesson"] = s
		}
	}
	br := browsertest.Open(b)
	for name, s := range runs {
		open(b, br, name, s)
		for _, way := range []struct{ name, next string }{
			{"forth", "(i => n * 0.4 + i)"}, {"back", "(i => n * 0.9 - i)"}, {"anywhere", "(i => 1 + (i * 7919) % n)"},
		} {
			b.Run(name+"/"+way.name, func(b *testing.B) {
				took := browsertest.Eval[[]float64](br, fmt.Sprintf(`(() => { const n = run.events.length, next = %s, took = []; go(next(0));
					for (let i = 1; i <= 100; i++) { const t = performance.now(); go(next(i)); document.body.offsetHeight; took.push(performance.now() - t); }
					return took.sort((a, b) => a - b); })()`, way.next))
				require.Less(b, took[50], 1000.0)
				b.ReportMetric(took[50], "ms/step")
				b.ReportMetric(took[99], "ms/worst")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
