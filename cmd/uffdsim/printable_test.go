package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "",
		"a \"b\" \\x1b\tc\nd é€😀":        "a \"b\" \\x1b\tc\nd é€😀",
		"\x1b[2J\r\x00\x7f":              `\x1b[2J\r\x00\x7f`,
		"a\u009b31mb":                    `a\u009b31mb`,
		"\u202eevil\u2066":               `\u202eevil\u2066`,
		"\xff\xe2\x82 \ufffd":            `\xff\xe2\x82 ` + "\ufffd",
		"\U000e0041\ufeff":               `\U000e0041\ufeff`,
		strings.Repeat("x", 99) + "\x1b": strings.Repeat("x", 99) + `\x1b`,
	} {
		require.Equal(t, want, printable(text))
		require.Equal(t, want, printable(want), "what is printable is not changed")
		for size := 1; size <= 5; size++ { // however the text is cut into pieces
			var out strings.Builder
			w := &printableWriter{out: &out}
			for rest := []byte(text + "\n"); len(rest) > 0; {
				n, err := w.Write(rest[:min(size, len(rest))])
				require.NoError(t, err)
				rest = rest[n:]
			}
			require.Equal(t, want+"\n", out.String(), "%q, %d bytes at a time", text, size)
		}
	}
	require.Equal(t, `a\nb\tc\x1b`, printableName("a\nb\tc\x1b"))
}

// JSON keeps its meaning: the escapes are those of JSON.
func TestPrintableJSON(t *testing.T) {
	const text = "a\u009b31m\x7f\u202e\U000e0041\ufeff\x1b\r\n\t\"\\é😀"
	var out strings.Builder
	e := json.NewEncoder(&printableWriter{out: &out, json: true})
	e.SetEscapeHTML(false)
	require.NoError(t, e.Encode(text))
	require.Equal(t, out.String(), printable(out.String()))
	require.Contains(t, out.String(), `a\u009b31m\u007f\u202e\udb40\udc41\ufeff\u001b\r\n\t\"\\é😀`)
	var back string
	require.NoError(t, json.Unmarshal([]byte(out.String()), &back))
	require.Equal(t, text, back)
}

// Text of targets, scenarios and file names does not reach the terminal as commands.
func TestControlCharactersAreNotPrinted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("file names cannot have control characters")
	}
	const evil = "\x1b]0;owned\x07\x1b[2J\r\u009b31m\u202e"
	t.Chdir(t.TempDir())
	write := func(name, text string) string {
		require.NoError(t, os.WriteFile(name, []byte(text), 0o666))
		return name
	}
	target := func(answer string) string {
		name := strings.Trim(answer[:1], "=?!") + "target.sh"
		return "sh " + write(name, "while read -r line; do echo '"+evil+"' >&2; printf '%s\\n' '"+answer+"'; done\n")
	}
	good := write("good"+evil+"\nname.uffd", "fd = userfaultfd(O_NONBLOCK)\npoll(fd)\n")
	require.NoError(t, os.Mkdir("dir"+evil, 0o777))
	write(filepath.Join("dir"+evil, "good.uffd"), "poll(1) = "+evil+"\nmaps()\n    "+evil+"\n")
	for name, args := range map[string][]string{
		"answer":           {"conform", good, "--target", target("= " + evil)},
		"block":            {"conform", good, "--target", target("= 3\t" + evil)},
		"fuzz":             {"conform", "--operations", "9", "--target", target("= " + evil)},
		"apology":          {"conform", good, "--target", target("! " + evil)},
		"garbage":          {"conform", good, "--target", target("+" + evil)},
		"program":          {"conform", good, "--target", "./" + evil},
		"kernel":           {"conform", good, "--kernel", evil},
		"file":             {"run", good},
		"missing":          {"run", "missing" + evil},
		"missing too":      {"conform", "--target", "true", "missing" + evil},
		"expectation":      {"run", filepath.Join("dir"+evil, "good.uffd")},
		"quiet":            {"run", "-q", filepath.Join("dir"+evil, "good.uffd")},
		"trace":            {"run", "--trace", filepath.Join("dir"+evil, "good.uffd")},
		"versions":         {"run", "--kernel", "all", filepath.Join("dir"+evil, "good.uffd")},
		"picture":          {"run", "--format", "dot", "-o", "picture", filepath.Join("dir"+evil, "good.uffd")},
		"json":             {"run", "--json", filepath.Join("dir"+evil, "good.uffd")},
		"json trace":       {"run", "--json", "--trace", filepath.Join("dir"+evil, "good.uffd")},
		"json picture":     {"run", "--format", "json", filepath.Join("dir"+evil, "good.uffd")},
		"mermaid":          {"run", "--format", "mermaid", filepath.Join("dir"+evil, "good.uffd")},
		"perfetto":         {"run", "--format", "perfetto", filepath.Join("dir"+evil, "good.uffd")},
		"dot":              {"run", "--format", "dot", filepath.Join("dir"+evil, "good.uffd")},
		"html":             {"run", "--format", "html", filepath.Join("dir"+evil, "good.uffd")},
		"directory":        {"conform", "--target", "true", "dir" + evil},
		"empty":            {"conform", "--target", "true", filepath.Join("dir"+evil, "..")},
		"operation":        {"run", write("operation.uffd", "po"+evil+"ll(0)\n")},
		"garbage scenario": {"run", write("garbage.uffd", evil+"\n")},
		"string":           {"run", write("string.uffd", "copy_to_user(0x1000, \""+evil+"\")\n")},
		"directive":        {"run", write("directive.uffd", "#! kernel: "+evil+"\npoll(1)\n")},
		"vectors":          {"vectors", "vectors" + evil},
		"setup":            {"explore", evil},
		"replay":           {"explore", "copy", "--replay", evil},
		"lesson":           {"demo", evil},
		"command":          {evil},
		"flag":             {"run", "--" + evil},
		"value":            {"run", "--steps", evil},
		"serve":            {"serve"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errOut strings.Builder
			execute(args, strings.NewReader("poll("+evil+")\n"+evil+"\n"), &out, &errOut)
			for _, text := range []string{out.String(), errOut.String()} {
				require.NotContains(t, text, "\x1b")
				require.Equal(t, printable(text), text)
			}
			require.NotContains(t, out.String()+errOut.String(), "\nname.uffd")
			require.NotEmpty(t, out.String()+errOut.String())
		})
	}
}
