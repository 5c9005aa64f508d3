package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// number is the value of a flag: a whole number or a duration within limits. It
// implements [pflag.Value].
type number[T int | uint64 | time.Duration] struct {
	p               *T
	lowest, highest T
	example         T
}

// addNumber adds a flag whose value is a number from lowest to highest. example is a
// usual value, for messages.
func addNumber[T int | uint64 | time.Duration](cmd *cobra.Command, p *T, name string, lowest, highest, example T, usage string) {
	cmd.Flags().Var(&number[T]{p, lowest, highest, example}, name, usage)
}

// Set implements [pflag.Value]. Numbers are written as in Go: 1_000_000, 0xff.
func (n *number[T]) Set(text string) error {
	v, err := n.parse(text)
	switch {
	case errors.Is(err, strconv.ErrRange), err == nil && (v < n.lowest || v > n.highest):
		return fmt.Errorf("must be from %v to %v", n.lowest, n.highest)
	case err != nil:
		return fmt.Errorf("must be %s, such as %v", n.form(), n.example)
	}
	*n.p = v
	return nil
}

// parse returns the number in the text, whatever the limits.
func (n *number[T]) parse(text string) (T, error) {
	switch any(n.lowest).(type) {
	case time.Duration:
		d, err := time.ParseDuration(text)
		return T(d), err
	case uint64:
		if _, err := strconv.ParseInt(text, 0, 64); err == nil && strings.HasPrefix(text, "-") {
			return 0, strconv.ErrRange
		}
		v, err := strconv.ParseUint(text, 0, 64)
		return T(v), err
	}
	v, err := strconv.ParseInt(text, 0, 64)
	return T(v), err
}

// form says what the value looks like.
func (n *number[T]) form() string {
	if _, ok := any(n.lowest).(time.Duration); ok {
		return "a duration with its unit"
	}
	return "a whole number"
}

// String implements [pflag.Value].
func (n *number[T]) String() string {
	if n.p == nil || *n.p == 0 {
		return "0"
	}
	return fmt.Sprint(*n.p)
}

// Type implements [pflag.Value]: the placeholder of the value in a help text.
func (n *number[T]) Type() string {
	if _, ok := any(n.lowest).(time.Duration); ok {
		return "TIME"
	}
	return "N"
}

// Example returns a usual value.
func (n *number[T]) Example() string { return fmt.Sprint(n.example) }

// list is the value of a flag that may be repeated: words with commas between them. It
// implements [pflag.Value].
type list struct{ words *[]string }

// Set implements [pflag.Value].
func (l list) Set(text string) error {
	for word := range strings.SplitSeq(text, ",") {
		*l.words = append(*l.words, strings.TrimSpace(word))
	}
	return nil
}

// String implements [pflag.Value].
func (l list) String() string {
	if l.words == nil {
		return ""
	}
	return strings.Join(*l.words, ",")
}

// Type implements [pflag.Value].
func (l list) Type() string { return "LIST" }

// flagError returns the error of the command line in plain words: it names the command or
// the flag, the value, what is accepted, and an example.
func flagError(cmd *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	var unknown *pflag.NotExistError
	var missing *pflag.ValueRequiredError
	var syntax *pflag.InvalidSyntaxError
	switch {
	case errors.As(err, &invalid):
		flag := invalid.GetFlag()
		return fmt.Errorf("--%s %s: %s", flag.Name, shown(invalid.GetValue()), accepted(cmd, flag, invalid.Unwrap()))
	case errors.As(err, &unknown):
		name, hint := "--"+unknown.GetSpecifiedName(), ""
		if letters := unknown.GetSpecifiedShortnames(); letters != "" {
			name = "-" + unknown.GetSpecifiedName()
		} else if s := didYouMean(unknown.GetSpecifiedName(), flagNames(cmd)); s != "" {
			hint = strings.Replace(s, `"`, `"--`, 1)
		}
		return fmt.Errorf("no flag %s%s: %s --help lists the flags", name, hint, cmd.CommandPath())
	case errors.As(err, &missing):
		flag := missing.GetFlag()
		return fmt.Errorf("--%s needs a value%s", flag.Name, such(cmd, flag))
	case errors.As(err, &syntax):
		return fmt.Errorf("%q is not a flag: %s --help lists the flags", syntax.GetSpecifiedFlag(), cmd.CommandPath())
	case errors.Is(err, pflag.ErrHelp):
		return err
	}
	return err
}

// accepted says which values the flag takes. cause is the error of its own type of value.
func accepted(cmd *cobra.Command, flag *pflag.Flag, cause error) string {
	if _, own := flag.Value.(interface{ Example() string }); own {
		return cause.Error()
	}
	if flag.Value.Type() == "bool" {
		return fmt.Sprintf("must be true or false, such as --%s=false; --%[1]s alone means true", flag.Name)
	}
	return "not accepted" + such(cmd, flag)
}

// such returns an example of the flag from its value or the command's examples, "" if
// none.
func such(cmd *cobra.Command, flag *pflag.Flag) string {
	value := ""
	if v, ok := flag.Value.(interface{ Example() string }); ok {
		value = v.Example()
	} else if _, after, ok := strings.Cut(cmd.Example, "--"+flag.Name+" "); ok {
		value = firstWord(after)
	} else if flag.DefValue != "" {
		value = flag.DefValue
	}
	if value == "" {
		return ""
	}
	return fmt.Sprintf(", such as --%s %s", flag.Name, value)
}

// firstWord returns the first word of a command line, with its quotes if it has any.
func firstWord(line string) string {
	if rest, quoted := strings.CutPrefix(line, "'"); quoted {
		word, _, _ := strings.Cut(rest, "'")
		return "'" + word + "'"
	}
	return strings.Fields(line + " ?")[0]
}

// shown returns a value as a message shows it: in quotes if its ends would not be clear.
func shown(value string) string {
	if value == "" || strings.ContainsAny(value, " \t\n\"'") {
		return strconv.Quote(value)
	}
	return value
}

// flagNames returns the names of the command's flags.
func flagNames(cmd *cobra.Command) (names []string) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}

// givenFlags returns the flags on the command line, each with its dashes.
func givenFlags(cmd *cobra.Command) (given []string) {
	cmd.Flags().Visit(func(f *pflag.Flag) { given = append(given, "--"+f.Name) })
	return given
}

// exclusive returns an error if one of the others was given together with the flag.
func exclusive(cmd *cobra.Command, flag string, others ...string) error {
	for _, other := range others {
		if cmd.Flags().Changed(flag) && cmd.Flags().Changed(other) {
			return fmt.Errorf("--%s and --%s exclude each other: leave one of them out", flag, other)
		}
	}
	return nil
}
