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
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

const (
	header = "fd = userfaultfd(0)\nioctl(fd, UFFDIO_API, {api=0xaa, features=0})\n"
	huge   = "mmap(0x10000000000, 0x10000000000, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS)\n"
	wide   = header + huge + "ioctl(fd, UFFDIO_REGISTER, {start=0x10000000000, len=0x10000000000, mode=MISSING})\n"
)

// greedy are scenarios that each use as much as they can of one resource.
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
	"long loads": "mmap(0x100000, 0x10000, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS)\n" + strings.Repeat("load(0x100000, 0x10000)\n", 1900),
	"escaped characters": "mmap(0x100000, 0x10000, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS)\nstore(0x100000, \"" + strings.Repeat("<", 40_000) + "\")\n" +
		strings.Repeat("load(0x100000, 40000)\n", 100),
	"present pages": strings.Repeat("present(0x100000, 0x10000)\n", 1900),
	"large sources": wide + strings.Repeat("ioctl(fd, UFFDIO_COPY, {dst=0x1000, len=0x1000000, byte='A', mode=0})\n", 50),
	"large reads":   strings.Replace(wide, "userfaultfd(0)", "userfaultfd(O_NONBLOCK)", 1) + strings.Repeat("read(fd, 0x100000)\n", 1900),
	"blocked reads": header + times(62, func(i int) string { return fmt.Sprintf("t%d: read(fd, 0x100000)\n", i) }),
	"descriptors":   strings.Repeat("userfaultfd(0)\n", 1999),
	"long names of sleepers": "#! kernel: 6.18\n" + strings.Replace(wide, "len=0x10000000000, mode", "len=0x1000000, mode", 1) +
		times(62, func(i int) string { return fmt.Sprintf("t%063d: load(0x10000000000)\n", i) }) +
		strings.Repeat("ioctl(fd, UFFDIO_WAKE, {start=0x10000000000, len=1p})\n", 1900),
	"long names of contexts": splits(longestName),
	"long questions":         wide + "t: store(0x10000000000, \"" + strings.Repeat("x", 65_000) + "\")\n" + strings.Repeat("t\n", 1900),
	"mistakes":               strings.Repeat("q()\n", Limits.Statements),
	"many sleepers": strings.Replace(wide, "len=0x10000000000, mode", "len=0x1000000, mode", 1) +
		times(62, func(i int) string { return fmt.Sprintf("t%d: load(0x10000000000)\n", i) }) +
		strings.Repeat("ioctl(fd, UFFDIO_WAKE, {start=0x10000000000, len=1p})\n", 1900),
}

var longestName = strings.Repeat("n", syntax.MaxName)

// splits is a scenario that splits a registered mapping 1,900 times. Each event names the
// context.
func splits(fd string) string {
	return strings.NewReplacer("fd = ", fd+" = ", "(fd,", "("+fd+",").Replace(wide) +
		times(1900, func(i int) string { return fmt.Sprintf("mprotect(%#x, 1p, PROT_READ)\n", 0x10000001000+i<<13) })
}

func times(n int, text func(i int) string) string {
	var all strings.Builder
	for i := range n {
		all.WriteString(text(i))
	}
	return all.String()
}

// Every scenario is answered soon, whatever it uses.
func TestGreedyScenarios(t *testing.T) {
	s := open(t, Start{})
	for name, source := range greedy {
		t.Run(name, func(t *testing.T) {
			s := &site{t, s.address, s.client}
			status, answer, refused := s.run(Request{Source: source})
			if source == greedy["mistakes"] {
				require.Equal(t, http.StatusUnprocessableEntity, status)
				require.Less(t, len(refused.Error), 2000)
				return
			}
			require.Equal(t, http.StatusOK, status, refused.Error)
			require.LessOrEqual(t, len(answer.Events), Limits.Events+2*Limits.Statements+2)
			t.Logf("%d statements, %d events, ended: %q", answer.Statements, len(answer.Events), answer.Ended)
		})
	}
}

// Long names, of the scenario, of tasks or of contexts, do not multiply the memory of a
// request.
func TestLongNames(t *testing.T) {
	s := open(t, Start{})
	sleepers := wide + times(60, func(i int) string { return fmt.Sprintf("t%02999d: load(0x10000000000)\n", i) }) +
		strings.Repeat("ioctl(fd, UFFDIO_WAKE, {start=0x10000000000, len=1p})\n", 1200)
	for _, c := range []struct {
		name    string
		request Request
		status  int
		want    string
	}{
		{"of the scenario", Request{Name: strings.Repeat("x", 100_000), Source: strings.Repeat("q()\n", 20_000)},
			http.StatusBadRequest, "the scenario's name has 100000 bytes: at most 1024 are allowed"},
		{"of the kernel", Request{Kernel: strings.Repeat("9", 2000), Source: "maps()"}, http.StatusBadRequest, "the name of the kernel has 2000 bytes: at most 1024 are allowed"},
		{"of a rule", Request{Dropped: []string{"read-refiles", strings.Repeat("r", 2000)}}, http.StatusBadRequest, "the name of dropped rule 2 has 2000 bytes: at most 1024 are allowed"},
		{"of many rules", Request{Dropped: make([]string, 30_000)}, http.StatusBadRequest, "30000 rules are dropped: there are only "},
		{"of tasks", Request{Source: sleepers}, http.StatusUnprocessableEntity, `scenario:5:1: the name "t0000000000000000000..." has 3000 bytes: a name has at most 64`},
		{"of a context", Request{Source: splits(strings.Repeat("n", 50_000))}, http.StatusUnprocessableEntity,
			`scenario:1:1: the name "nnnnnnnnnnnnnnnnnnnn..." has 50000 bytes: a name has at most 64`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &site{t, s.address, s.client}
			status, _, refused := s.run(c.request)
			require.Contains(t, refused.Error, c.want)
			require.Equal(t, c.status, status)
			require.Less(t, len(refused.Error), 4000)
		})
	}
	status, _, refused := s.run(Request{Name: strings.Repeat("x", MaxName), Source: greedy["mistakes"]})
	require.Equal(t, http.StatusUnprocessableEntity, status)
	require.Less(t, len(refused.Error), 30*MaxName)
}

// No part of an answer that is too long is sent. The error says what is too long, and
// where.
func TestLongAnswers(t *testing.T) {
	s := serve(t, Start{}, func(s *Server) { s.answer = 20_000 })
	status, _, refused := s.run(Request{Name: "x.uffd", Source: "maps()\n\n" + strings.Repeat("close(9)\n", 200)})
	require.Equal(t, http.StatusUnprocessableEntity, status)
	require.Regexp(t, `^x.uffd:\d+:1: the answer is too long: the run up to here takes more than 20000 bytes$`, refused.Error)
	require.Greater(t, refused.Line, 10)
	require.Less(t, refused.Line, 100)
	status, _, _ = s.run(Request{Source: "maps()"})
	require.Equal(t, http.StatusOK, status)
}

// The pieces of an answer are the JSON of the whole. They stop when the context ends.
func TestPieces(t *testing.T) {
	response, err := run(t.Context(), &Request{Source: lessons.All()[0].Source})
	require.NoError(t, err)
	whole, err := json.Marshal(response)
	require.NoError(t, err)
	parts, err := response.encode(t.Context(), MaxAnswer)
	require.NoError(t, err)
	require.JSONEq(t, string(whole), string(bytes.Join(parts, nil)))
	ctx, leave := context.WithCancel(t.Context())
	leave()
	_, err = response.encode(ctx, MaxAnswer)
	require.ErrorIs(t, err, context.Canceled)
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

// A class that runs the lessons, all at the same moment, waits its turn, and gets all
// answers.
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

// Clients that request a run and never read the answer delay the others only for a
// limited time.
func TestNobodyReads(t *testing.T) {
	s := serve(t, Start{}, func(s *Server) { s.reading = 300 * time.Millisecond })
	body, err := json.Marshal(Request{Source: greedy["zero-fills a terabyte"]}) // more than a connection buffers
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

// A run ends when its client disconnects.
func TestNobodyIsThere(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	leave()
	response, err := run(ctx, &Request{Source: "maps()\nmaps()"})
	require.ErrorIs(t, err, context.Canceled)
	require.Nil(t, response)
	// The scenario is not even checked.
	_, err = run(ctx, &Request{Source: strings.Repeat("close(q)\n", Limits.Statements)})
	require.ErrorIs(t, err, context.Canceled)
}

// The number of connections is limited. When one ends, another one is accepted.
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

// memoryBound is the bound of docs/play.md in bytes: of the heap, right before it is
// swept.
const memoryBound = 512 << 20

// A hundred runs at a time, of scenarios that use as much as they can, are all answered,
// and memory stays within its bound.
func TestManyRunsAtATime(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED by -short: a hundred greedy runs take long")
	}
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
	require.Equal(t, 100, answers[http.StatusOK]+answers[http.StatusServiceUnavailable]+answers[http.StatusUnprocessableEntity], "every request is answered: %v", answers)
	require.NotZero(t, answers[http.StatusOK])
	require.Less(t, peak, uint64(memoryBound))
}
