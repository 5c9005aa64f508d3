package main

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

var errRan = errors.New("the command ran")

// commands returns every command of the program, as a function that runs a command line
// of it and returns the exit status and the error output. A command that accepts its
// command line does nothing, and the status is -1.
func commands(t *testing.T) map[*cobra.Command]func(args ...string) (int, string) {
	all := map[*cobra.Command]func(args ...string) (int, string){}
	run := func(args ...string) (int, string) {
		root := newRoot()
		for _, c := range append(root.Commands(), root) {
			c.RunE = func(*cobra.Command, []string) error { return errRan }
		}
		root.SetArgs(args)
		root.SetOut(&strings.Builder{})
		var errOut strings.Builder
		err := root.Execute()
		if errors.Is(err, errRan) {
			return -1, ""
		}
		return exitCode(err, &errOut), errOut.String()
	}
	root := newRoot()
	root.InitDefaultHelpCmd()
	all[root] = run
	for _, c := range root.Commands() {
		require.Empty(t, c.Commands(), "%s has commands, which this test does not visit", c.Name())
		all[c] = func(args ...string) (int, string) { return run(append([]string{c.Name()}, args...)...) }
	}
	return all
}

// refuses fails the test unless the command line is refused in plain words that contain
// all of the words.
func refuses(t *testing.T, status int, message string, words ...string) {
	t.Helper()
	require.Equal(t, exitMistake, status, message)
	for _, raw := range []string{
		"strconv", "pflag", "cobra", "time:", "arg(s)", "ParseInt", "ParseUint", "ParseBool", "invalid argument", "invalid syntax",
		"int64", "uint", "bool ", "%!", "unknown flag", "shorthand", "needs an argument", "bad flag", "in the group", "<nil>",
	} {
		require.NotContains(t, message, raw)
	}
	for _, word := range words {
		require.Contains(t, message, word)
	}
	require.NotEmpty(t, strings.TrimSpace(message))
	require.NotRegexp(t, `^uffdsim`, message, "it begins with what is wrong")
}

// Every flag refuses a value that makes no sense before the command begins. The message
// names the flag, the value and what is accepted.
func TestFlagValues(t *testing.T) {
	numbers := 0
	for cmd, run := range commands(t) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			kind := f.Value.Type()
			_, number := f.Value.(interface{ Example() string })
			switch {
			case kind == "bool":
				for _, value := range []string{"x", "-1", "99999999999999999999", ""} {
					status, message := run("--" + f.Name + "=" + value)
					refuses(t, status, message, "--"+f.Name, shown(value), "must be true or false, such as --")
				}
				return
			case number:
				numbers++
				for _, value := range []string{"x", "-1", "99999999999999999999", "", "1 2", "1.5", "-99999999999999999999", "0x"} {
					status, message := run("--" + f.Name + "=" + value)
					refuses(t, status, message, "--"+f.Name+" "+shown(value), "must be ")
				}
				status, message := run("--"+f.Name, "x")
				refuses(t, status, message, "--"+f.Name+" x: must be a ", ", such as ")
			default:
				require.Contains(t, []string{"string", "LIST"}, kind,
					"%s --%s: a flag for a number needs limits: see addNumber", cmd.CommandPath(), f.Name)
			}
			status, message := run("--" + f.Name)
			refuses(t, status, message, "--"+f.Name+" needs a value")
			require.NotContains(t, message, `""`)
		})
		status, message := run("--no-such-flag")
		refuses(t, status, message, cmd.CommandPath(), "no flag --no-such-flag", "--help lists the flags")
		status, message = run("-Z")
		refuses(t, status, message, "no flag -Z")
		status, message = run("---")
		refuses(t, status, message, "---")
		status, message = run("--=x")
		refuses(t, status, message, "--=x")
	}
	require.GreaterOrEqual(t, numbers, 14)
}

// The default value of a number is within its limits, and so is the value that messages
// show.
func TestNumbersAcceptTheirExamples(t *testing.T) {
	for cmd := range commands(t) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if v, ok := f.Value.(interface{ Example() string }); ok {
				require.NoError(t, f.Value.Set(f.DefValue), "%s --%s", cmd.CommandPath(), f.Name)
				require.NoError(t, f.Value.Set(v.Example()), "%s --%s", cmd.CommandPath(), f.Name)
				require.Equal(t, v.Example(), f.Value.String())
			}
		})
	}
}

// Too few or too many arguments are refused. The message says which argument, and how the
// command is used.
func TestNumberOfArguments(t *testing.T) {
	for cmd, run := range commands(t) {
		if !cmd.HasParent() {
			status, message := run("rum")
			refuses(t, status, message, `no command "rum" (did you mean "run"?)`)
			continue
		}
		require.NotNil(t, cmd.Args, "%s: Args must be arguments", cmd.Name())
		needed, most := 0, 0
		for _, word := range strings.Fields(cmd.Use)[1:] {
			require.Equal(t, strings.ToUpper(word), word, "the arguments of %q are in upper case", cmd.Use)
			if !strings.HasPrefix(word, "[") {
				needed++
			}
			most++
		}
		if needed > 0 {
			status, message := run()
			refuses(t, status, message, " is missing (usage: "+cmd.CommandPath(), "; example: uffdsim "+cmd.Name())
		}
		many := strings.Fields(strings.Repeat("x ", most+1))
		if strings.Contains(cmd.Use, "...") {
			status, _ := run(many...)
			require.Equal(t, -1, status)
			continue
		}
		status, message := run(many...)
		refuses(t, status, message, `one argument too many: "x" (usage: `+cmd.CommandPath())
	}
}

// Every help text fits in 100 columns, has an example, and names no type of Go.
func TestHelpTexts(t *testing.T) {
	for cmd := range commands(t) {
		args := []string{"--help"}
		if cmd.HasParent() {
			args = []string{cmd.Name(), "--help"}
			require.NotEmpty(t, cmd.Example, cmd.Name())
			require.Regexp(t, `^[A-Z][a-z]+,? .*[^.]$`, cmd.Short, "%s: begins with a verb, and has no full stop", cmd.Name())
			require.NotEmpty(t, cmd.Long, cmd.Name())
		}
		var out, errOut strings.Builder
		require.Equal(t, exitFine, execute(args, strings.NewReader(""), &out, &errOut))
		require.Empty(t, errOut.String())
		for line := range strings.Lines(out.String()) {
			require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), columns, "%s: %s", cmd.Name(), line)
			require.NotRegexp(t, ` --[a-z-]+ (string|strings|int|uint|duration) `, line)
			require.NotContains(t, line, "go run")
		}
		var again strings.Builder
		require.Equal(t, exitFine, execute(append([]string{"help"}, args[:len(args)-1]...), strings.NewReader(""), &again, &errOut))
		require.Equal(t, out.String(), again.String(), "help %s", cmd.Name())
	}
}

// Tables fit in 100 columns.
func TestTablesFit(t *testing.T) {
	for _, name := range []string{"list", "rules", "versions", "explore", "ops"} {
		var out, errOut strings.Builder
		require.Equal(t, exitFine, execute([]string{name}, strings.NewReader(""), &out, &errOut))
		require.Greater(t, strings.Count(out.String(), "\n"), 10)
		for line := range strings.Lines(out.String()) {
			require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), columns, "%s: %s", name, line)
		}
	}
}

// Errors of values that only the command itself can judge are as plain.
func TestPlainMistakes(t *testing.T) {
	t.Chdir(t.TempDir())
	for line, want := range map[string]string{
		"run --format= 01":                          `no format "": the formats are text, json`,
		"run --kernel=, 01":                         `no kernel "": accepted are`,
		"run --drop= 01":                            `no rule "": "uffdsim rules" lists them`,
		`run --drop="a 01`:                          `no rule "\"a": "uffdsim rules" lists them`,
		"run --trace --format html 01":              "--trace prints the events as text, and --format html has every event anyway: leave one of them out",
		"run --update --format html 01":             "--format html does not go with --update",
		"run --quiet --trace 01":                    "--trace and --quiet exclude each other",
		"run --json --quiet 01":                     "--json and --quiet exclude each other",
		"run --update --trace 01":                   "--update and --trace exclude each other",
		"run --update --output x 01":                "--update and --output exclude each other",
		"run --free --seed 3 01":                    "--free and --seed exclude each other",
		"run --kernel all --json 01":                "several kernels are only compared",
		"run .":                                     ".: the directory has no scenarios (*.uffd)",
		"run 01-frist-fault":                        `no such file, and no lesson of that name (did you mean "01-first-fault"?)`,
		"run -o /nonexist/x 01":                     "--output /nonexist/x: no such file or directory\n",
		"run --format html -o /nonexist/x 01":       "--output /nonexist/x: no such file or directory\n",
		"explore kill-read --output /nonexist/x":    "--output /nonexist/x: no such file or directory\n",
		"demo .":                                    ".: is a directory\n",
		"run /dev/null/x":                           "/dev/null/x: not a directory\n",
		"vectors /dev/null/x":                       "/dev/null/x: not a directory\n",
		"demo --pause --no-pause":                   "--pause and --no-pause exclude each other",
		"demo 01-frist-fault":                       `no such file, and no lesson of that name (did you mean "01-first-fault"?)`,
		"ops ioctll":                                `no operation "ioctll" (did you mean "ioctl"?)`,
		"bench --scale --time 1s":                   "--scale and --time exclude each other",
		"explore --faulters 2":                      "--faulters needs a PROGRAM to explore",
		"explore copy --replay=":                    "--replay: must be a schedule, such as 't1*10",
		"explore copy --strategy=":                  `no strategy "": the strategies are dpor`,
		"explore copy --fix must-wait-reread":       `no fix "must-wait-reread" (did you mean "must-wait-rereads"?)`,
		"explore copy --shard=0/x":                  "--shard 0/x: must be shard I of N, such as 0/4",
		"conform --operations 5 x.uffd":             "--fuzz and --operations generate the scenarios: leave out x.uffd",
		"conform --target true .":                   ".: the directory has no scenarios (*.uffd)",
		"run - -":                                   "- stands for standard input, which can be read only once",
		"versions --feature=":                       "--feature: no feature is named",
		"help rum":                                  `no command "rum" (did you mean "run"?)`,
		"completion csh":                            `no completion for "csh" (did you mean "zsh"?)`,
		"--fast":                                    "no flag --fast: uffdsim --help lists the flags",
		"run --stepz 3 01":                          `no flag --stepz (did you mean "--steps"?): uffdsim run --help lists the flags`,
		"explain":                                   "RULE is missing (usage: uffdsim explain RULE; example: uffdsim explain recheck-after-enqueue)",
		"play --port":                               "--port needs a value, such as --port 8080",
		"conform --target":                          "--target needs a value, such as --target 'uffdsim serve'",
		"versions --feature":                        "--feature needs a value, such as --feature MINOR_SHMEM",
		"vectors v --kernel":                        "--kernel needs a value, such as --kernel 4.3",
		"explain recheck-after-enqueue --budget 10": "--budget 10: must be a duration with its unit, such as 10s",
	} {
		t.Run(line, func(t *testing.T) {
			var out, errOut strings.Builder
			status := execute(strings.Fields(line), strings.NewReader(""), &out, &errOut)
			refuses(t, status, errOut.String(), want)
			require.Empty(t, out.String())
		})
	}
}
