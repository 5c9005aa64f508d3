package play

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/lessons"
	"go.uber.org/goleak"
)

// A connection whose request was not read to its end stays for half a second, so that the answer is read.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// site is a server that answers on a port.
type site struct {
	*testing.T
	address string
	client  *http.Client
}

func open(t *testing.T, start Start) *site {
	return serve(t, start, func(*Server) {})
}

// serve has a server answer, as change leaves it.
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

// ask sends a request as the page does, but for what change does to it, and returns the answer.
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

// run asks for a run.
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
	require.Equal(t, []int{28}, answer.Wrong)
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
		{"a kernel", Request{Source: "maps()", Kernel: "9.9"}, `no kernel "9.9"`, 0},
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

// What led to a mistake that only shows in the run can be looked at.
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
		{"a field that there is not", "POST", "/run", `{"code": "maps()"}`, nil, http.StatusBadRequest},
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

const (
	header = "fd = userfaultfd(0)\nioctl(fd, UFFDIO_API, {api=0xaa, features=0})\n"
	huge   = "mmap(0x10000000000, 0x10000000000, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS)\n"
	wide   = header + huge + "ioctl(fd, UFFDIO_REGISTER, {start=0x10000000000, len=0x10000000000, mode=MISSING})\n"
)

// greedy are scenarios that take as much as they can of one thing each.
var greedy = map[string]string{
	"zero-fills a terabyte": wide + "ioctl(fd, UFFDIO_ZEROPAGE, {start=0x10000000000, len=0x10000000000})\n",
	"copies a terabyte":     wide + "ioctl(fd, UFFDIO_COPY, {dst=0x10000000000, src=0x10000000000, len=0x10000000000})\n",
	"touches huge pages":    "sysctl(thp=always)\n" + huge + times(1000, func(i int) string { return fmt.Sprintf("store(%#x, 'x')\n", 0x10000000000+i<<21) }),
	"page tables":           huge + times(1900, func(i int) string { return fmt.Sprintf("store(%#x, 'x')\n", 0x10000000000+i<<29) }),
	"forks of much": huge + times(1000, func(i int) string { return fmt.Sprintf("store(%#x, 'x')\n", 0x10000000000+i<<21) }) +
		times(60, func(i int) string { return fmt.Sprintf("c%d = fork()\n", i) }),
	"forks of many mappings": times(1900, func(i int) string {
		return fmt.Sprintf("mmap(%#x, 1p, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS)\n", 0x100000+i<<13)
	}) + times(60, func(i int) string { return fmt.Sprintf("c%d = fork()\n", i) }),
	"long answers": times(900, func(i int) string {
		return fmt.Sprintf("mmap(%#x, 1p, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS)\nmaps()\n", 0x100000+i<<13)
	}),
	"long loads":    "mmap(0x100000, 0x10000, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS)\n" + strings.Repeat("load(0x100000, 0x10000)\n", 1900),
	"present pages": strings.Repeat("present(0x100000, 0x10000)\n", 1900),
	"large sources": wide + strings.Repeat("ioctl(fd, UFFDIO_COPY, {dst=0x1000, len=0x1000000, byte='A', mode=0})\n", 50),
	"large reads":   wide + strings.Repeat("read(fd, 0x100000)\n", 1900),
	"descriptors":   strings.Repeat("userfaultfd(0)\n", 1999),
	"many sleepers": strings.Replace(wide, "len=0x10000000000, mode", "len=0x1000000, mode", 1) +
		times(62, func(i int) string { return fmt.Sprintf("t%d: load(0x10000000000)\n", i) }) +
		strings.Repeat("ioctl(fd, UFFDIO_WAKE, {start=0x10000000000, len=1p})\n", 1900),
}

func times(n int, text func(i int) string) string {
	var all strings.Builder
	for i := range n {
		all.WriteString(text(i))
	}
	return all.String()
}

// Whatever a scenario takes, there comes an answer, and soon.
func TestGreedyScenarios(t *testing.T) {
	s := open(t, Start{})
	for name, source := range greedy {
		t.Run(name, func(t *testing.T) {
			s := &site{t, s.address, s.client}
			status, answer, refused := s.run(Request{Source: source})
			require.Equal(t, http.StatusOK, status, refused.Error)
			require.LessOrEqual(t, len(answer.Events), Limits.Events+2*Limits.Statements+2)
			t.Logf("%d statements, %d events, ended: %q", answer.Statements, len(answer.Events), answer.Ended)
		})
	}
}

// together sends n requests at a time, and counts the answers by their status.
func (s *site) together(bodies [][]byte, n int) map[int]int {
	var all sync.WaitGroup
	var mu sync.Mutex
	answers := map[int]int{}
	for i := range n {
		all.Go(func() {
			r, err := http.NewRequest("POST", "http://"+s.address+"/run", bytes.NewReader(bodies[i%len(bodies)]))
			if err != nil {
				return
			}
			r.Header.Set("Content-Type", "application/json")
			a, err := s.client.Do(r)
			if err != nil {
				return
			}
			_, err = io.Copy(io.Discard, a.Body)
			a.Body.Close()
			if err == nil {
				mu.Lock()
				answers[a.StatusCode]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return answers
}

// A class that runs the lessons, all at the same moment, waits its turn, and that is all.
func TestClass(t *testing.T) {
	s := open(t, Start{})
	var bodies [][]byte
	for _, l := range lessons.All() {
		body, err := json.Marshal(Request{Source: l.Source})
		require.NoError(t, err)
		bodies = append(bodies, body)
	}
	require.Equal(t, map[int]int{http.StatusOK: 100}, s.together(bodies, 100))
}

// Those who ask for a run and never read the answer keep the others waiting for a while, and not for good.
func TestNobodyReads(t *testing.T) {
	s := serve(t, Start{}, func(s *Server) { s.reading = 300 * time.Millisecond })
	body, err := json.Marshal(Request{Source: greedy["zero-fills a terabyte"]}) // more than a connection takes unread
	require.NoError(t, err)
	for range 2 * MaxRuns {
		c, err := net.Dial("tcp", s.address)
		require.NoError(t, err)
		defer c.Close()
		require.NoError(t, c.(*net.TCPConn).SetReadBuffer(4096))
		_, err = fmt.Fprintf(c, "POST /run HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", s.address, len(body), body)
		require.NoError(t, err)
	}
	status, _, _ := s.run(Request{Source: "maps()"})
	require.Equal(t, http.StatusOK, status)
}

// A run ends with who has asked for it.
func TestNobodyIsThere(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	leave()
	response, err := run(ctx, &Request{Source: "maps()\nmaps()"})
	require.ErrorIs(t, err, context.Canceled)
	require.Nil(t, response)
}

// There are so many connections and no more; when one ends there is a place for another.
func TestManyConnections(t *testing.T) {
	s := open(t, Start{})
	var all []net.Conn
	for range MaxConns {
		c, err := net.Dial("tcp", s.address)
		require.NoError(t, err)
		defer c.Close()
		all = append(all, c)
	}
	more, err := net.Dial("tcp", s.address)
	require.NoError(t, err)
	defer more.Close()
	_, err = more.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF, "it is closed without a word")
	for _, c := range all {
		c.Close()
	}
	require.Eventually(t, func() bool {
		a, err := s.client.Get("http://" + s.address + "/menu")
		if err == nil {
			a.Body.Close()
		}
		return err == nil
	}, time.Minute, time.Millisecond)
}

// memoryBound is what docs/play.md promises, in bytes: of the heap, right before it is swept.
const memoryBound = 512 << 20

// A hundred runs at a time, of scenarios that take what they can get, are all answered, and memory stays
// within bounds.
func TestManyRunsAtATime(t *testing.T) {
	s := open(t, Start{})
	var bodies [][]byte
	for _, source := range greedy {
		body, err := json.Marshal(Request{Source: source})
		require.NoError(t, err)
		bodies = append(bodies, body)
	}
	var peak uint64
	stop, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapAlloc)
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	answers := s.together(bodies, 100)
	close(stop)
	<-watched
	t.Logf("answers by status: %v; at most %d MiB of heap", answers, peak>>20)
	require.Equal(t, 100, answers[http.StatusOK]+answers[http.StatusServiceUnavailable], "every request is answered: %v", answers)
	require.NotZero(t, answers[http.StatusOK])
	require.Less(t, peak, uint64(memoryBound))
}
