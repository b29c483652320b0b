// Command compose checks docker-compose.yml with the loader of Docker Compose itself: schema, interpolation,
// references between services, and that every needed variable is one of .env.example.
package main

import (
	"context"
	"fmt"
	"os"
	"sort"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	if err := check(context.Background(), os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "docker-compose.yml:", err)
		os.Exit(1)
	}
}

func check(ctx context.Context, file, example string) error {
	b, err := os.ReadFile(example)
	if err != nil {
		return err
	}
	var env []string
	for line := range strings.Lines(string(b)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		if value == "" {
			value = "filled"
		}
		env = append(env, name+"="+value)
	}
	options, err := cli.NewProjectOptions([]string{file}, cli.WithEnv(env), cli.WithResolvedPaths(true))
	if err != nil {
		return err
	}
	project, err := options.LoadProject(ctx)
	if err != nil {
		return err
	}
	names := project.ServiceNames()
	sort.Strings(names)
	for _, name := range names {
		if s := project.Services[name]; s.Image == "" || !strings.Contains(s.Image, ":") || strings.HasSuffix(s.Image, ":latest") {
			return fmt.Errorf("service %s: image %q is not pinned", name, s.Image)
		}
	}
	fmt.Println("docker-compose.yml:", strings.Join(names, ", "))
	return nil
}
