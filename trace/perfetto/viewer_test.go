package perfetto_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/lessons"
	"github.com/uffdsim/uffdsim/trace/browsertest"
	"github.com/uffdsim/uffdsim/trace/perfetto"
	"github.com/uffdsim/uffdsim/trace/tracetest"
)

// viewerPage shows a trace in Chromium's trace viewer, which is part of Go's
// distribution.
const viewerPage = `<!doctype html>
<script src="/webcomponents.min.js"></script>
<link rel="import" href="/trace_viewer_full.html">
<style>html, body, #viewer { height: 100%; width: 100%; margin: 0; overflow: hidden }</style>
<script>
const ready = new Promise(yes => document.addEventListener("WebComponentsReady", yes)).then(() => {
	const container = document.createElement("track-view-container");
	container.id = "track_view_container";
	window.viewer = document.createElement("tr-ui-timeline-view");
	viewer.track_view_container = container;
	Polymer.dom(viewer).appendChild(container);
	viewer.id = "viewer";
	document.body.appendChild(viewer);
});
// show returns the number of things of each kind that the viewer found, and its
// complaints.
async function show(trace) {
	await ready;
	const model = new tr.Model(), options = new tr.importer.ImportOptions();
	await new tr.importer.Import(model, options).importTraces([trace]);
	viewer.model = model;
	const found = {tracks: 0, slices: 0, waits: 0, counters: 0, flows: model.flowEvents.length,
		complaints: model.importWarnings.map(w => w.message)};
	for (const p of model.getAllProcesses()) {
		found.counters += Object.keys(p.counters).length;
		for (const t of Object.values(p.threads)) {
			found.tracks++;
			found.slices += t.sliceGroup.length;
			found.waits += t.asyncSliceGroup.length;
		}
	}
	return found;
}
// tidy hides everything except the trace, for a picture.
function tidy() {
	for (const e of Array.from(document.querySelectorAll("tr-ui-b-info-bar-group, tr-ui-a-analysis-view, tr-ui-b-drag-handle, tr-ui-b-mouse-mode-selector")))
		e.style.display = "none";
}
</script>
<body></body>`

// Another project's program for the format opens the traces without a complaint.
func TestOpensInTheTraceViewer(t *testing.T) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err)
	files := filepath.Join(strings.TrimSpace(string(root)), "src/internal/trace/traceviewer/static")
	if _, err := os.Stat(filepath.Join(files, "trace_viewer_full.html")); err != nil {
		t.Skip("SKIPPED: this Go has no trace viewer: ", err)
	}
	b := browsertest.OpenStill(t)
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServer(http.Dir(files)))
	mux.HandleFunc("/viewer", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(viewerPage))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	b.Do(chromedp.Navigate(server.URL + "/viewer"))
	for _, l := range lessons.All() {
		var trace bytes.Buffer
		require.NoError(t, perfetto.Write(&trace, tracetest.Scenario(t, l.Name, l.Source)))
		text, err := json.Marshal(trace.String())
		require.NoError(t, err)
		found := browsertest.Eval[struct {
			Tracks, Slices, Waits, Counters, Flows int
			Complaints                             []string
		}](b, "show("+string(text)+")")
		require.Empty(t, found.Complaints, l.Name)
		require.NotZero(t, found.Tracks, l.Name)
		require.NotZero(t, found.Slices, l.Name)
		if l.Name == "02-two-faulters" {
			require.NotZero(t, found.Waits)
			require.NotZero(t, found.Flows)
			require.Equal(t, 2, found.Counters, "pending and total")
			if dir := os.Getenv("SCREENSHOTS"); dir != "" {
				b.Do(chromedp.EmulateViewport(1280, 400))
				browsertest.Eval[bool](b, `(viewer.trackView_.viewport.selectedFlowEvents.add("fault"), tidy(), dispatchEvent(new Event("resize")), true)`)
				b.Do(chromedp.Sleep(time.Second)) // wait until it has drawn
				b.Screenshot(filepath.Join(dir, "trace.png"))
			}
		}
	}
}
