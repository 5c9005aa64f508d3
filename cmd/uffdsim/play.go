package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/cli/browser"
	"github.com/spf13/cobra"
	"github.com/uffdsim/uffdsim/lessons"
	"github.com/uffdsim/uffdsim/play"
)

func newPlay() *cobra.Command {
	port := defaultPort
	var quiet bool
	cmd := &cobra.Command{
		Use:   "play [FILE]",
		Short: "Write, run and step through scenarios on a page in the browser",
		Long: `Serve a page with an editor, the lessons, and switches for the kernel version and for rules
to drop. A run can be stepped through as in "uffdsim run --format html". FILE is a file, a
lesson's name, or - for standard input; without it the page shows the first lesson.

The command prints the page's address and opens it in the browser if there is a display. Only
programs on this computer can reach the page, and the server refuses requests from any other
page. Ctrl-C ends the server.`,
		Example:           "  uffdsim play\n  uffdsim play my.uffd\n  uffdsim play --port 8080 --no-browser 07",
		Args:              arguments,
		ValidArgsFunction: completeLessons,
		RunE: func(cmd *cobra.Command, args []string) error {
			start, err := startOf(cmd.InOrStdin(), args)
			if err != nil {
				return err
			}
			l, err := listen(cmd, port)
			if err != nil {
				return err
			}
			address := l.Addr().(*net.TCPAddr)
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			fmt.Fprintf(cmd.OutOrStdout(), "http://%s/\nCtrl-C ends it\n", address)
			if !quiet && hasDisplay() {
				browser.Stdout, browser.Stderr = io.Discard, io.Discard
				if err := browser.OpenURL("http://" + address.String() + "/"); err != nil {
					fmt.Fprintf(cmd.ErrOrStderr(), "cannot open a browser (%v): open the address yourself\n", err)
				}
			}
			debug.SetMemoryLimit(play.MemoryLimit) // collect garbage in time, whatever is asked for
			return play.New(address.Port, start).Serve(ctx, l)
		},
	}
	addNumber(cmd, &port, "port", 0, 65535, 8080, fmt.Sprintf("port to listen on, 0 for any free one; if %d is in use, the default is a free one", defaultPort))
	cmd.Flags().BoolVar(&quiet, "no-browser", false, "print the address, and open no browser")
	return cmd
}

// defaultPort is the port of the page, so that its address is the same each time.
const defaultPort = 8015

// listen opens the port. If the command line does not name one and the default is in use,
// it opens any free port and says so.
func listen(cmd *cobra.Command, port int) (net.Listener, error) {
	l, err := play.Listen(port)
	switch {
	case err == nil:
		return l, nil
	case cmd.Flags().Changed("port"):
		return nil, fmt.Errorf("--port %d: %w; choose another port, or 0 for any free one", port, err)
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "port %d: %v: using a free one instead\n", port, err)
	if l, err = play.Listen(0); err != nil {
		return nil, err
	}
	return l, nil
}

// startOf returns the scenario that the page shows first.
func startOf(in io.Reader, args []string) (play.Start, error) {
	if len(args) == 0 {
		first := lessons.All()[0]
		return play.Start{Name: first.Name, Source: first.Source}, nil
	}
	src, path, err := readSource(in, args[0])
	if err == nil && len(src) > play.MaxBody {
		err = fmt.Errorf("%s: more than %d KiB, which the page may not send", path, play.MaxBody>>10)
	}
	if lesson, ok := lessons.Find(args[0]); ok && lesson.Source == string(src) {
		path = lesson.Name // the page's name for it
	}
	return play.Start{Name: path, Source: string(src)}, err
}

// hasDisplay reports whether a browser has a display to show a page on.
func hasDisplay() bool {
	return runtime.GOOS != "linux" || os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != ""
}
