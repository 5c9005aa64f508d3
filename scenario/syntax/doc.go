// Package syntax is the form of the scenario language: it turns the text of a scenario
// into statements, and answers back into text. What the operations mean is the
// business of package scenario.
//
// # The language
//
// A scenario is a text of lines in UTF-8.
//
//	#! title: First fault            a directive, at the top of the file
//	# a comment, to the end of the line
//	fd = userfaultfd(O_NONBLOCK)     a name for what the operation returns
//	t1: load(0x101000) = blocked     an operation on task t1, and the expected answer
//	t1 = loaded 'A'                  what has become of task t1
//	maps()
//	    100000-104000 rw-p           an indented line: expected output
//
// In full:
//
//	statement  = [ task ":" ] [ name "=" ] call [ "=" answer ]
//	           | task [ "=" answer ]
//	call       = name "(" [ argument { "," argument } ] ")"
//	argument   = [ name "=" ] value
//	value      = sum | flags | char | string | struct | "..."
//	sum        = [ "-" ] term { ("+" | "-") term }  term: 4096, 0x1000, 4p, 16k, 2m, 1g
//	flags      = item { "|" item }                  item: a name or a term
//	char       = "'A'", with \n \t \0 \\ \' \" and \xNN
//	string     = any number of such characters between double quotes
//	struct     = "{" [ argument { "," argument } ] "}"
//
// A name is letters, digits and _, and has dots and dashes inside: vm.max_map_count.
// It has at most 64 bytes. The last argument may have a comma behind it. Structs nest 16 deep.
//
// The suffixes are p for pages of 4096 bytes, and k, m and g for their powers of two.
// A sum lies between -2^63 and 2^64-1; a negative one is its two's complement.
//
// A name followed by = and a call is a binding; any other name followed by = asks what
// has become of a task. In a binding the bracket stands right behind the operation, so
// that "t1 = killed (SIGBUS)" is a question. An answer is the rest of the line, without
// its comment; its quotes must be closed. In answers and output, ... stands for anything.
//
// Output belongs to the statement on the line before it, and ends with the first line
// that is not indented, or empty, or a comment. In output a # begins no comment, unless
// the line starts with it.
//
// A directive further down than the first statement is a comment, as is a line that
// starts with #! and has no colon. A line has at most 64 KiB.
package syntax
