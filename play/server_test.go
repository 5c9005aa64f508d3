package play

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/lessons"
	"go.uber.org/goleak"
)

// A connection whose request was not read to its end stays open for half a second, so
// that the client can read the answer.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// site is a running server.
type site struct {
	*testing.T
	address string
	client  *http.Client
}

func open(t *testing.T, start Start) *site {
	return serve(t, start, func(*Server) {})
}

// serve starts a server that change has adapted.
func serve(t *testing.T, start Start, change func(*Server)) *site {
	l, err := Listen(0)
	require.NoError(t, err)
	server := New(l.Addr().(*net.TCPAddr).Port, start)
	change(server)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- server.Serve(ctx, l) }()
	s := &site{t, l.Addr().String(), &http.Client{Timeout: time.Minute}}
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		cancel()
		require.NoError(t, <-ended)
	})
	return s
}

// ask sends a request as the page does, with the changes of change, and returns the
// answer.
func (s *site) ask(method, path, body string, change func(*http.Request)) (status int, answer []byte) {
	r, err := http.NewRequest(method, "http://"+s.address+path, strings.NewReader(body))
	require.NoError(s, err)
	r.Header.Set("Origin", "http://"+s.address)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Content-Type", "application/json")
	if change != nil {
		change(r)
	}
	a, err := s.client.Do(r)
	require.NoError(s, err)
	defer a.Body.Close()
	answer, err = io.ReadAll(a.Body)
	require.NoError(s, err)
	return a.StatusCode, answer
}

// run requests a run.
func (s *site) run(req Request) (status int, answer Response, refused refusal) {
	body, err := json.Marshal(req)
	require.NoError(s, err)
	status, text := s.ask("POST", "/run", string(body), nil)
	if status == http.StatusOK {
		require.NoError(s, json.Unmarshal(text, &answer), "%.200s", text)
		return status, answer, refusal{}
	}
	require.NoError(s, json.Unmarshal(text, &refused), "%.200s", text)
	require.NotEmpty(s, refused.Error)
	return status, Response{}, refused
}

func TestLessonsRun(t *testing.T) {
	s := open(t, Start{})
	for _, l := range lessons.All() {
		status, answer, _ := s.run(Request{Name: l.Name, Source: l.Source})
		require.Equal(t, http.StatusOK, status)
		require.Empty(t, answer.Wrong, l.Name)
		require.Empty(t, answer.Ended, l.Name)
		require.Equal(t, "run_end", answer.Events[len(answer.Events)-1].Kind)
	}
}

func TestSwitches(t *testing.T) {
	s, l := open(t, Start{}), lessons.All()[0]
	_, answer, _ := s.run(Request{Source: l.Source, Kernel: "2015"})
	require.NotEmpty(t, answer.Wrong, "2015 has no UFFDIO_COPY")
	_, answer, _ = s.run(Request{Source: l.Source, Dropped: []string{"read-refiles"}})
	require.Equal(t, []int{30}, answer.Wrong)
}

func TestMistakes(t *testing.T) {
	s := open(t, Start{})
	for _, c := range []struct {
		name    string
		request Request
		want    string
		line    int
	}{
		{"a word", Request{Source: "\n\nmaps(\n"}, "scenario:3:", 3},
		{"an operation", Request{Name: "x.uffd", Source: "nmap(1, 2)"}, `x.uffd:1:1: unknown operation "nmap"`, 1},
		{"a kernel", Request{Source: "maps()", Kernel: "2.4"}, `no kernel "2.4"`, 0},
		{"a rule", Request{Source: "maps()", Dropped: []string{"gravity"}}, `no rule "gravity"`, 0},
		{"too many statements", Request{Source: strings.Repeat("maps()\n", Limits.Statements+1)}, "more than 2000 statements", Limits.Statements + 1},
		{"too many tasks", Request{Source: manyTasks(Limits.Tasks)}, "more than 64 tasks", Limits.Tasks},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &site{t, s.address, s.client}
			status, _, refused := s.run(c.request)
			require.Equal(t, http.StatusUnprocessableEntity, status)
			require.Contains(t, refused.Error, c.want)
			require.Equal(t, c.line, refused.Line)
		})
	}
}

func manyTasks(n int) string {
	text := ""
	for i := range n {
		text += fmt.Sprintf("t%d: close(77)\n", i)
	}
	return text
}

// If a mistake shows only in the run, the steps up to it can be viewed.
func TestMistakesInTheRun(t *testing.T) {
	s := open(t, Start{})
	status, answer, _ := s.run(Request{Source: "child = fork()\nchild: exit()\nchild: maps()\nchild: close(1)"})
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, answer.Ended, "child cannot run close: its process has exited")
	require.Equal(t, 4, answer.Line)
	require.Equal(t, 3, answer.Statements)
	end := answer.Events[len(answer.Events)-1]
	require.Equal(t, "run_end", end.Kind)
	require.Contains(t, end.Said, "its process has exited")
}

func TestForeignRequests(t *testing.T) {
	s := open(t, Start{})
	_, port, _ := net.SplitHostPort(s.address)
	for _, c := range []struct {
		name   string
		change func(*http.Request)
		want   int
	}{
		{"the page", nil, http.StatusOK},
		{"by its other name", func(r *http.Request) {
			r.Host = "localhost:" + port
			r.Header.Set("Origin", "http://localhost:"+port)
		}, http.StatusOK},
		{"no browser", func(r *http.Request) { r.Header.Del("Origin"); r.Header.Del("Sec-Fetch-Site") }, http.StatusOK},
		{"another origin", func(r *http.Request) { r.Header.Set("Origin", "http://example.com") }, http.StatusForbidden},
		{"another port", func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:1") }, http.StatusForbidden},
		{"another scheme", func(r *http.Request) { r.Header.Set("Origin", "https://"+s.address) }, http.StatusForbidden},
		{"an origin that is hidden", func(r *http.Request) { r.Header.Set("Origin", "null") }, http.StatusForbidden},
		{"another site", func(r *http.Request) { r.Header.Del("Origin"); r.Header.Set("Sec-Fetch-Site", "cross-site") }, http.StatusForbidden},
		{"another port, which is the same site", func(r *http.Request) { r.Header.Del("Origin"); r.Header.Set("Sec-Fetch-Site", "same-site") }, http.StatusForbidden},
		{"a name that was made to lead here", func(r *http.Request) {
			r.Host = "example.com:" + port
			r.Header.Set("Origin", "http://example.com:"+port)
		}, http.StatusForbidden},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &site{t, s.address, s.client}
			for _, path := range []string{"/", "/menu", "/script.js", "/style.css", "/editor.js"} {
				status, _ := s.ask("GET", path, "", c.change)
				require.Equal(t, c.want, status, path)
			}
			status, _ := s.ask("POST", "/run", `{"source": "maps()"}`, c.change)
			require.Equal(t, c.want, status)
		})
	}
	status, answer := s.ask("POST", "/run", `{"source": "maps()"}`, func(r *http.Request) { r.Header.Set("Origin", "http://example.com") })
	require.Equal(t, http.StatusForbidden, status)
	require.NotContains(t, string(answer), "events")
}

func TestMalformedRequests(t *testing.T) {
	s := open(t, Start{})
	plain := func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }
	for _, c := range []struct {
		name, method, path, body string
		change                   func(*http.Request)
		want                     int
	}{
		{"nothing", "POST", "/run", "", nil, http.StatusBadRequest},
		{"no JSON", "POST", "/run", "maps()", nil, http.StatusBadRequest},
		{"cut off", "POST", "/run", `{"source": "map`, nil, http.StatusBadRequest},
		{"a list", "POST", "/run", `[1, 2]`, nil, http.StatusBadRequest},
		{"an unknown field", "POST", "/run", `{"code": "maps()"}`, nil, http.StatusBadRequest},
		{"a field of another kind", "POST", "/run", `{"seed": -1}`, nil, http.StatusBadRequest},
		{"two objects", "POST", "/run", `{"source": "maps()"} {"source": "maps()"}`, nil, http.StatusBadRequest},
		{"deeply nested", "POST", "/run", strings.Repeat("[", 100_000), nil, http.StatusBadRequest},
		{"a form, which other pages may send", "POST", "/run", `{"source": "maps()"}`, plain, http.StatusUnsupportedMediaType},
		{"10 MB", "POST", "/run", `{"source": "` + strings.Repeat("x", 10<<20) + `"}`, nil, http.StatusRequestEntityTooLarge},
		{"another method", "GET", "/run", "", nil, http.StatusMethodNotAllowed},
		{"another place", "GET", "/etc/passwd", "", nil, http.StatusNotFound},
		{"a way out", "GET", "/../editor.js", "", nil, http.StatusOK}, // ServeMux cleans the path
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &site{t, s.address, s.client}
			status, _ := s.ask(c.method, c.path, c.body, c.change)
			require.Equal(t, c.want, status)
		})
	}
	status, _, _ := s.run(Request{Source: "maps()"})
	require.Equal(t, http.StatusOK, status, "it still answers")
}
