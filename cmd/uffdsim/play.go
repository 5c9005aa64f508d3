package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/cli/browser"
	"github.com/spf13/cobra"
	"github.com/uffdsim/uffdsim/lessons"
	"github.com/uffdsim/uffdsim/play"
)

func newPlay() *cobra.Command {
	var port int
	var quiet bool
	cmd := &cobra.Command{
		Use:   "play [FILE]",
		Short: "Write, run and step through scenarios on a page in the browser",
		Long: `Serve a page on the loopback interface with an editor, the lessons, and switches for
the kernel version and for rules that are not to be kept; what runs is stepped through
as in "uffdsim run --format html". FILE is a file, a lesson's name, or - for standard
input; without it the first lesson is shown. The page is opened in the browser if there
is a display, and its address is printed. Nobody but this computer can reach it, and it
answers no page but its own. Ctrl+C ends it.`,
		Example:           "  uffdsim play\n  uffdsim play my.uffd\n  uffdsim play --port 8080 --no-browser 07",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeLessons,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := within("--port", port, 0, 65535); err != nil {
				return err
			}
			start, err := startOf(cmd.InOrStdin(), args)
			if err != nil {
				return err
			}
			l, err := play.Listen(port)
			if err != nil {
				return fmt.Errorf("uffdsim play: %w", err)
			}
			address := l.Addr().(*net.TCPAddr)
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			fmt.Fprintf(cmd.OutOrStdout(), "http://%s/\n", address)
			if !quiet && hasDisplay() {
				browser.Stdout, browser.Stderr = io.Discard, io.Discard
				if err := browser.OpenURL("http://" + address.String() + "/"); err != nil {
					fmt.Fprintf(cmd.ErrOrStderr(), "no browser could be opened (%v): open the address yourself\n", err)
				}
			}
			return play.New(address.Port, start).Serve(ctx, l)
		},
	}
	cmd.Flags().IntVar(&port, "port", 0, "port to listen on (0: any that is free)")
	cmd.Flags().BoolVar(&quiet, "no-browser", false, "only print the address")
	return cmd
}

// startOf is what the page begins with.
func startOf(in io.Reader, args []string) (play.Start, error) {
	if len(args) == 0 {
		first := lessons.All()[0]
		return play.Start{Name: first.Name, Source: first.Source}, nil
	}
	r := runner{in: in}
	src, path, err := r.source(args[0])
	if err == nil && len(src) > play.MaxBody {
		err = fmt.Errorf("uffdsim play: %s: more than %d KiB, which is all that the page may send", path, play.MaxBody>>10)
	}
	if lesson, ok := lessons.Find(args[0]); ok && lesson.Source == string(src) {
		path = lesson.Name // by which the page knows it
	}
	return play.Start{Name: path, Source: string(src)}, err
}

// hasDisplay reports whether a browser could show anything.
func hasDisplay() bool {
	return runtime.GOOS != "linux" || os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != ""
}
