// Package syntax is the form of the scenario language: it parses the text of a scenario
// into statements, and writes answers into the text. Package scenario defines what the
// operations mean.
//
// # The language
//
// A scenario is a text of lines in UTF-8.
//
//	#! title: First fault            a directive, before the first statement
//	# a comment, to the end of the line
//	fd = userfaultfd(O_NONBLOCK)     a name for the operation's return value
//	t1: load(0x101000) = blocked     an operation on task t1, and the expected answer
//	t1 = loaded 'A'                  the expected answer of t1's operation, asked for later
//	maps()
//	    100000-104000 rw-p           an indented line: expected output
//	parallel {                       tasks that run at the same time
//	    t1: load(0x101000)           an operation of the task t1
//	    t2: r = close(fd) = 0        one of t2, with a name for its result
//	}
//	~exists (t1 = blocked)           a condition on the ends of all runs
//
// In full:
//
//	file       = { statement } [ block { condition } ]
//	block      = "parallel" "{" newline { statement newline } "}"
//	condition  = ( "exists" | "~exists" | "forall" ) "(" proposition ")"
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
//	proposition = conjunct { "\/" conjunct }
//	conjunct   = atom { "/\" atom }
//	atom       = "~" atom | "(" proposition ")" | place "=" answer
//	place      = task [ ":" name ] | [ process ":" ] "[" sum "]" | [ process ":" ] "[" name "]"
//
// A name consists of letters, digits and _, and may have dots and dashes inside:
// vm.max_map_count. It has at most 64 bytes. A comma may follow the last argument.
// Structs may be nested 16 deep.
//
// The suffixes are p for pages of 4096 bytes, and k, m and g for their powers of two.
// A sum lies between -2^63 and 2^64-1; a negative one is its two's complement.
//
// A name followed by = and a call is a binding; any other name followed by = asks for the
// answer of a task. In a binding, the parenthesis follows the operation without a space:
// "t1 = killed (SIGBUS)" asks for an answer. An answer is the rest of the line without
// its comment; its quotes must be closed. In expected answers and output, ... stands for
// anything. An expected answer may leave out the text of an error: -1 EINVAL.
//
// Output belongs to the statement on the line before it, and ends at the first line that
// is not indented, or empty, or a comment. In output a # begins a comment only at the
// beginning of a line.
//
// In a parallel block every line is an operation; indentation has no meaning there. In a
// proposition, an answer ends at the next operator, or at the parenthesis that closes the
// proposition, outside of quotes and of its own parentheses. A proposition has at most 64
// places, and is nested at most 16 deep.
//
// A directive below the first statement is a mistake. A line that starts with #! and has
// no colon is a comment. A line has at most 64 KiB.
package syntax
