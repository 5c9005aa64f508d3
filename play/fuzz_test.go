package play

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/lessons"
)

// FuzzBody sends any body to run. Each gets an answer of JSON within the limits: a run,
// or what is wrong with the request.
func FuzzBody(f *testing.F) {
	add := func(r Request) {
		body, err := json.Marshal(r)
		require.NoError(f, err)
		f.Add(string(body))
	}
	for _, l := range lessons.All() {
		add(Request{Name: l.Name, Source: l.Source})
	}
	add(Request{Source: header + "t1: load(0x1000)\n", Kernel: "5.10", Seed: 7, Dropped: []string{"read-refiles"}})
	add(Request{Source: "ioctl(3, UFFDIO_MOVE, {dst=0, src=0, len=1p})\nmlock(0, 1p)\n"})
	for _, body := range []string{"", "{}", "[]", `{"source":1}`, `{"name":"` + strings.Repeat("x", 2000) + `"}`, `{"source":"q()"} {}`, `{"source":"\u0000\ud800"}`} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		s := New(80, Start{})
		r := httptest.NewRequest(http.MethodPost, "http://localhost/run", strings.NewReader(body))
		r.Header.Set("Origin", "http://localhost")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		require.LessOrEqual(t, w.Body.Len(), MaxAnswer)
		require.Equal(t, "application/json", w.Header().Get("Content-Type"))
		var answer struct {
			Error  *string
			Events []json.RawMessage
		}
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer), "%.200s", w.Body)
		switch w.Code {
		case http.StatusOK:
			require.NotEmpty(t, answer.Events)
		case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge:
			require.NotNil(t, answer.Error)
			require.NotEmpty(t, *answer.Error)
		default:
			t.Errorf("status %d: %.200s", w.Code, w.Body)
		}
	})
}
