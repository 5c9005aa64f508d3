package main

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show the version of this program",
		Long: `Show the version of this program's module, the revision that it was built from, and the
version of Go. "uffdsim versions" lists the kernels' changes.`,
		Example: "  uffdsim version",
		Args:    arguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := io.WriteString(cmd.OutOrStdout(), versionText())
			return err
		},
	}
}

// versionText returns the build information of the program as lines.
func versionText() string {
	info, _ := debug.ReadBuildInfo()
	var text strings.Builder
	writeVersion(&text, info)
	return text.String()
}

// writeVersion prints the build information. info may be nil.
func writeVersion(out io.Writer, info *debug.BuildInfo) {
	if info == nil {
		info = &debug.BuildInfo{}
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	revision := cmp.Or(settings["vcs.revision"], "unknown (built without version control)")
	if settings["vcs.modified"] == "true" {
		revision += " (modified)"
	}
	fmt.Fprintf(out, "uffdsim %s\n", cmp.Or(info.Main.Version, "(devel)"))
	fmt.Fprintf(out, "revision %s\n", revision)
	if at := settings["vcs.time"]; at != "" {
		fmt.Fprintf(out, "committed %s\n", at)
	}
	fmt.Fprintf(out, "%s %s/%s\n", cmp.Or(info.GoVersion, runtime.Version()), runtime.GOOS, runtime.GOARCH)
}
