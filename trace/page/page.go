// Package page writes a run as one HTML file to step through. The file needs no network
// and no server: it draws everything in the reader's browser, from the stream of events.
package page

import (
	"embed"
	"encoding/json"
	"html/template"
	"io"

	"github.com/uffdsim/uffdsim/trace"
)

//go:embed assets
var assets embed.FS

// The parts of the page, in the order in which a browser must read them.
var (
	styles  = []string{"style.css"}
	scripts = []string{"state.js", "dom.js", "memory.js", "view.js", "player.js"}
	page    = template.Must(template.ParseFS(assets, "assets/page.html"))
)

// Data is the data of a page.
type Data struct {
	Events []Event           `json:"events"`
	Labels map[string]string `json:"labels"` // the names of the contexts
}

// Event is an event and its sentence.
type Event struct {
	trace.Event
	Said string `json:"said"`
	Why  string `json:"why,omitempty"` // why the step follows the event's rule
}

// DataOf returns the page's data for a stream, whose events it numbers from 1.
func DataOf(s trace.Stream) *Data {
	d := &Data{Events: make([]Event, len(s)), Labels: map[string]string{}}
	label := s.Labels()
	for i := range s {
		e := &s[i]
		d.Events[i] = Event{sound(e), e.Sentence(label), e.Why()}
		d.Events[i].Seq = i + 1
		if e.Kind == "ctx_new" {
			d.Labels[e.Object] = label(e.Object)
		}
	}
	return d
}

// content is the data of the template.
type content struct {
	Title  string
	Style  template.CSS
	Script template.JS
	Data   template.JS // JSON; encoding/json escapes < and >, so that it cannot end the element
	Linked bool        // the page loads style, script and editor from the server
}

// Write writes the page for a stream.
func Write(w io.Writer, s trace.Stream) error {
	data, err := json.Marshal(DataOf(s))
	if err != nil {
		return err
	}
	title := "uffdsim"
	if len(s) > 0 && s[0].Str("source") != "" {
		title = s[0].Str("source") + " – uffdsim"
	}
	return page.Execute(w, content{
		Title: title, Style: template.CSS(Style()), Script: template.JS(Script()), Data: template.JS(data),
	})
}

// WriteLinked writes the page without a stream, for a server that has the style, the
// script and an editor under /style.css, /script.js and /editor.js.
func WriteLinked(w io.Writer) error {
	return page.Execute(w, content{Title: "uffdsim play", Linked: true})
}

// Style returns the page's style sheet.
func Style() string { return join(styles) }

// Script returns the page's program.
func Script() string { return join(scripts) }

func join(names []string) (all string) {
	for _, name := range names {
		text, err := assets.ReadFile("assets/" + name)
		if err != nil {
			panic(err) // they are embedded
		}
		all += string(text) + "\n"
	}
	return all
}
