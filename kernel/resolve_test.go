package kernel_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/uffd"
)

// Every release since 4.3 is the sum of the changes that it has, under its own name.
func TestVersionsResolve(t *testing.T) {
	last := map[int]int{4: 20, 5: 19, 6: 19, 7: 2}
	for major, from := range map[int]int{4: 3, 5: 0, 6: 0, 7: 0} {
		for minor := from; minor <= last[major]; minor++ {
			series := fmt.Sprintf("%d.%d", major, minor)
			for _, name := range []string{series, series + ".1", series + ".44", series + ".90", series + ".250"} {
				release := name
				if strings.HasPrefix(kernel.Running, name+".") {
					release = kernel.Running
				}
				want, _ := kernel.Lookup("2015")
				for _, c := range kernel.Changes() {
					if c.In(release) {
						c.Apply(&want)
					}
				}
				want.Name = name
				for _, spelt := range []string{name, "v" + name} {
					got, err := kernel.Resolve(spelt)
					require.NoError(t, err)
					require.Equal(t, want, got, spelt)
				}
			}
		}
	}
	for _, p := range kernel.Profiles() {
		got, err := kernel.Resolve(p.Name)
		require.NoError(t, err)
		require.Equal(t, p, got)
	}
}

// A release in which nothing changed answers as the last one in which something did.
func TestVersionsInBetween(t *testing.T) {
	for name, like := range map[string]string{
		"4.5": "4.4", "4.9": "4.7", "4.19": "4.17", "5.4": "5.2", "5.10": "5.9", "5.10.66": "5.9", "5.15": "5.15",
		"6.1.191": "6.1", "6.6": "6.6", "6.6.87": "6.6", "6.12": "6.10", "6.12.85": "6.10",
		"6.18.44": "6.18", "6.18.27": "6.18", "6.18.26": "6.17", "7.0": "6.17", "7.1": "6.18", "9.9": "6.18",
	} {
		got, err := kernel.Resolve(name)
		require.NoError(t, err)
		want, ok := kernel.Lookup(like)
		require.True(t, ok, like)
		want.Name = name
		require.Equal(t, want, got, "%s is not as %s", name, like)
	}
}

// A stable release has the backports of its own series, from the release that brought
// them.
func TestVersionsHaveBackports(t *testing.T) {
	get := func(name string) uffd.Facts {
		p, err := kernel.Resolve(name)
		require.NoError(t, err)
		return p.UFFD
	}
	require.NotEqual(t, uffd.HandshakeCompareExchange, get("5.10.66").Handshake)
	require.Equal(t, uffd.HandshakeCompareExchange, get("5.10.67").Handshake)
	require.NotEqual(t, uffd.HandshakeCompareExchange, get("5.11.99").Handshake, "5.11 is another series")
	require.Equal(t, uffd.ReleasedNoPage, get("6.12.116").Released)
	require.Equal(t, uffd.ReleasedRetry, get("6.12.117").Released)
	require.True(t, get("6.12.86").LowAddress)
	require.False(t, get("6.12.85").LowAddress)
	require.False(t, get("6.18.0").LowAddress, "6.18 stands for 6.18.44, 6.18.0 does not")
}

func TestVersionErrors(t *testing.T) {
	for _, name := range []string{
		"", "v", "4", "6.", ".6", "6..1", "6.1.", "6.1.2.3", "06.1", "6.01", "+6.1", "6.-1", "6.1 ", "6.1-rc2",
		"6.1.0-18-amd64", "V6.1", "vv6.1", "v2015", "v2015+copy", "2016", "2015+", "all", "99999.1", "6.12345", "six",
	} {
		_, err := kernel.Resolve(name)
		require.EqualError(t, err, fmt.Sprintf("no kernel %q: accepted are %s", name, kernel.Accepted))
		_, described := kernel.Describe(name)
		require.Equal(t, err, described)
	}
	for name, want := range map[string]string{
		"2.4":    "userfaultfd came with Linux 4.3",
		"v4.2.8": "userfaultfd came with Linux 4.3",
		"0.0.1":  "userfaultfd came with Linux 4.3",
		"4.21":   "Linux 4.20 was followed by 5.0",
		"5.20.1": "Linux 5.19 was followed by 6.0",
		"6.20":   "Linux 6.19 was followed by 7.0",
	} {
		_, err := kernel.Resolve(name)
		require.EqualError(t, err, fmt.Sprintf("no kernel %q: %s", name, want))
	}
	_, err := kernel.Resolve(strings.Repeat("x", 1<<20))
	require.Less(t, len(err.Error()), 200)
}

func TestVersionDescriptions(t *testing.T) {
	for name, want := range map[string]string{
		"2015":      "fs/userfaultfd.c of early 2015, before it was merged",
		"2015+copy": "2015 with UFFDIO_COPY and UFFDIO_ZEROPAGE of the same series",
		"4.3":       "mainline 4.3",
		"4.3.6":     "mainline 4.3, no backports known",
		"4.4.181":   "mainline 4.4 with backports context-pins-struct (4.4.181)",
		"5.10":      "as 5.9, nothing changed since",
		"5.10.3":    "as 5.9, nothing changed since",
		"6.1.192":   "mainline 6.1 with backports low-addresses (6.1.192)",
		"6.18":      "6.18.44, on which the conformance suite was run: mainline 6.18 with backports low-addresses (6.18.27)",
		"6.18.44":   "on which the conformance suite was run: mainline 6.18 with backports low-addresses (6.18.27)",
		"6.18.2":    "as 6.17, nothing changed since",
		"6.18.99":   "mainline 6.18 with backports low-addresses (6.18.27) (6.18.44 is the newest that was compared with a running kernel)",
		"7.0":       "as 6.17, no change known since (6.18.44 is the newest that was compared with a running kernel)",
		"7.1":       "mainline 7.1 (6.18.44 is the newest that was compared with a running kernel)",
		"7.1.2":     "as 7.1, the last release with a known change (6.18.44 is the newest that was compared with a running kernel)",
		"9.1":       "as 7.1, the last release with a known change (6.18.44 is the newest that was compared with a running kernel)",
	} {
		got, err := kernel.Describe(name)
		require.NoError(t, err)
		require.Equal(t, name+": "+want, got)
	}
}

// Any release can be asked for.
func ExampleResolve() {
	for _, name := range []string{"v5.10", "5.10.100"} {
		p, _ := kernel.Resolve(name)
		text, _ := kernel.Describe(name)
		fmt.Println(p.Name, p.UFFD.Handshake == uffd.HandshakeCompareExchange)
		fmt.Println(text)
	}
	// Output:
	// 5.10 false
	// 5.10: as 5.9, nothing changed since
	// 5.10.100 true
	// 5.10.100: mainline 5.10 with backports handshake-compare-exchange (5.10.67)
}

// The default is the series of the running kernel that answers were compared with.
func TestDefault(t *testing.T) {
	p, ok := kernel.Lookup(kernel.Default)
	require.True(t, ok)
	require.Equal(t, kernel.Default, p.Name)
	require.True(t, strings.HasPrefix(kernel.Running, kernel.Default+"."))
	all := kernel.Profiles()
	require.Equal(t, all[len(all)-1].Name, kernel.Default, "it is the newest one")
}
