// bangfu: tiering and certifying individually-owned businesses, as the work plan of a district asks for.
package main

import (
	"context"
	"os"

	"bangfu/cli"
)

func main() {
	os.Exit(cli.Execute(context.Background(), os.Args[1:]...))
}
