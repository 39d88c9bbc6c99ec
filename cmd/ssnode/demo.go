package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"
)

// demoMax bounds the whole demo; it takes about half of that on a slow machine.
const demoMax = 60 * time.Second

func demoCommand() *cli.Command {
	return &cli.Command{
		Name:     "demo",
		Category: groupNode,
		Usage:    "show three real nodes agreeing: claims, a crash, a partition, healing",
		Description: "Starts three nodes on loopback with their data in a temporary directory, which is\n" +
			"removed at the end. Two run inside this process, so that the network between them\n" +
			"can be cut; the third is a process of its own, so that it can be killed.\n" +
			"Ends with exit code 0 only if everything that was promised on the way held.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "keep", Usage: "keep the data directory and say where it is"},
		},
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			return demo(c.Context, &narrator{out: c.App.Writer}, c.Bool("keep"))
		},
	}
}

// demo tells the whole story, and stops and removes everything at its end,
// however it ends.
func demo(ctx context.Context, say *narrator, keep bool) (err error) {
	ctx, cancel := context.WithTimeout(ctx, demoMax)
	defer cancel()
	// Whoever interrupts the story gets its end all the same: no process and no
	// directory stays behind.
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "ssnode-demo-")
	if err != nil {
		return fmt.Errorf("make a directory for the demo: %w; set TMPDIR to one that can be written to", err)
	}
	began := time.Now()
	cluster := newDemoCluster(dir)
	defer func() {
		err = errors.Join(err, cluster.stop())
		if keep {
			say.line("The data is in %s.", dir)
		} else {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	story := &demoStory{narrator: say, cluster: cluster}
	err = story.tell(ctx)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return errors.New("the demo was interrupted")
	case err != nil:
		return fmt.Errorf("the demo failed: %w", err)
	}
	say.line("Everything held. %.1f seconds.", time.Since(began).Seconds())
	return nil
}
