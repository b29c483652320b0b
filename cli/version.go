package cli

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the linker (Makefile, Dockerfile); without it the build's own record is used.
var version string

// programVersion names the build: it is kept with every result that the build made.
func programVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v, modified := info.Main.Version, ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && len(s.Value) >= 12 && (v == "" || v == "(devel)"):
			v = s.Value[:12]
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = "-dirty"
		}
	}
	if v == "" {
		v = "(devel)"
	}
	return v + modified
}

func versionCommand() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "显示程序版本", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		_, err := fmt.Fprintln(c.OutOrStdout(), "bangfu", programVersion())
		return err
	}}
}
