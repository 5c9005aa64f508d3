// Package play serves a page to write, run and step through scenarios. The model runs
// inside the server, within limits. The server answers only its own page: it is for the
// user of the computer on which it runs.
package play

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/uffdsim/uffdsim/lessons"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/trace/page"
	"github.com/uffdsim/uffdsim/uffd"
)

//go:embed assets
var assets embed.FS

// The bounds, which determine the memory of a server: see docs/play.md.
const (
	// MaxBody bounds the body of a request, in bytes.
	MaxBody = 256 << 10
	// MaxConns bounds the connections. A browser opens six at most.
	MaxConns = 256
	// MaxRuns bounds the runs at a time, including those whose answer is being sent: the
	// server is for one person.
	MaxRuns = 2
	// MaxWaiting bounds the requests for a run that wait for their turn.
	MaxWaiting = 128
	// patience is the time for which they wait.
	patience = 20 * time.Second
	// MaxName bounds the names of a scenario, a kernel and a rule, in bytes. Every
	// mistake repeats the name of the scenario.
	MaxName = 1 << 10
	// MemoryLimit is where a server begins to collect garbage all the time, in bytes. It
	// needs less than that at a time, and its bound is 512 MiB.
	MemoryLimit = 400 << 20
	// MaxAnswer bounds the JSON of an answer, in bytes.
	MaxAnswer = 32 << 20
	// maxTime is the time after which a run starts no further statement.
	maxTime = 10 * time.Second
)

// Limits are the limits of a run.
var Limits = scenario.Limits{Statements: 2000, Tasks: 64, Steps: 100_000, Pages: 8192, Events: 20_000, EventBytes: 8 << 20, Text: 1 << 20}

// Start is the scenario that the page shows first.
type Start struct {
	Name   string `json:"name"`   // the name of the scenario
	Source string `json:"source"` // its text
}

// Server is the page's server. It is an [http.Handler].
type Server struct {
	hosts   []string // the accepted Host headers
	start   Start
	mux     *http.ServeMux
	turns   chan struct{} // a place for each run in progress
	waiting chan struct{} // a place for each request for a run
	reading time.Duration // the time for a client to read an answer
	answer  int           // bytes of the longest answer
	conns   atomic.Int64
}

// Listen opens a port of the loopback interface; any free one if port is 0. The error is
// the operating system's alone, such as "address already in use".
func Listen(port int) (net.Listener, error) {
	l, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if system := new(os.SyscallError); errors.As(err, &system) {
		return nil, system.Err
	}
	return l, err
}

// New returns a server for a port of the loopback interface.
func New(port int, start Start) *Server {
	s := &Server{
		hosts:   []string{fmt.Sprintf("127.0.0.1:%d", port), fmt.Sprintf("localhost:%d", port)},
		start:   start,
		mux:     http.NewServeMux(),
		turns:   make(chan struct{}, MaxRuns),
		waiting: make(chan struct{}, MaxWaiting),
		reading: 10 * time.Second,
		answer:  MaxAnswer,
	}
	if port == 80 { // a browser omits the default port
		s.hosts = append(s.hosts, "127.0.0.1", "localhost")
	}
	s.mux.HandleFunc("GET /{$}", servePage)
	s.mux.HandleFunc("GET /style.css", serveText("text/css", page.Style()+asset("editor.css")))
	s.mux.HandleFunc("GET /script.js", serveText("text/javascript", page.Script()))
	s.mux.HandleFunc("GET /editor.js", serveText("text/javascript", asset("editor.js")))
	s.mux.HandleFunc("GET /menu", s.serveMenu)
	s.mux.HandleFunc("POST /run", s.serveRun)
	return s
}

// Serve answers requests until the context ends.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler: s, MaxHeaderBytes: 16 << 10, ConnState: s.count,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: time.Minute, IdleTimeout: time.Minute,
	}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// count closes a new connection if there are too many, before anything is read from it.
func (s *Server) count(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if s.conns.Add(1) > MaxConns {
			c.Close()
		}
	case http.StateClosed, http.StateHijacked:
		s.conns.Add(-1)
	}
}

// ServeHTTP implements [http.Handler]. It refuses requests that do not come from the
// server's own page.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if why := s.foreign(r); why != "" {
		refuse(w, http.StatusForbidden, why)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// foreign returns why a request is not from the server's own page, "" if it may be. A
// foreign page can make a browser send requests here. The check of Host excludes foreign
// names that resolve to this machine, and the check of Origin excludes the rest.
func (s *Server) foreign(r *http.Request) string {
	if !slices.Contains(s.hosts, r.Host) {
		return fmt.Sprintf("this is %s, and not %q", s.hosts[0], r.Host)
	}
	if origin := r.Header.Get("Origin"); origin != "" && origin != "http://"+r.Host {
		return fmt.Sprintf("the request comes from %q, and not from this server's own page", origin)
	}
	switch site := r.Header.Get("Sec-Fetch-Site"); site {
	case "", "none", "same-origin": // no browser; a typed address; the page
		return ""
	default:
		return fmt.Sprintf("the request comes from another page (%q)", site)
	}
}

// refusal is the answer to a refused request.
type refusal struct {
	Error string `json:"error"`
	Line  int    `json:"line,omitempty"` // the line of the scenario, if any
}

func refuse(w http.ResponseWriter, status int, why string) { reply(w, status, refusal{Error: why}) }

func reply(w http.ResponseWriter, status int, what any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(what) // an error means that the client has disconnected
}

func servePage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = page.WriteLinked(w)
}

func serveText(kind, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind+"; charset=utf-8")
		_, _ = w.Write([]byte(text))
	}
}

func asset(name string) string {
	text, err := assets.ReadFile("assets/" + name)
	if err != nil {
		panic(err) // it is embedded
	}
	return string(text)
}

// menu has the choices of the page.
type menu struct {
	Start   Start    `json:"start"`
	Lessons []lesson `json:"lessons"`
	Kernels []string `json:"kernels"`
	Default string   `json:"default"` // kernel of a scenario that names none
	Rules   []rule   `json:"rules"`
	Body    int      `json:"body"` // MaxBody
}

type (
	lesson struct {
		Name    string `json:"name"`
		Title   string `json:"title"`
		Teaches string `json:"teaches"`
		Source  string `json:"source"`
	}
	rule struct {
		Name    string `json:"name"`
		Number  string `json:"number"`
		Func    string `json:"func"`
		Does    string `json:"does"`
		Instead string `json:"instead"`
		Symptom string `json:"symptom"`
		Since   string `json:"since"`
	}
)

func (s *Server) serveMenu(w http.ResponseWriter, _ *http.Request) {
	m := menu{Start: s.start, Kernels: scenario.Kernels(), Default: scenario.DefaultKernel, Body: MaxBody}
	for _, l := range lessons.All() {
		m.Lessons = append(m.Lessons, lesson{l.Name, l.Title, l.Teaches, l.Source})
	}
	for _, r := range uffd.Rules() {
		m.Rules = append(m.Rules, rule{r.Name, r.Number, r.Func, r.Does, r.Instead, string(r.Symptom), r.Since})
	}
	reply(w, http.StatusOK, m)
}
