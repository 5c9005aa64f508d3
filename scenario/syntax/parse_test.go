package syntax_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

const sample = `#! title: First fault
#! teaches: what a fault is
# A comment.

fd = userfaultfd(O_NONBLOCK|0x80000)   # a name for it
bad = userfaultfd(0x4) = -1 EINVAL (Invalid argument)
ioctl(fd, UFFDIO_API, {api=0xaa, features=0}) = 0 {features=..., ioctls=...}
t1: load(0x100000+3p, n=2) = blocked # not '#' in quotes
t1 = loaded "a#b"
t2
maps()
    100000-104000 rw-p
	200000-201000 r--p
store(-1, 'A', '\'', "x\n\x41\0")
`

func TestParse(t *testing.T) {
	f, err := syntax.Parse("x.uffd", []byte(sample))
	require.NoError(t, err)
	require.Equal(t, "First fault", f.Directive("title"))
	require.Equal(t, "what a fault is", f.Directive("teaches"))
	require.Empty(t, f.Directive("kernel"))
	require.Len(t, f.Stmts, 8)
	s := f.Stmts

	require.Equal(t, "fd", s[0].Bind)
	require.Equal(t, "userfaultfd", s[0].Call.Name)
	require.Equal(t, []syntax.Item{
		{Pos: syntax.Pos{File: "x.uffd", Line: 5, Col: 18}, Name: "O_NONBLOCK"},
		{Pos: syntax.Pos{File: "x.uffd", Line: 5, Col: 29}, Number: 0x80000},
	}, s[0].Call.Args[0].Value.Items)
	require.False(t, s[0].HasWant)
	require.Equal(t, "fd = userfaultfd(O_NONBLOCK|0x80000)", s[0].Op)

	require.Equal(t, "bad", s[1].Bind)
	require.Equal(t, "-1 EINVAL (Invalid argument)", s[1].Want)

	arg := s[2].Call.Args[2].Value
	require.Equal(t, syntax.Struct, arg.Kind)
	require.Equal(t, "api", arg.Fields[0].Key)
	require.EqualValues(t, 0xaa, arg.Fields[0].Value.Number)
	require.Equal(t, "UFFDIO_API", s[2].Call.Args[1].Value.Name())
	require.Equal(t, "0 {features=..., ioctls=...}", s[2].Want)

	require.Equal(t, "t1", s[3].Task)
	require.Equal(t, 5, s[3].Call.Pos.Col)
	require.EqualValues(t, 0x103000, s[3].Call.Args[0].Value.Number)
	require.Equal(t, "n", s[3].Call.Args[1].Key)
	require.Equal(t, "blocked", s[3].Want)

	require.True(t, s[4].Await)
	require.Equal(t, "t1", s[4].Task)
	require.Equal(t, `loaded "a#b"`, s[4].Want)
	require.True(t, s[5].Await)
	require.False(t, s[5].HasWant)

	require.Equal(t, []string{"100000-104000 rw-p", "200000-201000 r--p"}, s[6].Block)

	args := s[7].Call.Args
	require.Equal(t, ^uint64(0), args[0].Value.Number)
	require.Equal(t, "A", args[1].Value.Text)
	require.Equal(t, "'", args[2].Value.Text)
	require.Equal(t, "x\nA\x00", args[3].Value.Text)
	require.Equal(t, syntax.String, args[3].Value.Kind)
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]uint64{
		"0":                     0,
		"4096":                  4096,
		"0xfF":                  255,
		"0xABCDEFabcdef":        0xABCDEFabcdef,
		"4p":                    4 * 4096,
		"16k":                   16 << 10,
		"2m":                    2 << 20,
		"1g":                    1 << 30,
		"0x10p":                 16 * 4096,
		"1p+8":                  4104,
		"2p - 1":                8191,
		"1p+2p-3p":              0,
		"18446744073709551615":  ^uint64(0),
		"-4096":                 ^uint64(4095),
		"1-2":                   ^uint64(0),
		"-1+2":                  1,
		"-0x8000000000000000":   1 << 63,
		"-1+0xffffffffffffffff": 0xfffffffffffffffe,
	} {
		f, err := syntax.Parse("n", []byte("f("+text+")"))
		require.NoError(t, err, text)
		require.Equal(t, want, f.Stmts[0].Call.Args[0].Value.Number, text)
	}
}

// Every mistake names its place and the reason.
func TestMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"mmap(1, 2":                       `x:1:10: ")" is missing`,
		"mmap(1 2)":                       `x:1:8: expected ")" or a comma, found "2"`,
		"f({a=1)":                         `x:1:7: expected "}" or a comma, found ")"`,
		"f(3q)":                           `x:1:3: unknown unit "q" in "3q": the units are p (pages), k, m and g`,
		"f(18446744073709551616)":         `x:1:3: the number does not fit into 64 bits`,
		"f(0xffffffffffffffffp)":          `x:1:3: the number does not fit into 64 bits`,
		"f(0x)":                           `x:1:3: expected a number, found ")"`,
		"f('ab')":                         `x:1:3: a character is one byte, not 2`,
		"f('a)":                           `x:1:3: the quote is not closed`,
		`f("\q")`:                         `x:1:5: unknown escape \q`,
		`f("\xzz")`:                       `x:1:5: \x needs two hexadecimal digits`,
		"f(1) x":                          `x:1:6: unexpected "x" after the statement`,
		"f(1) =":                          `x:1:6: no answer after "="`,
		"= 3":                             `x:1:1: expected a task, a name or an operation, found "="`,
		"t1: = 3":                         `x:1:5: expected an operation for task t1, found "="`,
		"t1: load = 3":                    `x:1:10: expected "(" after "load", found "="`,
		"load 0x1000":                     `x:1:6: expected "(" after "load", found "0x1000"`,
		"f(,)":                            `x:1:3: expected a value, found ","`,
		"    rw-p":                        `x:1:1: an indented line is output, but there is no statement before it`,
		"f()\n\n    rw-p":                 `x:3:1: an indented line is output, but there is no statement before it`,
		"f(1\x00)":                        `x:1:4: a NUL byte: is this a text file?`,
		"f('\xff')":                       `x:1:4: not valid UTF-8`,
		"f('\ufffd\xff')":                 `x:1:7: not valid UTF-8`,
		"\ufefff()":                       `x:1:1: a byte order mark: save the file without it`,
		"f(1\x12)":                        `x:1:4: expected ")" or a comma, found "\x12"`,
		"f(a|)":                           `x:1:5: expected a name or a number after "|", found ")"`,
		"f(0xffffffffffffffff+1)":         `x:1:3: the number does not fit into 64 bits`,
		"f(-0x8000000000000001)":          `x:1:3: the number does not fit into 64 bits`,
		"f(1-0xffffffffffffffff-1)":       `x:1:3: the number does not fit into 64 bits`,
		`f('\x4')`:                        `x:1:5: \x needs two hexadecimal digits`,
		`f('\x 4')`:                       `x:1:5: \x needs two hexadecimal digits`,
		`f('\x`:                           `x:1:5: \x needs two hexadecimal digits`,
		`f("\`:                            `x:1:5: nothing follows the backslash`,
		`f("\é")`:                         `x:1:5: unknown escape \é`,
		"f() = can't  # why":              `x:1:10: the quote is not closed`,
		`t1 = loaded "a\"`:                `x:1:13: the quote is not closed`,
		"f({{{{{{{{{{{{{{{{{":             `x:1:19: structs are nested more than 16 deep`,
		"f(" + strings.Repeat("é", 11):    `x:1:3: expected a value, found "éééééééééé..."`,
		"f(x" + strings.Repeat("é", 11):   `x:1:4: expected ")" or a comma, found "éééééééééé..."`,
		"f(1)" + strings.Repeat("x€", 9):  `x:1:5: unexpected "x€x€x€x€x€..." after the statement`,
		"f()\n#! kernel: 4.4":             `x:2:1: the directive "kernel" must come before the first statement`,
		"f()\n    a\n  #! title: t\n":     `x:3:1: the directive "title" must come before the first statement`,
		"# " + strings.Repeat("x", 1<<20): `x:1:1: the line is longer than 64 KiB`,
	} {
		_, err := syntax.Parse("x", []byte(text))
		var mistake *syntax.Error
		require.ErrorAs(t, err, &mistake, "%.60q", text)
		require.EqualError(t, mistake, want, "%.60q", text)
	}
}

// All mistakes of a file are reported, up to a limit. Output below a mistake is no second
// mistake.
func TestAllMistakesAreReported(t *testing.T) {
	_, err := syntax.Parse("x", []byte("f(\n    output\ng(1)\nh(3q)\n"))
	require.EqualError(t, err, `x:1:3: ")" is missing`+"\n"+
		`x:4:3: unknown unit "q" in "3q": the units are p (pages), k, m and g`)
	_, err = syntax.Parse("x", []byte(strings.Repeat("f(\n", 100)))
	var all syntax.Errors
	require.ErrorAs(t, err, &all)
	require.Len(t, all, syntax.MaxErrors+1)
	require.EqualError(t, all[syntax.MaxErrors], "x:21:3: more than 20 mistakes: the rest of the file is not checked")
	require.False(t, all.Add(&syntax.Error{Msg: "one more"}))
	require.Len(t, all, syntax.MaxErrors+1)
	var one *syntax.Error
	require.True(t, errors.As(err, &one))
}

// A name has at most 64 bytes in every place. The message is short, however long the name
// is.
func TestLongNames(t *testing.T) {
	for where, at := range map[string]int{
		"%s()":              1,
		"%s: f()":           1,
		"t1: %s()":          5,
		"%s = f()":          1,
		"x = %s()":          5,
		"%s = killed":       1,
		"f(%s)":             3,
		"f(a|%s)":           5,
		"f(%s=1)":           3,
		"f(x, {a=1, %s=1})": 12,
		"f({a=%s})":         6,
	} {
		_, err := syntax.Parse("x", []byte(fmt.Sprintf(where, strings.Repeat("n", syntax.MaxName))))
		require.NoError(t, err, where)
		_, err = syntax.Parse("x", []byte(fmt.Sprintf(where, strings.Repeat("n", 60_000))))
		require.EqualError(t, err, fmt.Sprintf(`x:1:%d: the name "nnnnnnnnnnnnnnnnnnnn..." has 60000 bytes: a name has at most 64`, at), where)
	}
	_, err := syntax.Parse("x", []byte("f(1"+strings.Repeat("n", 60_000)+")"))
	require.EqualError(t, err, `x:1:3: unknown unit "nnnnnnnnnnnnnnnnnnnn..." in "1nnnnnnnnnnnnnnnnnnn...": the units are p (pages), k, m and g`)
}

// A suggestion compares a bounded number of short words, and does not allocate.
func TestSuggestIsBounded(t *testing.T) {
	long := strings.Repeat("x", syntax.MaxName+1)
	require.Empty(t, syntax.Suggest(long, []string{long, long[1:]}))
	require.Empty(t, syntax.Suggest(long[1:], []string{long}))
	near := make([]string, 1001)
	for i := range near {
		near[i] = "yyyy"
	}
	near[999] = "mmpa"
	require.Equal(t, "mmpa", syntax.Suggest("mmap", near), "the last one compared")
	near[999], near[1000] = "yyyy", "mmpa"
	require.Empty(t, syntax.Suggest("mmap", near), "one more")
	require.Equal(t, "mmpa", syntax.Suggest("mmap", append([]string{"madvise_many"}, near[1:]...)), "a word of another length does not count")
	require.Zero(t, testing.AllocsPerRun(10, func() { syntax.Suggest(long[1:], near) }))
}

func TestQuote(t *testing.T) {
	require.Equal(t, `"2015"`, syntax.Quote("2015"))
	require.Equal(t, `"`+strings.Repeat("é", 32)+`..."`, syntax.Quote(strings.Repeat("é", 33)))
}

func TestHint(t *testing.T) {
	err := &syntax.Error{Pos: syntax.Pos{File: "x", Line: 1, Col: 2}, Msg: "unknown", Hint: `did you mean "mmap"?`}
	require.EqualError(t, err, `x:1:2: unknown (did you mean "mmap"?)`)
}

func ExampleSuggest() {
	known := []string{"mmap", "munmap", "mremap", "madvise"}
	fmt.Printf("%q %q %q\n", syntax.Suggest("mnap", known), syntax.Suggest("maps", known), syntax.Suggest("fork", known))
	// Output: "mmap" "mmap" ""
}

func FuzzParse(f *testing.F) {
	f.Add(sample)
	for _, s := range []string{"", "a", "a=", "a=b()", "f(", "f({", "f('", "f(\"\\", "a: b(1p-2) = ...", "\r\n f", "f(a|0x1|b)"} {
		f.Add(s)
	}
	f.Add(race)
	for _, s := range []string{"parallel {", "parallel {\n}", "parallel {\n a: b()\n}\n~exists (~(t = 1 /\\ (t:r = -1 E) \\/ c:[0x1p] = 'A'))"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, err := syntax.Parse("fuzz", []byte(text))
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		for _, stmt := range file.Stmts {
			if stmt.Condition != nil {
				requireSpelling(t, stmt.Condition.Proposition)
			}
		}
		// No answers change nothing, and neither do the expected ones.
		require.Equal(t, text, string(file.Rewrite(nil)))
		require.Equal(t, text, string(file.Rewrite(expected(file))))
		// Any answer is read back as an expectation that it matches.
		if len(text) < 1<<10 {
			requireReadBack(t, file, syntax.Answer{Text: text, Block: strings.Split(text, "\n")})
		}
	})
}

func expected(f *syntax.File) map[int]syntax.Answer {
	answers := map[int]syntax.Answer{}
	for i, s := range f.Stmts {
		answers[i] = syntax.Answer{Text: s.Want, Block: s.Block}
	}
	return answers
}

func BenchmarkParse(b *testing.B) {
	head, statements, _ := strings.Cut(sample, "\nfd = ") // directives come before the first statement
	src := []byte(head + strings.Repeat("\nfd = "+statements, 10))
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := syntax.Parse("x", src); err != nil {
			b.Fatal(err)
		}
	}
}
