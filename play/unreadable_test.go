package play

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A request that cannot be decoded is refused in plain words.
func TestUnreadableRequests(t *testing.T) {
	for body, want := range map[string]string{
		"":                       "the request is empty: it must be a JSON object",
		`{"source": "map`:        "the request is cut off: it must be a JSON object",
		"maps()":                 "the request is not JSON: invalid character 'm' looking for beginning of value, at byte 1",
		"[1]":                    "the request must be a JSON object, and is of kind array",
		`{"text": "maps()"}`:     `a request has no field "text": its fields are name, source, kernel, seed and dropped`,
		`{"seed": -1}`:           `the field "seed" of the request cannot be of kind number -1`,
		`{"kernel": 6}`:          `the field "kernel" of the request cannot be of kind number`,
		`{"source": ""} {"x":1}`: "text follows the object",
	} {
		r := httptest.NewRequest("POST", "/run", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		_, status, err := read(httptest.NewRecorder(), r)
		require.Equal(t, http.StatusBadRequest, status, body)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "json:")
		require.NotContains(t, err.Error(), "Go ")
	}
}
