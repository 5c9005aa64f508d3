package syntax_test

import (
	"fmt"

	"github.com/uffdsim/uffdsim/scenario/syntax"
)

func ExampleParse() {
	f, err := syntax.Parse("fault.uffd", []byte("fd = userfaultfd(O_NONBLOCK)\nt1: load(0x100000+1p) = blocked\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range f.Stmts {
		fmt.Printf("%v %q %q %s, wants %q\n", s.Pos, s.Task, s.Bind, s.Call.Name, s.Want)
	}
	fmt.Printf("%#x\n", f.Stmts[1].Call.Args[0].Value.Number)
	// Output:
	// fault.uffd:1:1 "" "fd" userfaultfd, wants ""
	// fault.uffd:2:1 "t1" "" load, wants "blocked"
	// 0x101000
}

// The error lists all mistakes of a file.
func ExampleParse_mistakes() {
	_, err := syntax.Parse("fault.uffd", []byte("load(0x1000\nmmap(0x100000, 4q)\n"))
	fmt.Println(err)
	// Output:
	// fault.uffd:1:12: ")" is missing
	// fault.uffd:2:16: unknown unit "q" in "4q": the units are p (pages), k, m and g
}

func ExampleMatch() {
	fmt.Println(syntax.Match("0 {ioctls=...}", "0 {ioctls=WAKE|COPY}"))
	fmt.Println(syntax.Match("-1 EINVAL", "-1 EINVAL (Invalid argument)"))
	fmt.Println(syntax.Match("-1 EINVAL ...", "-1 EBUSY (Device or resource busy)"))
	// Output:
	// true
	// true
	// false
}

// The column of the = and the comment stay.
func ExampleFile_Rewrite() {
	f, err := syntax.Parse("x.uffd", []byte("load(0x1000)   = 'A'  # the first byte\nmaps()\n    old\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s", f.Rewrite(map[int]syntax.Answer{
		0: {Text: "'B'"},
		1: {Block: []string{"100000-104000 rw-p"}},
	}))
	// Output:
	// load(0x1000)   = 'B'  # the first byte
	// maps()
	//     100000-104000 rw-p
}
